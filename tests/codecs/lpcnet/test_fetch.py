"""LPCNet's weights, from a small Debian archive of our own with a library of the same layers."""

import hashlib
import os
import subprocess
from dataclasses import replace
from itertools import count

import numpy as np
import pytest

from testbed import apt
from testbed.apt import AptSource
from testbed.codecs.lpcnet import package as packages
from testbed.codecs.lpcnet import weights as lpcnet
from testbed.codecs.lpcnet.layers import LAYERS, SHAPES
from testbed.codecs.lpcnet.package import Package
from testbed.errors import CodecError, FetchError, NoNetworkError

NAME = "libcodec2-1.0"


def source(**numbers):
    """Return C with LPCNet's layers; the first item of each array is its number."""
    lines, counter = [], count(1)
    for name, layer in LAYERS.items():
        for field, shape in layer.arrays.items():
            kind = "int" if field == "idx" else "float"
            lines.append(f"static {kind} {name}_{field}[{int(np.prod(shape))}] = {{{next(counter)}}};")
        sizes = numbers.get(name, layer.numbers)
        pointers = ", ".join(f"{name}_{field}" for field in layer.arrays)
        lines.append(f"struct {{ void *arrays[{len(layer.arrays)}]; int numbers[{len(sizes)}]; }} {name} =")
        lines.append(f"  {{ {{ {pointers} }}, {{ {', '.join(map(str, sizes))} }} }};")
    return "\n".join(lines)


def built(folder, code):
    """Build a package whose library has that code; return its file."""
    folder.mkdir()
    tree = folder / "tree"
    library = tree / "usr/lib/somewhere-linux-gnu/libcodec2.so.1.0"
    library.parent.mkdir(parents=True)
    subprocess.run(
        ["gcc", "-shared", "-fPIC", "-x", "c", "-", "-o", str(library)], input=code, text=True, check=True
    )
    (library.parent / "libcodec2.so.1").symlink_to(library.name)
    licence = tree / f"usr/share/doc/{NAME}/copyright"
    licence.parent.mkdir(parents=True)
    licence.write_text("LGPL-2.1")
    (tree / "DEBIAN").mkdir()
    control = f"Package: {NAME}\nVersion: 1.0.5-1\nArchitecture: all\n"
    control += "Maintainer: x <x@example.org>\nDescription: x\n"
    (tree / "DEBIAN/control").write_text(control)
    file = folder / f"{NAME}_1.0.5-1_all.deb"
    subprocess.run(["dpkg-deb", "-Znone", "-b", str(tree), str(file)], check=True, capture_output=True)
    return file


@pytest.fixture(scope="module")
def good(tmp_path_factory):
    """A package as it should be."""
    return built(tmp_path_factory.mktemp("good") / "package", source())


@pytest.fixture
def known(good, monkeypatch, tmp_path):
    """A function that makes a file the one known package; the cache is empty."""
    monkeypatch.setenv("TESTBED_CACHE", str(tmp_path / "cache"))
    arrays = b"".join(
        first.tobytes() + bytes(4 * int(np.prod(shape)) - 4)
        for first, shape in zip(first_items(), SHAPES.values(), strict=True)
    )
    monkeypatch.setattr(lpcnet, "_SHA256", hashlib.sha256(arrays).hexdigest())

    def know(file):
        sha256 = {"all": hashlib.sha256(file.read_bytes()).hexdigest()}
        monkeypatch.setattr(packages, "KNOWN", (Package("stable", NAME, "1.0.5-1", sha256),))

    know(good)
    yield know
    lpcnet.weights.cache_clear()


def first_items():
    """Return the first item of each array, in its type."""
    return [
        np.int32(number) if name.endswith(".idx") else np.float32(number)
        for number, name in enumerate(SHAPES, 1)
    ]


def archive(folder, file):
    """Make a folder a Debian archive of one package, or of none; return its source."""
    packages_file = folder / f"dists/stable/main/binary-{architecture()}/Packages"
    packages_file.parent.mkdir(parents=True)
    text = ""
    if file is not None:
        (folder / file.name).write_bytes(file.read_bytes())
        control = (file.parent / "tree/DEBIAN/control").read_text()
        digest = hashlib.sha256(file.read_bytes()).hexdigest()
        text = f"{control}Filename: {file.name}\nSize: {file.stat().st_size}\nSHA256: {digest}\n"
    packages_file.write_text(text)
    digest = hashlib.sha256(text.encode()).hexdigest()
    (folder / "dists/stable/Release").write_text(
        f"Suite: stable\nCodename: stable\nComponents: main\nArchitectures: {architecture()}\n"
        f"Date: Thu, 01 Jan 2026 00:00:00 UTC\nSHA256:\n {digest} {len(text)} "
        f"main/binary-{architecture()}/Packages\n"
    )
    return AptSource(f"file:{folder}", "stable", ("main",), trusted=True)


