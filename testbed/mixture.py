"""A mixture of speech with noise and further talkers, as a scenario asks for it."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Mixture:
    """The content of a clip as it is sent, besides its own speech.

    Attributes
    ----------
    noise
        ``"white"``, ``"pink"``, ``"music"``, ``"babble"`` or ``"files"``; "" for none.
    files
        Recordings of noise: files, folders and patterns.
    snr_db
        Active speech level (ITU-T P.56) of the clip above the rms level of the noise.
    talkers
        Number of talkers, the clip's own included.
    others_db
        Active speech level of each other talker relative to that of the clip.
    """

    noise: str = ""
    files: tuple[str, ...] = ()
    snr_db: float = 0.0
    talkers: int = 1
    others_db: float = 0.0

    @property
    def is_plain(self) -> bool:
        """True if clips are sent as they are."""
        return self == Mixture()
