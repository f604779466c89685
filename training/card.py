"""The card of an exported network: how it was trained, and what it is not."""

from collections.abc import Mapping, Sequence
from typing import Any

from testbed.training.features import DURATIONS
from testbed.training.trainer import MEASURED_LEVELS, Measurement, Settings

_TABLES = {
    "own": "learned with the network, as in the article",
    "libopus": "those of libopus 1.6, not learned",
    "fixed": "uniform steps; no price on bits in training; distributions counted afterwards",
}
_NAMED_SOURCES = 20


def card(
    name: str, settings: Settings, point: Measurement, kept: tuple[int, int], speech: Mapping[str, Any]
) -> str:
    """Return the card in Markdown.

    Parameters
    ----------
    name
        Name of the network.
    settings, point
        Of the training, and its last measurement.
    kept
        Numbers of latents and of states that are left.
    speech
        Its ``sources`` and ``trained_hours``; empty if they are not known.
    """
    rows = [
        ("Quantizers", _TABLES[settings.tables]),
        ("Layers", "as wide as libopus's" if settings.size == "full" else "half as wide as libopus's"),
        ("Numbers", f"{kept[0]} per latent vector, {kept[1]} per state"),
        ("Training", f"{point.minutes:.0f} minutes of processor time, {point.step} steps of {settings.batch} "
                     f"sequences of {settings.frames / 100:.1f} s, seed {settings.seed}"),
        *_speech(speech),
    ]  # fmt: skip
    loss = "" if settings.tables == "fixed" else f" loss {point.loss:.2f},"  # without rate it is another loss
    levels = [
        f"| {level} | {bits:.1f} | {state_bits:.0f} | {distortion:.3f} |"
        for level, (bits, state_bits, distortion) in zip(MEASURED_LEVELS, point.levels, strict=True)
    ]
    return "\n".join(
        [
            f"# {name}",
            "",
            "An RDO-VAE for DRED, trained with `testbed train rdovae`. It is for study: its packets carry an",
            "experimental version of their own, and no receiver but the testbed's reads them.",
            "",
            "| | |",
            "| --- | --- |",
            *(f"| {what} | {how} |" for what, how in rows),
            "",
            f"On speakers that it was not trained on,{loss} by estimate and before 8 bits:",
            "",
            "| level | bits per 40 ms | bits of a state | distortion |",
            "| --- | --- | --- | --- |",
            *levels,
            "",
        ]
    )


def _speech(speech: Mapping[str, Any]) -> Sequence[tuple[str, str]]:
    if not speech:
        return []
    sources = [" ".join(source.split()).replace("|", "/") for source in speech["sources"]]
    hours = f"{speech['trained_hours']:.1f} hours, each recording at {len(DURATIONS)} speeds"
    more = [f"{len(sources) - _NAMED_SOURCES} more"] if len(sources) > _NAMED_SOURCES else []
    return [("Speech", f"{hours}: {'; '.join([*sources[:_NAMED_SOURCES], *more])}")]
