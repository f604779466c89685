"""Finds and loads libopus; its C functions are described in one table.

`OPUS_LIBRARY` overrides everything; otherwise it is the testbed's own build in the cache, otherwise the
system's. The functions are those of libopus's public header ``opus.h``; one that an older libopus lacks is
replaced by one that raises and says so.
"""

import ctypes
import ctypes.util
import os
import sysconfig
from collections.abc import Callable
from ctypes import POINTER, byref, c_char_p, c_int, c_int16, c_int32, c_uint32, c_void_p
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from types import SimpleNamespace
from typing import Any, NoReturn

from testbed.codecs.opus.library_file import check_file
from testbed.errors import CodecError
from testbed.files import cache_dir

DRED = "DRED"
PCM24 = "24-bit samples"
LBRR_QUERY = "the LBRR query"

_ERROR = POINTER(c_int)
_DECODE = (c_void_p, c_char_p, c_int32, c_void_p, c_int, c_int)
_ENCODE = (c_void_p, c_void_p, c_int, c_void_p, c_int32)
_DRED_DECODE = (c_void_p, c_void_p, c_int32, c_void_p, c_int32)

# name, argument types (of a ctl: those before its variable part), result type, the feature that it belongs to
_FUNCTIONS: tuple[tuple[str, tuple[Any, ...], Any, str | None], ...] = (
    ("opus_strerror", (c_int,), c_char_p, None),
    ("opus_get_version_string", (), c_char_p, None),
    ("opus_encoder_create", (c_int32, c_int, c_int, _ERROR), c_void_p, None),
    ("opus_encoder_destroy", (c_void_p,), None, None),
    ("opus_encoder_ctl", (c_void_p, c_int), c_int, None),
    ("opus_encode_float", _ENCODE, c_int32, None),
    ("opus_encode24", _ENCODE, c_int32, PCM24),
    ("opus_decoder_create", (c_int32, c_int, _ERROR), c_void_p, None),
    ("opus_decoder_destroy", (c_void_p,), None, None),
    ("opus_decoder_ctl", (c_void_p, c_int), c_int, None),
    ("opus_decode_float", _DECODE, c_int, None),
    ("opus_decode24", _DECODE, c_int, PCM24),
    (
        "opus_packet_parse",
        (c_char_p, c_int32, c_void_p, c_void_p, POINTER(c_int16), POINTER(c_int)),
        c_int,
        None,
    ),
    ("opus_packet_has_lbrr", (c_char_p, c_int32), c_int, LBRR_QUERY),
    ("opus_dred_decoder_create", (_ERROR,), c_void_p, DRED),
    ("opus_dred_decoder_destroy", (c_void_p,), None, DRED),
    ("opus_dred_alloc", (_ERROR,), c_void_p, DRED),
    ("opus_dred_free", (c_void_p,), None, DRED),
    (
        "opus_dred_parse",
        (c_void_p, c_void_p, c_char_p, c_int32, c_int32, c_int32, POINTER(c_int), c_int),
        c_int,
        DRED,
    ),
    ("opus_decoder_dred_decode_float", _DRED_DECODE, c_int, DRED),
    ("opus_decoder_dred_decode24", _DRED_DECODE, c_int, PCM24),
)


@dataclass(frozen=True, eq=False)
class Library:
    """One loaded libopus.

    Attributes
    ----------
    path
        The file, or the bare name that the dynamic linker knows the system's library by.
    version
        The library's own name and version, such as ``"libopus 1.6.1"``.
    missing
        Features whose functions the library does not export at all. A feature that is not listed may still be
        missing: `testbed.codecs.opus.capabilities` tries each.
    call
        The C functions, as attributes by their own names.
    """

    path: str
    version: str
    missing: frozenset[str]
    call: SimpleNamespace

    def check(self, result: int, doing: str) -> int:
        """Return `result`; if it is an error code (negative), raise `CodecError` with libopus's text."""
        if result < 0:
            text = self.call.opus_strerror(result).decode()
            raise CodecError(f"{doing}: {text} (error {result} of {self.version}, {self.path})")
        return result

    def create(self, function: Callable[..., int | None], *arguments: int) -> int:
        """Call a function that makes an object and reports through an error pointer; return its address."""
        error = c_int(0)
        address = function(*arguments, byref(error))
        name = getattr(function, "__name__", "libopus")
        self.check(error.value, name)
        if not address:
            raise CodecError(f"{name}: no memory")
        return address

    def lacks(self, feature: str) -> CodecError:
        """Return the error for a feature that this library does not have."""
        return CodecError(
            f"this libopus has no support for {feature}: {self.version}, {self.path}. "
            "`testbed opus build` builds one that has everything"
        )


