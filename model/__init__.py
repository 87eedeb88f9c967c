"""The maker of bundles: trains a Vision Transformer and exports it for `service` to serve."""

import service  # noqa: F401 - first: it keeps onnxruntime from telling its maker of this process
