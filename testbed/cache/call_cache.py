"""The cache of a run's calls: what earlier runs computed, and what this one adds.

An entry holds plain numbers, text and bytes, so that reading a file of somebody else is harmless.
"""

import json
import os
import re
import threading
from dataclasses import dataclass
from functools import lru_cache, partial
from typing import Any

from testbed.adaptive.played import Heard
from testbed.cache.database import Kind
from testbed.cache.digests import Key
from testbed.cache.encodings import packed_encoding, unpacked_encoding
from testbed.cache.entries import Entries
from testbed.cache.keys import CallKeys, SoundKey
from testbed.cache.sounds import packed, packed_edited, unpacked, unpacked_edited
from testbed.codecs.dred.network_folder import LIBOPUS
from testbed.codecs.encoding import Encoding
from testbed.codecs.opus.settings import EncoderSettings, WrittenDred
from testbed.codecs.pcm import Pcm16
from testbed.columns import MEASURED, names
from testbed.metrics.scorer import Score
from testbed.plain_json import plain_json
from testbed.plan import CallId, Group
from testbed.run_context import RunContext
from testbed.speech import Clip

_NO_BASE = bytes(16)
_EDITED = b"edited".ljust(16)
_KEPT_BASES = 8
_HEX = re.compile("[0-9a-f]{32}")


@dataclass(frozen=True)
class CachedCall:
    """A call that was simulated before.

    Attributes
    ----------
    measurements
        Its columns.
    sound
        The identity of its sound.
    timeline
        Its timeline as a Parquet file, if it was kept.
    """

    measurements: dict[str, Any]
    sound: SoundKey
    timeline: bytes | None = None