def set_int(ctl: Callable[..., int], state: int, request: int, value: int) -> int:
    """Call the integer form of a variadic ctl: ``ctl(state, request, opus_int32 value)``."""
    return ctl(state, request, c_int32(value))


def get_int(ctl: Callable[..., int], state: int, request: int, into: c_int32 | c_uint32) -> int:
    """Call the pointer form of a variadic ctl: ``ctl(state, request, &into)``."""
    return ctl(state, request, byref(into))


def find() -> str:
    """Return the path (or the linker's name) of the libopus to use.

    Raises
    ------
    CodecError
        If `OPUS_LIBRARY` names no file, or there is no libopus on this machine.
    """
    environment = os.environ
    return _find(
        environment.get("OPUS_LIBRARY"), environment.get("TESTBED_CACHE"), environment.get("XDG_CACHE_HOME")
    )


def forget() -> None:
    """Search again at the next `find`, after a library was built or removed."""
    _find.cache_clear()


@cache
def _find(override: str | None, *_cache_environment: str | None) -> str:
    # cached: searching for files takes longer than a question about a packet, and there is one per packet
    if override:
        if not Path(override).is_file():
            raise CodecError(f"OPUS_LIBRARY={override}: no such file; it must name a libopus.so, or be unset")
        return override
    built = cache_dir() / "opus" / "current" / "libopus.so"
    if built.is_file():
        return str(built.resolve())
    if system := _system_library():
        return system
    raise CodecError(
        "no libopus on this machine: `testbed opus build` builds one, or set OPUS_LIBRARY to a libopus.so"
    )


def load(path: str | None = None) -> Library:
    """Load libopus from `path`, by default the one of `find`; each path is loaded once.

    Raises
    ------
    CodecError
        If the file is no shared library for this machine, or not libopus.
    """
    return _load(path or find())


@cache
def _system_library() -> str | None:
    """Return the path of the system's libopus, or its bare name if the path is not known.

    By a bare name the linker would return a library of that name that is already loaded.
    """
    name = ctypes.util.find_library("opus")
    if name is None or "/" in name:
        return name
    multiarch = sysconfig.get_config_var("MULTIARCH") or ""
    for folder in (f"/usr/lib/{multiarch}", "/usr/lib64", "/usr/lib", "/usr/local/lib"):
        if (file := Path(folder, name)).is_file():
            return str(file)
    return name


@cache
def _load(path: str) -> Library:
    if Path(path).is_file():  # else a name that the dynamic linker knows
        check_file(Path(path))
    try:
        handle = ctypes.CDLL(path)
    except OSError as error:
        raise CodecError(f"{path}: cannot be loaded as libopus: {error}") from error
    library = Library(path, _version(handle, path), _missing(handle, path), SimpleNamespace())
    for name, arguments, result, feature in _FUNCTIONS:
        function: Any = getattr(handle, name, None)
        if function is None:
            function = _refuser(library, feature or "Opus")
        else:
            function.argtypes = arguments
            function.restype = result
        setattr(library.call, name, function)
    return library


def _version(handle: ctypes.CDLL, path: str) -> str:
    function = getattr(handle, "opus_get_version_string", None)
    if function is None:
        raise CodecError(f"{path}: not libopus (it has no opus_get_version_string)")
    function.restype = c_char_p
    return str((function() or b"unknown").decode(errors="replace"))


def _missing(handle: ctypes.CDLL, path: str) -> frozenset[str]:
    missing = set()
    for name, _, _, feature in _FUNCTIONS:
        if not hasattr(handle, name):
            if feature is None:
                raise CodecError(f"{path}: not libopus, or too old a one (it has no {name})")
            missing.add(feature)
    return frozenset(missing)


def _refuser(library: Library, feature: str) -> Callable[..., NoReturn]:
    def refuse(*_: object) -> NoReturn:
        raise library.lacks(feature)

    return refuse
