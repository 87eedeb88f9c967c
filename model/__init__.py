"""The maker of bundles: trains a Vision Transformer and exports it for `service` to serve."""
