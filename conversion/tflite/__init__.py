"""TensorFlow Lite: ``python -m conversion.tflite``."""
