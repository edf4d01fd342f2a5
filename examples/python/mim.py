# SPDX-License-Identifier: MIT
"""mim.py -- libmim from Python: ctypes and numpy, nothing else.

Functions are called by their names without "mim_"; a failure is an exception with libmim's own sentence:

    mim = Mim("build/libmim.so", threads=2)
    with mim.make("config_create", b"simmim_vit_tiny_32") as config, \
         mim.make("trainer_create", config, None, None, None, None) as trainer:
        mim.trainer_step(trainer, byref(mim.images(pictures)), c_int64(0), None)
"""
import ctypes
from ctypes import POINTER, byref, c_double, c_float, c_int32, c_int64, c_size_t, c_void_p

import numpy as np


class Images(ctypes.Structure):
    """struct mim_images; its size is checked against the library's when that is loaded."""


Images._fields_ = [("struct_size", c_size_t), ("data", c_void_p), ("type", c_int32), ("count", c_int32),
                   ("height", c_int32), ("width", c_int32), ("channels", c_int32), ("reserved", c_int32),
                   ("image_stride", c_int64), ("row_stride", c_int64), ("column_stride", c_int64),
                   ("channel_stride", c_int64), ("next", POINTER(Images))]


class Handle:
    """A handle of libmim and the function that ends it, at the end of a `with` at the latest."""

    def __init__(self, mim, kind):
        self._as_parameter_ = c_void_p()
        self.mim, self.kind = mim, kind

    def close(self):
        getattr(self.mim.lib, f"mim_{self.kind}_destroy")(self._as_parameter_)
        self._as_parameter_ = c_void_p()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()


class Mim:
    def __init__(self, path, threads=1):
        self.lib = ctypes.CDLL(path)
        if self.constant("sizeof mim_images") != ctypes.sizeof(Images):
            raise RuntimeError("mim.py does not fit this libmim")
        self.context = None
        self.context = self._made("context", self.lib.mim_context_create, None)
        self.context_set_threads(self.context, c_int32(threads))

    def constant(self, name):
        value = c_int64()
        if self.lib.mim_constant(name.encode(), byref(value)):
            raise KeyError(name)
        return value.value

    def _check(self, status):
        if status:
            why = ctypes.create_string_buffer(1024)
            if self.context:
                self.lib.mim_last_error(self.context, why, c_size_t(len(why)), None)
            self.lib.mim_status_name.restype = ctypes.c_char_p
            raise RuntimeError(f"{self.lib.mim_status_name(c_int32(status)).decode()}: {why.value.decode()}")

    def _made(self, kind, function, *arguments):
        handle = Handle(self, kind)
        self._check(function(*arguments, byref(handle._as_parameter_)))
        return handle

    def make(self, name, *arguments):
        """A create function whose first argument is the context: the handle that it gives."""
        return self._made(name.split("_")[0], getattr(self.lib, "mim_" + name), self.context, *arguments)

    def tensors(self, owner, what, naming=None):
        """A view of a trainer, encoder or head: what is "MIM_WEIGHTS", "MIM_GRADIENTS", ..."""
        function = getattr(self.lib, f"mim_{owner.kind}_tensors")
        return self._made("tensors", function, owner, c_int32(self.constant(what)), naming)

    def metric(self, trainer, name):
        value = c_double()
        self.trainer_metric(trainer, name.encode(), byref(value))
        return value.value

    def array(self, view, name=None):
        """The f32 values of a tensor, or of the whole view, in place: numpy without a copy, alive as the view is."""
        data, n = POINTER(c_float)(), c_size_t()
        self.tensors_data(view, name and name.encode(), byref(data), byref(n))
        return np.ctypeslib.as_array(data, (n.value,))

    def __getattr__(self, name):
        """Any other function that gives a status. Integers go as c_int64 or c_int32: say which where it is not int."""
        function = getattr(self.lib, "mim_" + name)
        return lambda *arguments: self._check(function(*arguments))

    def images(self, pictures):
        """numpy [count, height, width, channels], uint8, uint16 or float32 of this machine's byte order, any strides.
        Not copied, unless it is one value broadcast: later changes of pictures are seen."""
        if not pictures.dtype.isnative:
            raise ValueError(f"pictures of type {pictures.dtype}: not the byte order of this machine")
        kinds = {np.dtype("u1"): "MIM_U8", np.dtype("u2"): "MIM_U16", np.dtype("f4"): "MIM_F32"}
        if not any(pictures.strides):           # strides of zero mean dense to libmim
            pictures = pictures.copy()
        images = Images(ctypes.sizeof(Images), pictures.ctypes.data, self.constant(kinds[pictures.dtype]),
                        *pictures.shape, 0, *pictures.strides, None)
        images.pictures = pictures              # lives as long as what points into it
        return images
