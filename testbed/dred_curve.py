"""The rate-distortion curve of DRED networks: what features and speech are worth at each quantizer level.

Each clip is cut into payloads of one second, and each is decoded from its own state, as after a burst of
losses. Their features go to FARGAN, one second after the other, so PESQ-WB and ESTOI judge speech that is
made of nothing else.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from testbed.codecs.dred.distortion import distortion
from testbed.codecs.dred.network import Latents, decode, encode, payload
from testbed.codecs.dred.network_folder import DredNetwork
from testbed.codecs.dred.payload import CHUNK_MS, DredPayload, levels, tables_of
from testbed.codecs.dred.rate import bits_per_vector
from testbed.codecs.dred.writer import DELAY_SAMPLES, feature_frames
from testbed.codecs.opus.build import built
from testbed.codecs.pcm import int16_from_float
from testbed.corpus_voices import HELD_OUT_SPEAKERS
from testbed.errors import SpeechError
from testbed.kernels.bark import FRAME, Floats
from testbed.kernels.dred_symbols import LEVELS
from testbed.kernels.fargan import PAST, PAST_VECTORS, Fargan, fargan, fargan_state, start_fargan, synthesize
from testbed.kernels.rdovae import FRAMES_PER_LATENT, FRAMES_PER_STEP
from testbed.kernels.weights import read_blob
from testbed.metrics.scorer import scorer
from testbed.scenario.speech import CorpusName, Speech
from testbed.speech import Clip, load_clips

if TYPE_CHECKING:
    import pandas as pd

CHUNKS = 25
"""Latent vectors of a payload: one second."""
SCORED_LEVELS = (0, 3, 6, 9, 12, 15)
METRICS = ("pesq_wb", "estoi")
UNCODED = "not coded"
"""Name of the features before coding, whose speech is the bound of all networks."""
AGEING = {"q0": 6, "dq": 5, "qmax": 15}
"""A payload whose level grows with age: libopus's at 29 to 44 kb/s."""
_STEPS = 2 * CHUNKS
_FRAMES = FRAMES_PER_LATENT * CHUNKS
_AGED_APART = 10
_FIRST = 10
"""First frame of FARGAN's speech; those before it are what it goes on from."""
_LAG_SAMPLES = FRAME // 2 + DELAY_SAMPLES
"""Delay of FARGAN's speech behind the clip: half a frame, and that of DRED's encoder."""


@dataclass(frozen=True)
class _Coded:
    """Payloads of one clip at one level, and what they decode to.

    Attributes
    ----------
    features
        float32 (payloads, 100, 20): decoded, the earliest first.
    distortions
        float64 (payloads, 100).
    """

    payloads: Sequence[DredPayload]
    features: Floats
    distortions: np.ndarray[Any, np.dtype[np.float64]]


def curve_clips(files: Sequence[str] | None, corpus: CorpusName) -> list[Clip]:
    """Return the clips of recordings, or those of a corpus by the speakers that are held out of training.

    Raises
    ------
    SpeechError
        There is no such recording, or the corpus is not on this machine.
    """
    if files:
        return load_clips(Speech(files=list(files)), Path())
    return load_clips(Speech(corpus=corpus, speakers=list(HELD_OUT_SPEAKERS)), Path())


def measure_curve(
    networks: Sequence[DredNetwork],
    clips: Sequence[Clip],
    on_clip: Callable[[str, str], None] = lambda network, clip: None,
) -> "pd.DataFrame":
    """Measure each network on each clip at each quantizer level.

    Parameters
    ----------
    networks
        Each once.
    clips
        Best of speakers that no network was trained on.
    on_clip
        Called with the names before each measurement.

    Returns
    -------
    DataFrame
        ``network``, ``clip``, ``speaker``, ``level``; ``latent_bits`` per 40 ms and ``state_bits`` per
        payload, both by the range coder; ``kbps`` of a payload per second of its speech; ``distortion``, the
        mean of `testbed.codecs.dred.distortion`; ``pesq_wb`` and ``estoi`` at `SCORED_LEVELS`, NaN elsewhere.
        The rows of `UNCODED` (level -1) have scores alone.

    Raises
    ------
    SpeechError
        A clip is shorter than 1 s.
    """
    import pandas as pd

    rows: list[dict[str, Any]] = []
    names = _names(networks)
    for clip in clips:
        features = _features(clip)
        about = {"clip": clip.name, "speaker": clip.speaker}
        (uncoded,) = _scores(clip, features[None])
        rows.append({"network": UNCODED, **about, "level": -1, "distortion": 0.0, **uncoded})
        for network, name in zip(networks, names, strict=True):
            on_clip(name, clip.name)
            rows += [{"network": name, **about, **row} for row in _levels(network, clip, features)]
    return pd.DataFrame(rows)


