"""Example of a concealer for the testbed that wraps a network in ONNX."""
