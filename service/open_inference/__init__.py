"""The Open Inference Protocol, version 2: its tensors, requests and answers, without HTTP."""
