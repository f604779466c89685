"""The key `speech` of a scenario: clips, and what is mixed into them."""

from typing import Annotated, Any, Literal, Self

from pydantic import Discriminator, Field, Tag, field_validator, model_validator

from testbed.mixture import Mixture
from testbed.parameters import Parameters

MIXED = ("noise", "snr_db", "talkers", "others_db")
"""Keys that can be swept: they change no clip's name."""
CorpusName = Literal["asterisk", "more", "packaged"]
_Files = str | list[str]


def _names(files: Any) -> Any:
    listed = [files] if isinstance(files, str) else files
    if listed is not None and not (
        isinstance(listed, list) and listed and all(isinstance(name, str) and name for name in listed)
    ):
        raise ValueError("must be a file, a folder, a pattern such as rec/*.wav, or a list of them")
    return files


class NoiseFiles(Parameters):
    """Recordings of noise; each clip gets one of them, from a random place on.

    Attributes
    ----------
    files
        A file, a folder, a pattern such as ``noise/*.wav``, or a list of these; relative to the scenario's
        folder.
    """

    files: _Files

    _check = field_validator("files", mode="before")(_names)


def _kind_of_noise(given: Any) -> str | None:
    kinds: dict[type, str] = {str: "made", dict: "files", NoiseFiles: "files"}
    return kinds.get(type(given))


Noise = Annotated[
    Annotated[Literal["none", "white", "pink", "music", "babble"], Tag("made")]
    | Annotated[NoiseFiles, Tag("files")],
    Discriminator(
        _kind_of_noise,
        custom_error_type="noise",
        custom_error_message="must be none, white, pink, music, babble or {files: noise.wav}",
    ),
]


class Speech(Parameters):
    """The speech that is sent: clips of a corpus or the user's own recordings, with what is mixed into them.

    Attributes
    ----------
    corpus
        ``packaged`` (part of the package), ``asterisk`` (fetched by `testbed speech fetch`), or ``more``
        (``asterisk`` and six further speakers, fetched by `testbed speech fetch --more`).
    speakers
        Speakers of the corpus whose clips are sent, e.g. ``[Carlo, June]``; default: all.
    clips
        Number of clips, from the first; default: all.
    files
        Own recordings instead of a corpus: a file, a folder, a pattern such as ``recordings/*.wav``, or a
        list of these; relative to the scenario's folder.
    noise
        Noise in each clip: ``white``, ``pink``, ``music`` (plucked chords), ``babble`` (six voices of other
        speakers of the corpus), or own recordings, ``{files: noise.wav}``. Default: ``none``.
    snr_db
        Level of the clip above the noise: active speech level (ITU-T P.56) against the noise's rms level.
    talkers
        Number of talkers at once; all but the first are clips of other speakers.
    others_db
        Active speech level of each other talker relative to that of the clip.
    """

    corpus: CorpusName | None = None
    speakers: list[str] | None = Field(None, min_length=1)
    clips: int | None = Field(None, ge=1)
    files: _Files | None = None
    noise: Noise | None = None
    snr_db: float | None = Field(None, ge=-20, le=60)
    talkers: int = Field(1, ge=1, le=4)
    others_db: float = Field(0.0, ge=-40, le=20)

    _check = field_validator("files", mode="before")(_names)

    @field_validator("noise", mode="before")
    @classmethod
    def _not_a_file(cls, noise: Any) -> Any:
        if isinstance(noise, str) and ("." in noise or "/" in noise):
            raise ValueError(f"recordings of noise are written as {{files: {noise}}}")
        return noise

    @model_validator(mode="after")
    def _one_source(self) -> Self:
        if self.corpus is None and self.files is None:
            raise ValueError("give corpus (asterisk, more, packaged) or files (your own recordings)")
        if self.speakers is not None and self.files is not None:
            raise ValueError("speakers are those of a corpus; files have none")
        if self.noise not in (None, "none") and self.snr_db is None:
            raise ValueError("noise needs snr_db, the level of the speech above it, as in snr_db: 10")
        if self.noise is None and self.snr_db is not None:
            raise ValueError("snr_db needs noise: white, pink, music, babble or {files: noise.wav}")
        return self

    @property
    def mixture(self) -> Mixture:
        """The mixture of each clip; equal for equal sound, whatever else is written."""
        files = self.noise.files if isinstance(self.noise, NoiseFiles) else []
        has_noise = self.noise not in (None, "none")
        return Mixture(
            noise="files" if files else str(self.noise) if has_noise else "",
            files=(files,) if isinstance(files, str) else tuple(files),
            snr_db=self.snr_db if has_noise and self.snr_db is not None else 0.0,
            talkers=self.talkers,
            others_db=self.others_db if self.talkers > 1 else 0.0,
        )
