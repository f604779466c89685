"""The build of libopus that references are made with."""

from functools import cache

from testbed.codecs.opus import build as opus_build


@cache
def build() -> opus_build.Build:
    """Return the build in use."""
    found = opus_build.installed()
    assert found is not None, "libopus is not built: run 'testbed opus build'"
    return found
