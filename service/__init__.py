"""The server of bundles: classifies images with a Vision Transformer and shows what it saw."""

__version__ = "0.1.0"
