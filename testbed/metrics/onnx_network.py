"""Networks in ONNX, run on one thread: a sweep uses the other cores for other calls."""

from typing import Any


def open_network(model: bytes) -> Any:
    """Return a session of onnxruntime for a serialized model."""
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = options.inter_op_num_threads = 1
    return onnxruntime.InferenceSession(model, options, providers=["CPUExecutionProvider"])
