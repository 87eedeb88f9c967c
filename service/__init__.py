"""The server of bundles: classifies images with a Vision Transformer and shows what it saw."""

import os

__version__ = "0.1.0"

# onnxruntime since 1.29 tells its maker of each process, model and error, and keeps an identifier
# of the machine in the home folder, unless this is set before it is imported
os.environ.setdefault("ORT_DISABLE_TELEMETRY", "1")

# Ray tells its maker how it is used, unless this is set where it is started
os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")
