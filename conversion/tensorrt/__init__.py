"""TensorRT: ``python -m conversion.tensorrt``."""