def architecture():
    return subprocess.run(
        ["dpkg", "--print-architecture"], check=True, capture_output=True, text=True
    ).stdout[:-1]


def test_the_weights_come_from_the_archive(good, known, monkeypatch, tmp_path):
    mirror = archive(tmp_path / "archive", good)
    monkeypatch.setattr(apt, "debian_mirror", lambda: mirror)
    said = []
    folder = lpcnet.fetch(progress=said.append)
    assert {path.name for path in folder.iterdir()} == {"weights.bin", "libcodec2.so", "copyright.txt"}
    assert [path.name for path in folder.parent.iterdir()] == [folder.name]
    arrays = lpcnet.weights()
    assert {name: array.shape for name, array in arrays.items()} == SHAPES
    assert [array.flat[0] for array in arrays.values()] == first_items()
    assert [array.dtype for array in arrays.values()] == [item.dtype for item in first_items()]
    assert not any(array.flags.writeable for array in arrays.values())
    said.clear()
    assert lpcnet.fetch(progress=said.append) == folder
    assert len(said) == 1
    assert "already" in said[0]


def test_missing_and_damaged_weights_say_how_to_get_them(good, known):
    with pytest.raises(CodecError, match=r"not on this machine; `testbed lpcnet fetch` gets them"):
        lpcnet.weights()
    weights = lpcnet.fetch(good, lambda line: None) / "weights.bin"
    whole = weights.read_bytes()
    for damaged in (whole[:-1], whole + b"x", b"x" + whole[1:]):
        weights.write_bytes(damaged)
        with pytest.raises(CodecError, match=r"weights.bin: is damaged; `testbed lpcnet fetch`"):
            lpcnet.weights()
    lpcnet.fetch(good, lambda line: None)
    assert weights.read_bytes() == whole


@pytest.mark.parametrize(
    ("code", "reason"),
    [
        ("#include <stdlib.h>\n__attribute__((constructor)) void f(void) { abort(); }", "code -6"),
        ("int embed_sig;", "embed_pitch"),
        (source(gru_b=(512, 32, 2, 1)), r"gru_b has sizes \(512, 32, 2, 1\), not \(512, 16, 2, 1\)"),
        (source().replace("{1}", "{7}"), "SHA-256 of its weights is"),
    ],
    ids=["crashes", "lacks a layer", "other sizes", "other weights"],
)
def test_a_library_that_is_not_lpcnet_is_refused(known, tmp_path, code, reason):
    file = built(tmp_path / "other", code)
    known(file)
    with pytest.raises(FetchError, match=reason):
        lpcnet.fetch(file, lambda line: None)
    assert lpcnet.missing()
    assert not list(lpcnet.folder().parent.iterdir())


def test_an_unknown_package_is_refused_before_it_is_unpacked(known, tmp_path):
    file = tmp_path / "libcodec2.deb"
    file.write_bytes(b"anything")
    with pytest.raises(
        FetchError, match=r"libcodec2.deb: SHA-256 \w+ is not that of a known package: libcodec2"
    ):
        lpcnet.fetch(file, lambda line: None)
    with pytest.raises(FetchError, match="cannot be read: No such file"):
        lpcnet.fetch(tmp_path / "none.deb", lambda line: None)


def test_a_pipe_is_refused_unread(tmp_path):
    os.mkfifo(tmp_path / "package.deb")
    with pytest.raises(FetchError, match="is not a file"):
        packages.identify(tmp_path / "package.deb")


def test_an_archive_without_the_package_says_so(known, monkeypatch, tmp_path):
    mirror = archive(tmp_path / "archive", None)
    monkeypatch.setattr(apt, "debian_mirror", lambda: mirror)
    with pytest.raises(FetchError, match=r"(?s)no known package.*stable: .*libcodec2-1.0.*--package FILE"):
        lpcnet.fetch(progress=lambda line: None)


def test_a_machine_without_apt_says_so_once(known, monkeypatch, tmp_path):
    (package,) = packages.KNOWN
    monkeypatch.setattr(packages, "KNOWN", (package, replace(package, suite="old")))
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(FetchError, match=r"\(stable, old: apt-get is not on this machine[^)]*\)\. Or give"):
        lpcnet.fetch(progress=lambda line: None)


def test_no_network_says_what_to_do(known, monkeypatch, tmp_path):
    (tmp_path / "apt-get").write_text("#!/bin/sh\necho 'E: Could not resolve m' >&2\nexit 100\n")
    (tmp_path / "apt-get").chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path), prepend=":")
    monkeypatch.setattr(apt, "debian_mirror", lambda: AptSource("http://m", "stable", ("main",)))
    with pytest.raises(
        NoNetworkError, match=r"Connect this machine, or give a package .* with --package FILE"
    ):
        lpcnet.fetch(progress=lambda line: None)
