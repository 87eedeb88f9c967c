"""Traces: the named values and parameters that a picture meets on its way through the model."""
