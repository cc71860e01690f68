"""Memory of an NVIDIA GPU, through the driver's own library.

``libcuda`` is on every machine whose GPU works, Jetson boards included, and the functions used here
have kept their form since CUDA 4. A package such as cuda-python would have to fit the version of
CUDA that the board has, and boards have few packages.
"""

from __future__ import annotations

import ctypes
import sys
from typing import Any

import numpy as np
from numpy.typing import NDArray

from lightning_plates.errors import ModelError

_CAPABILITY_MAJOR, _CAPABILITY_MINOR = 75, 76
"""CU_DEVICE_ATTRIBUTE_COMPUTE_CAPABILITY_MAJOR and _MINOR of ``cuda.h``."""
_NON_BLOCKING = 1
"""CU_STREAM_NON_BLOCKING: a stream that does not wait for the default one."""


class CudaDevice:
    """The first NVIDIA device, with memory that is freed by :meth:`close`.

    Raises:
        ModelError: There is no driver, or no device.
    """

    def __init__(self) -> None:
        self._driver = _load_driver()
        self._call("cuInit", 0)
        device = ctypes.c_int()
        self._call("cuDeviceGet", ctypes.byref(device), 0)
        self._device = device
        self._memory: list[ctypes.c_uint64] = []
        context = ctypes.c_void_p()
        # The primary context is the one that CUDA's runtime, and so TensorRT, works in.
        self._call("cuDevicePrimaryCtxRetain", ctypes.byref(context), device)
        self._context = context
        self.use()
        self._stream = ctypes.c_void_p()
        self._call("cuStreamCreate", ctypes.byref(self._stream), _NON_BLOCKING)

    @property
    def name(self) -> str:
        """The device's name, e.g. ``"Orin"``."""
        text = ctypes.create_string_buffer(256)
        self._call("cuDeviceGetName", text, len(text), self._device)
        return text.value.decode()

    @property
    def compute_capability(self) -> str:
        """Generation of the device, e.g. ``"8.7"``."""
        return ".".join(map(str, map(self._attribute, (_CAPABILITY_MAJOR, _CAPABILITY_MINOR))))

    @property
    def stream(self) -> int:
        """Handle of the stream that work is queued in."""
        return int(self._stream.value or 0)

    def use(self) -> None:
        """Make the device that of the calling thread; each thread has to."""
        self._call("cuCtxSetCurrent", self._context)

    def allocate(self, size_bytes: int) -> int:
        """Address of new memory on the device."""
        address = ctypes.c_uint64()
        self._call("cuMemAlloc_v2", ctypes.byref(address), ctypes.c_size_t(size_bytes))
        self._memory.append(address)
        return int(address.value)

    def write(self, address: int, values: NDArray[Any]) -> None:
        """Copy ``values`` to the device."""
        held = np.ascontiguousarray(values)
        source = held.ctypes.data_as(ctypes.c_void_p)
        size = ctypes.c_size_t(held.nbytes)
        self._call("cuMemcpyHtoD_v2", ctypes.c_uint64(address), source, size)

    def read(
        self, address: int, shape: tuple[int, ...], dtype: np.dtype[np.generic]
    ) -> NDArray[Any]:
        """Copy an array of that shape and type from the device."""
        held: NDArray[Any] = np.empty(shape, dtype)
        target = held.ctypes.data_as(ctypes.c_void_p)
        size = ctypes.c_size_t(held.nbytes)
        self._call("cuMemcpyDtoH_v2", target, ctypes.c_uint64(address), size)
        return held

    def wait(self) -> None:
        """Return when everything queued in the stream is done."""
        self._call("cuStreamSynchronize", self._stream)

    def close(self) -> None:
        """Free the memory, the stream and the hold on the device."""
        self.use()
        while self._memory:
            self._call("cuMemFree_v2", self._memory.pop())
        self._call("cuStreamDestroy_v2", self._stream)
        self._call("cuDevicePrimaryCtxRelease_v2", self._device)

    def _attribute(self, number: int) -> int:
        value = ctypes.c_int()
        self._call("cuDeviceGetAttribute", ctypes.byref(value), number, self._device)
        return value.value

    def _call(self, function: str, *arguments: Any) -> None:  # noqa: ANN401 -- as C takes them
        status = getattr(self._driver, function)(*arguments)
        if status != 0:
            text = ctypes.c_char_p()
            self._driver.cuGetErrorString(status, ctypes.byref(text))
            reason = (text.value or b"unknown error").decode()
            raise ModelError(f"CUDA: {function} failed with {status} ({reason})")


def _load_driver() -> Any:  # noqa: ANN401 -- ctypes.CDLL, whose functions have no types
    name = "nvcuda.dll" if sys.platform == "win32" else "libcuda.so.1"
    try:
        return ctypes.CDLL(name)
    except OSError as error:
        raise ModelError(f"no NVIDIA driver on this machine ({error})") from error
