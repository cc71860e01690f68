"""TVM: ``python -m conversion.tvm``."""
