"""Keys of the entries of calls: digests of everything that shapes a result.

A key has no numbers of clips, realizations and points, and no names that only appear in tables: a wider sweep
finds the calls that it shares with a narrower one.
"""

from functools import cache, cached_property, lru_cache

from testbed.adaptive.played import Heard
from testbed.cache.digests import FileHashes, Key, key_of, package_files, software
from testbed.cache.versions import DECODE, ENCODE, PLAY, SIMULATE
from testbed.codecs.concealers import Concealer, ConcealerParameters, PlacedConcealer
from testbed.codecs.dred.network_folder import LIBOPUS
from testbed.codecs.engines.engine import Job
from testbed.codecs.opus.library import load
from testbed.codecs.opus.settings import EncoderSettings, WrittenDred
from testbed.codecs.vocoders import FARGAN, VOCODERS
from testbed.columns import MEASURED, names
from testbed.environment import package_version
from testbed.metrics import METRICS
from testbed.plan import CallId, Group
from testbed.playout.adaptive import AdaptivePlayout, concealer_of
from testbed.provenance import libopus_files, named_files, network_files
from testbed.run_context import RunContext
from testbed.speech import Clip

SoundKey = bytes
"""Equal for calls that decode to the same sound and are compared with the same clip."""
_MOST_CALLS = 1024
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
    "conversation",
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
        self._files = FileHashes()
        self._calls: dict[tuple[object, ...], Key] = {}

    def encoding(self, clip: Clip, settings: EncoderSettings, written: WrittenDred | None) -> Key:
        """Return the key of an encoding of a clip."""
        return key_of("encoding", ENCODE, self._codec, clip.digest, settings, written)

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

    @staticmethod
    def sound_key(clip: Clip, job: Job, lookahead_samples: int) -> SoundKey:
        """Return the identity of the sound that a job decodes to, compared with a clip."""
        numbers = (lookahead_samples, job.frame_samples, job.decoder_complexity)
        network = () if job.network == LIBOPUS else (job.network,)
        decoder = (*numbers, *_concealer(job.concealer), *_vocoder(job.vocoder), *network)
        return key_of(clip.digest, decoder, job.actions.tobytes(), job.sources.tobytes(), _packets(job.sent))

    @staticmethod
    def clean(clip: Clip) -> SoundKey:
        """Return the identity of the sound of a clip, compared with itself."""
        return key_of("clean", clip.digest)

    @staticmethod
    def heard_key(clip: Clip, heard: Heard) -> SoundKey:
        """Return the identity of a sound that an adaptive receiver played, compared with a clip."""
        return key_of("heard", clip.digest, heard.pcm.tobytes(), [tuple(edit) for edit in heard.edits])

    def are_valid(self) -> bool:
        """Return whether all files are still those that the keys are for."""
        return self._files.are_unchanged()

    @cached_property
    def _codec(self) -> Key:
        return key_of(software(), load().version, self._files.of(path for path, _ in libopus_files()))

    def _all_realizations(self, call: CallId, group: Group) -> Key:
        context = self._context
        scenario, clips = context.scenario(call), context.clips
        others = [(call.clip + 1 + other) % len(clips) for other in range(scenario.other_calls)]
        return key_of(
            "call",
            (ENCODE, SIMULATE),
            (DECODE, PLAY) if isinstance(scenario.playout, AdaptivePlayout) else (),
            self._codec,
            names(MEASURED),
            clips[call.clip].name,
            [context.clip_at(call.point, clip).digest for clip in (call.clip, *others)],
            group.settings,
            context.scheme(call).parts,
            _vocoder(context.scheme(call).synthesized_by()),
            _concealer(concealer_of(context.scheme(call), scenario.playout)),
            [getattr(scenario, name) for name in _SHAPE_CALLS],
            scenario.limits.events,
            self._files.of(
                path for path, _ in (*named_files(scenario), *network_files(context.scheme(call)))
            ),
            group.engine,
        )


def _concealer(concealer: Concealer | ConcealerParameters | PlacedConcealer) -> tuple[object, ...]:
    """Return the identity of a concealer: parameters, packages and files; () for libopus's."""
    if isinstance(concealer, PlacedConcealer):
        return *_concealer(concealer.parameters), concealer.digests
    if isinstance(concealer, ConcealerParameters):
        return concealer, list(map(package_version, concealer.packages))
    return () if concealer == "codec" else (concealer,)


@cache
def _identity(metric: str) -> Key:
    """Return the identity of a metric: name, version, its packages, and the files of another package."""
    described = METRICS[metric]
    foreign = [
        package_files(plugin.entry_point.module) for plugin in METRICS.plugins if plugin.name == metric
    ]
    return key_of(metric, described.version, list(map(package_version, described.packages)), foreign)


@cache
def _vocoder(name: str) -> tuple[object, ...]:
    """Return the identity of a vocoder: name, version, and the files of another package; () for FARGAN's."""
    if name == FARGAN:
        return ()
    foreign = [package_files(plugin.entry_point.module) for plugin in VOCODERS.plugins if plugin.name == name]
    return name, VOCODERS[name].version, foreign


@lru_cache(maxsize=16)
def _packets(sent: tuple[bytes, ...]) -> Key:
    return key_of(sent)