class CallCache:
    """The cache, for the calls of one run that one process makes.

    Parameters
    ----------
    context
        The run; without `RunContext.cache`, nothing is found and nothing is kept.

    Attributes
    ----------
    keys
        The keys.
    """

    def __init__(self, context: RunContext) -> None:
        self.keys = CallKeys(context)
        self._entries = Entries(context.cache)
        self._bases: dict[SoundKey, Pcm16] = {}

    @property
    def problem(self) -> str:
        """The reason why the cache is not used; "" if it is, or should not be."""
        return self._entries.problem

    @property
    def has_room(self) -> bool:
        """True if there is room for further sounds."""
        return self._entries.have_room

    def call(self, call: CallId, group: Group) -> CachedCall | None:
        """Return a call of a group that was simulated before; None if there is none."""
        if not self._entries.are_used:
            return None
        columns = names(MEASURED)
        key = self.keys.call(call, group)
        match self._list(key):
            case [str(sound), *values] if _is_hex(sound) and _are_numbers(values, len(columns)):
                timeline = self._entries.get(self.keys.timeline(key))
                return CachedCall(dict(zip(columns, values, strict=True)), bytes.fromhex(sound), timeline)
        return None

    def keep_call(self, call: CallId, group: Group, simulated: CachedCall) -> None:
        """Keep a simulated call of a group."""
        if not self._entries.are_used:
            return
        key = self.keys.call(call, group)
        values = [simulated.measurements[name] for name in names(MEASURED)]
        self._put_list("call", key, [simulated.sound.hex(), *values])
        if simulated.timeline is not None:
            self._entries.put("timeline", self.keys.timeline(key), simulated.timeline)

    def score(self, sound: SoundKey, engine: str, metric: str) -> Score | None:
        """Return the score of a sound; None if there is none."""
        if not self._entries.are_used:
            return None
        match self._list(self.keys.score(sound, engine, metric)):
            case [float(value), str(reason)]:
                return Score(value, reason)
        return None

    def keep_score(self, sound: SoundKey, engine: str, metric: str, score: Score) -> None:
        """Keep the score of a sound."""
        if self._entries.are_used:
            key = self.keys.score(sound, engine, metric)
            self._put_list("score", key, [score.value, score.reason])

    def sound(self, sound: SoundKey, engine: str, samples: int) -> Heard | None:
        """Return the sound of a clip of so many samples; None if it was not kept."""
        stored = None if not self._entries.are_used else self._entries.get(self.keys.sound(sound, engine))
        if stored is None:
            return None
        base_key, difference = stored[: len(_NO_BASE)], stored[len(_NO_BASE) :]
        if base_key == _EDITED:
            return unpacked_edited(difference, samples)
        base = None if base_key == _NO_BASE else self.base(base_key, engine, samples)
        if base is None and base_key != _NO_BASE:
            return None
        pcm = unpacked(difference, samples, base)
        return None if pcm is None else Heard(pcm)

    def base(self, base: SoundKey, engine: str, samples: int) -> Pcm16 | None:
        """Return a sound that was kept whole; None if there is none. The last few are remembered."""
        if base not in self._bases:
            stored = self._entries.get(self.keys.sound(base, engine)) or b""
            found = unpacked(stored.removeprefix(_NO_BASE), samples, None)
            if found is None:
                return None
            self._bases = dict(list(self._bases.items())[1 - _KEPT_BASES :]) | {base: found}
        return self._bases[base]

    def keep_sound(self, sound: SoundKey, engine: str, heard: Heard, base: SoundKey | None = None) -> None:
        """Keep a sound if there is room: its difference from a base, or all of it if that is not there."""
        pcm = heard.pcm
        if self.has_room and heard.edits:
            self._entries.put("sound", self.keys.sound(sound, engine), _EDITED + packed_edited(heard))
        elif self.has_room:
            base_pcm = None if base in (None, sound) else self.base(base, engine, len(pcm))
            base_key = _NO_BASE if base is None or base_pcm is None else base
            self._entries.put("sound", self.keys.sound(sound, engine), base_key + packed(pcm, base_pcm))

    def encodings(self, clip: Clip, settings: EncoderSettings) -> "ClipEncodings | None":
        """Return the encodings of a clip with some settings; None if no cache is used."""
        return ClipEncodings(self._entries, self.keys, clip, settings) if self._entries.are_used else None

    def write(self) -> None:
        """Write what was kept to disk, unless a file of the run has changed meanwhile."""
        self._entries.write(is_valid=self.keys.are_valid())

    def _list(self, key: Key) -> list[Any] | None:
        stored = self._entries.get(key)
        try:
            found = None if stored is None else json.loads(stored)
        except (ValueError, RecursionError):
            return None
        return found if isinstance(found, list) else None

    def _put_list(self, kind: Kind, key: Key, values: list[Any]) -> None:
        self._entries.put(kind, key, plain_json(values))


class ClipEncodings:
    """The encodings of one clip with one set of encoder settings in the cache."""

    def __init__(self, entries: Entries, keys: CallKeys, clip: Clip, settings: EncoderSettings) -> None:
        self._entries = entries
        self._settings = settings
        self._key = partial(keys.encoding, clip, settings)

    def get(self, written: WrittenDred | None) -> Encoding | None:
        """Return the encoding with some DRED written by the testbed, or none; None if it is not there."""
        stored = self._entries.get(self._key(written))
        network = written.network if written else LIBOPUS
        return None if stored is None else unpacked_encoding(stored, self._settings, network)

    def keep(self, written: WrittenDred | None, encoding: Encoding) -> None:
        """Keep an encoding."""
        self._entries.put("encoding", self._key(written), packed_encoding(encoding))


def cache_of(context: RunContext) -> CallCache:
    """Return the cache of a run in this thread of this process, opened once."""
    return _cache_of(context, os.getpid(), threading.get_ident())


@lru_cache(maxsize=1)
def _cache_of(context: RunContext, process: int, thread: int) -> CallCache:
    return CallCache(context)


def _is_hex(text: str) -> bool:
    return bool(_HEX.fullmatch(text))


def _are_numbers(values: list[Any], count: int) -> bool:
    return len(values) == count and all(type(value) in (int, float) for value in values)