def measure_ages(
    networks: Sequence[DredNetwork],
    clips: Sequence[Clip],
    on_clip: Callable[[str, str], None] = lambda network, clip: None,
) -> "pd.DataFrame":
    """Measure how quality falls with age within a payload, with levels that grow (`AGEING`) and that stay.

    Parameters
    ----------
    networks, clips, on_clip
        As of `measure_curve`.

    Returns
    -------
    DataFrame
        ``network``, ``clip``, ``speaker``, ``dq`` (0 where levels stay), ``age_ms`` of the middle of 40 ms,
        ``level``, ``latent_bits`` and ``distortion``.
    """
    import pandas as pd

    rows: list[dict[str, Any]] = []
    names = _names(networks)
    for clip in clips:
        features = _features(clip)
        for network, name in zip(networks, names, strict=True):
            on_clip(name, clip.name)
            latents = encode(features, network)
            _, latent_tables = tables_of(network, network.version)
            for quantizer in (AGEING, AGEING | {"dq": 0}):
                coded = _coded(latents, features, _AGED_APART, **quantizer)
                by_age = coded.distortions[:, ::-1].reshape(len(coded.payloads), CHUNKS, -1).mean(axis=(0, 2))
                level_of = levels(coded.payloads[0].header, CHUNKS)
                for chunk, level in enumerate(map(int, level_of)):
                    symbols = np.stack([each.latents[chunk] for each in coded.payloads])
                    rows.append(
                        {
                            "network": name,
                            "clip": clip.name,
                            "speaker": clip.speaker,
                            "dq": quantizer["dq"],
                            "age_ms": CHUNK_MS * chunk + CHUNK_MS // 2,
                            "level": level,
                            "latent_bits": bits_per_vector(latent_tables, level, symbols),
                            "distortion": by_age[chunk],
                        }
                    )
    return pd.DataFrame(rows)


def _names(networks: Sequence[DredNetwork]) -> list[str]:
    """Return the titles of networks, or their whole names where titles are equal."""
    titles = [network.title for network in networks]
    return [
        title if titles.count(title) == 1 else network.name
        for title, network in zip(titles, networks, strict=True)
    ]


def _features(clip: Clip) -> Floats:
    """Return the features that DRED encodes, of whole payloads."""
    features = feature_frames(int16_from_float(clip.pcm), "voip")
    whole = len(features) // _FRAMES * _FRAMES
    if not whole:
        raise SpeechError(f"clip {clip.name} is {clip.seconds:.1f} s long: a payload holds 1 s")
    return np.ascontiguousarray(features[:whole])


def _levels(network: DredNetwork, clip: Clip, features: Floats) -> list[dict[str, Any]]:
    """Return the row of each level."""
    latents = encode(features, network)
    state_tables, latent_tables = tables_of(network, network.version)
    every = [_coded(latents, features, _STEPS, level) for level in range(LEVELS)]
    heard = np.stack([every[level].features.reshape(features.shape) for level in SCORED_LEVELS])
    scores = dict(zip(SCORED_LEVELS, _scores(clip, heard), strict=True))
    nothing = dict.fromkeys(METRICS, float("nan"))
    rows = []
    for level, coded in enumerate(every):
        states = np.stack([each.state for each in coded.payloads])
        vectors = np.concatenate([each.latents for each in coded.payloads])
        latent_bits = bits_per_vector(latent_tables, level, vectors)
        state_bits = bits_per_vector(state_tables, level, states)
        rows.append(
            {
                "level": level,
                "latent_bits": latent_bits,
                "state_bits": state_bits,
                "kbps": (CHUNKS * latent_bits + state_bits) / (CHUNKS * CHUNK_MS),
                "distortion": float(coded.distortions.mean()),
                **scores.get(level, nothing),
            }
        )
    return rows


def _coded(
    latents: Latents, features: Floats, apart: int, q0: int, dq: int = 0, qmax: int = LEVELS - 1
) -> _Coded:
    """Code a clip as payloads of one second, whose ends are `apart` steps apart."""
    ends = range(_STEPS - 1, len(latents.latents), apart)
    payloads = [payload(latents, end, CHUNKS, q0, dq, qmax) for end in ends]
    decoded = np.stack([latest_first[::-1] for latest_first in decode(payloads, latents.network)])
    true = np.stack([features[FRAMES_PER_STEP * (end + 1) - _FRAMES :][:_FRAMES] for end in ends])
    return _Coded(payloads, decoded, distortion(true, decoded))


@lru_cache(maxsize=2)
def _fargan(weights: Path) -> Fargan:
    return fargan(read_blob(weights))


def _scores(clip: Clip, features: Floats) -> list[dict[str, float]]:
    """Return the scores of the speech that FARGAN makes of features, (batch, frames, 20)."""
    network, batch = _fargan(built().weights), len(features)
    begin = FRAME * _FIRST - _LAG_SAMPLES
    past = np.repeat(clip.pcm[None, begin - PAST : begin], batch, axis=0).astype(np.float32)
    state = fargan_state(batch)
    # A frame is made from the vector after it.
    start_fargan(network, state, past, features[:, _FIRST + 1 - PAST_VECTORS : _FIRST + 1])
    speech = np.empty((batch, FRAME * (features.shape[1] - _FIRST - 1)), np.float32)
    synthesize(network, state, np.ascontiguousarray(features[:, _FIRST + 1 :]), speech)
    clean = clip.pcm[begin : begin + speech.shape[1]]
    made = np.clip(speech, -1, 1)
    return [{name: scorer(name)(clean, each).value for name in METRICS} for each in made]
