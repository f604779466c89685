"""Keys of the cache's entries: digests of everything that shapes a result.

A key has no numbers of clips, realizations and points, and no names that only appear in tables: a wider sweep
finds the calls that it shares with a narrower one.
"""

import hashlib
import os
import platform
import sys
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import fields, is_dataclass
from functools import cache, cached_property, lru_cache
from pathlib import Path
from typing import Any

from pydantic import BaseModel

from testbed.cache.versions import DECODE, ENCODE, SIMULATE
from testbed.codecs.engines.engine import Job
from testbed.codecs.opus.library import load
from testbed.codecs.opus.settings import EncoderSettings, WrittenDred
from testbed.columns import MEASURED, names
from testbed.environment import package_version
from testbed.machine import processor
from testbed.metrics import METRICS
from testbed.plan import CallId, Group
from testbed.provenance import channel_files, libopus_files, sha256_of
from testbed.run_context import RunContext

Key = bytes
SoundKey = bytes
"""Equal for calls that decode to the same sound and are compared with the same clip."""
_KEY_BYTES = 16
_MOST_CALLS = 1024
_PACKAGES = ("numpy", "scipy", "numba", "simpy")
_SHAPE_CALLS = (
    "seed",
    "codec",
    "channel",
    "other_calls",
    "reverse",
    "feedback",
    "congestion",
    "allocation",
    "playout",
)


class CallKeys:
    """The keys of a run's calls.

    Parameters
    ----------
    context
        The run.
    """

    def __init__(self, context: RunContext) -> None:
        self._context = context
        self._files: dict[Path, str] = {}
        self._clips: dict[int, bytes] = {}
        self._calls: dict[tuple[object, ...], Key] = {}

    def encoding(self, clip: int, settings: EncoderSettings, written: WrittenDred | None) -> Key:
        """Return the key of an encoding of a clip."""
        return key_of("encoding", ENCODE, self._codec, self._clip(clip), settings, written)

    def call(self, call: CallId, group: Group) -> Key:
        """Return the key of a simulated call of a group."""
        place = (call.point, call.scheme, call.clip, group.settings, group.engine)
        if place not in self._calls:
            if len(self._calls) >= _MOST_CALLS:
                self._calls.clear()
            self._calls[place] = self._all_realizations(call, group)
        return key_of(self._calls[place], call.realization)

    def timeline(self, call: Key) -> Key:
        """Return the key of the timeline of a simulated call."""
        return key_of("timeline", call)

    def sound(self, sound: SoundKey, engine: str) -> Key:
        """Return the key of a decoded sound."""
        return key_of("sound", DECODE, self._codec, sound, engine)

    def score(self, sound: SoundKey, engine: str, metric: str) -> Key:
        """Return the key of a score of a sound."""
        return key_of("score", self.sound(sound, engine), _identity(metric))

    def sound_key(self, clip: int, job: Job, lookahead_samples: int) -> SoundKey:
        """Return the identity of the sound that a job decodes to, compared with a clip."""
        return sound_key(self._clip(clip), job, lookahead_samples)

    def has_changed(self) -> bool:
        """Return whether a file is no longer the one that the keys are for."""
        return any(_sha256(path) != known for path, known in self._files.items())

    @cached_property
    def _codec(self) -> Key:
        libopus = [load().version, *self._hashes(path for path, _ in libopus_files())]
        return key_of(libopus, processor(), platform.python_version(), *map(package_version, _PACKAGES))

    def _clip(self, clip: int) -> bytes:
        if clip not in self._clips:
            self._clips[clip] = hashlib.sha256(self._context.clips[clip].pcm.tobytes()).digest()
        return self._clips[clip]

    def _all_realizations(self, call: CallId, group: Group) -> Key:
        context = self._context
        scenario, clips = context.scenario(call), context.clips
        others = [(call.clip + 1 + other) % len(clips) for other in range(scenario.other_calls)]
        return key_of(
            "call",
            (ENCODE, SIMULATE),
            self._codec,
            names(MEASURED),
            clips[call.clip].name,
            [self._clip(clip) for clip in (call.clip, *others)],
            group.settings,
            context.scheme(call).parts,
            [getattr(scenario, name) for name in _SHAPE_CALLS],
            scenario.limits.events,
            self._hashes(path for path, _ in channel_files(scenario)),
            group.engine,
        )

    def _hashes(self, paths: Iterable[Path]) -> list[str]:
        return [self._files.setdefault(path, _sha256(path)) for path in paths]


def sound_key(clip: bytes, job: Job, lookahead_samples: int) -> SoundKey:
    """Return the identity of the sound that a job decodes to, compared with the clip of a digest."""
    numbers = (lookahead_samples, job.frame_samples, job.decoder_complexity)
    return key_of(clip, numbers, job.actions.tobytes(), job.sources.tobytes(), _packets(job.sent))


def key_of(*parts: Any) -> Key:
    """Return the digest of values: models, dataclasses, lists, mappings, numbers, text, bytes.

    A class that is not the testbed's counts with the files of its package.
    """
    hashed = hashlib.blake2b(digest_size=_KEY_BYTES)
    for token in _tokens(parts):
        hashed.update(len(token).to_bytes(8))
        hashed.update(token)
    return hashed.digest()


def _tokens(value: Any) -> Iterator[bytes]:
    if isinstance(value, bytes):
        yield b"bytes"
        yield value
    elif isinstance(value, BaseModel):
        yield from _of_class(type(value))
        yield from _tokens({name: getattr(value, name) for name in type(value).model_fields})
    elif is_dataclass(value) and not isinstance(value, type):
        yield from _of_class(type(value))
        yield from _tokens({field.name: getattr(value, field.name) for field in fields(value)})
    elif isinstance(value, Mapping):
        yield f"mapping {len(value)}".encode()
        for name, item in value.items():
            yield from _tokens(name)
            yield from _tokens(item)
    elif isinstance(value, list | tuple):
        yield f"list {len(value)}".encode()
        for item in value:
            yield from _tokens(item)
    else:
        yield f"{type(value).__name__} {value!r}".encode()


def _of_class(kind: type) -> Iterator[bytes]:
    yield f"{kind.__module__}.{kind.__qualname__}".encode()
    if not kind.__module__.startswith("testbed."):
        yield package_files(kind.__module__)


@cache
def package_files(module: str) -> bytes:
    """Return the digest of all files of the package that a module belongs to."""
    file = Path(getattr(sys.modules[module.partition(".")[0]], "__file__", None) or "")
    if not file.is_file():  # as in a notebook: the code is not known, so nothing of it is found again
        return os.urandom(_KEY_BYTES)
    every = sorted(file.parent.rglob("*")) if file.name == "__init__.py" else [file]
    kept = [path for path in every if path.is_file() and "__pycache__" not in path.parts]
    return key_of([(str(path.relative_to(file.parent)), _sha256(path)) for path in kept])


@cache
def _identity(metric: str) -> Key:
    """Return the identity of a metric: name, version, its packages, and the files of another package."""
    described = METRICS[metric]
    foreign = [
        package_files(plugin.entry_point.module) for plugin in METRICS.plugins if plugin.name == metric
    ]
    return key_of(metric, described.version, list(map(package_version, described.packages)), foreign)


@lru_cache(maxsize=16)
def _packets(sent: tuple[bytes, ...]) -> Key:
    return key_of(sent)


def _sha256(path: Path) -> str:
    return sha256_of(path) or ""
