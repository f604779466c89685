"""Capabilities: only those that a build really has."""

import ctypes
import dataclasses
from importlib.metadata import files
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from testbed.codecs.opus import capabilities as module
from testbed.codecs.opus import library as libopus
from testbed.codecs.opus.build import installed
from testbed.codecs.opus.capabilities import Capabilities, capabilities
from testbed.codecs.opus.library import load

SET_DRED_DURATION = 4050


def pyav_libopus() -> str:
    """Return the libopus inside PyAV's wheel: of today, and without any of the networks."""
    found = [file for file in files("av") or [] if file.name.startswith("libopus-")]
    assert found, "PyAV's wheel carries no libopus any more: test with another one that has no DRED"
    return str(Path(str(found[0].locate())))


def test_our_build_has_everything() -> None:
    build = installed()
    assert build is not None, "libopus is not built: run `testbed opus build` (`make setup` does)"
    found = capabilities(str(build.library))
    assert found == Capabilities(
        path=str(build.library),
        version=f"libopus {build.version}",
        decode24=True,
        lbrr=True,
        deep_plc=True,
        osce=True,
        dred=True,
        dtx=True,
    )
    assert found.lacking == ()
    assert capabilities(str(build.library)) is found


def test_a_build_that_exports_all_of_it_and_has_none() -> None:
    library = load(pyav_libopus())
    assert library.missing == frozenset()
    found = capabilities(library.path)
    assert (found.decode24, found.lbrr) == (True, True)
    assert found.lacking == ("deep PLC", "OSCE", "DRED")


@pytest.mark.parametrize("answer", ["nothing", "a depth"])
def test_a_build_that_accepts_dred_and_has_none(monkeypatch: pytest.MonkeyPatch, answer: str) -> None:
    """It claims DRED, but the sound is that of plain concealment: so it has none."""
    library = load(pyav_libopus())
    real = library.call
    memory = ctypes.create_string_buffer(64)

    def accept(state: int, request: int, *value: Any) -> int:
        return 0 if request == SET_DRED_DURATION else int(real.opus_encoder_ctl(state, request, *value))

    def conceal(state: int, dred: int, offset: int, out: int, samples: int) -> int:
        return int(real.opus_decode24(state, None, 0, out, samples, 0))

    claims = {
        "opus_encoder_ctl": accept,
        "opus_dred_decoder_create": lambda error: ctypes.addressof(memory),
        "opus_dred_decoder_destroy": lambda state: None,
        "opus_dred_alloc": lambda error: ctypes.addressof(memory),
        "opus_dred_free": lambda state: None,
        "opus_dred_parse": lambda *arguments: 1600 if answer == "a depth" else 0,
        "opus_decoder_dred_decode24": conceal,
    }
    liar = dataclasses.replace(library, call=SimpleNamespace(**{**vars(real), **claims}))
    monkeypatch.setattr(module, "load", lambda path: liar)
    module._probe.cache_clear()
    try:
        assert not capabilities("liar").dred
    finally:
        module._probe.cache_clear()


def test_the_systems_own_library() -> None:
    name = libopus._system_library()
    if name is None:  # a machine need not have one
        return
    found = capabilities(name)
    assert found.lbrr
    if found.version.startswith(("libopus 1.3", "libopus 1.4")):
        assert found.lacking == ("24-bit calls", "deep PLC", "OSCE", "DRED")
