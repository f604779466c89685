"""The voices of the speech corpora: their packages, prompts, authors and licences."""

from dataclasses import dataclass


@dataclass(frozen=True)
class CorpusVoice:
    """One voice of a corpus.

    Attributes
    ----------
    key
        Its key in `clips/prompts.json`, which also keys the random order and the pauses.
    language
        ISO 639-1.
    package, folder
        The Debian package, and the folder of the prompts in it.
    suffix, codec
        Ending of the prompts' files, and the codec that the package has them in.
    speaker
        Who speaks: a name, or the character of a game whose actors are not named.
    licence, attribution
        As the package's `debian/copyright` states them.
    """

    key: str
    language: str
    package: str
    folder: str
    suffix: str
    codec: str
    speaker: str
    licence: str
    attribution: str


_BY_SA = "CC-BY-SA-3.0"
_BY = "CC-BY-3.0"


def _asterisk(language: str, prompts: str, speaker: str, licence: str, author: str) -> CorpusVoice:
    package = f"asterisk-core-sounds-{language}-g722"
    folder = f"usr/share/asterisk/sounds/{prompts}"
    return CorpusVoice(language, language, package, folder, "g722", "G.722", speaker, licence, author)


def _fillets(language: str, key: str, speaker: str) -> CorpusVoice:
    return CorpusVoice(
        f"{language}-{key}",
        language,
        f"fillets-ng-data-{language}",
        "usr/share/games/fillets-ng/sound",
        "ogg",
        "Vorbis",
        speaker,
        "GPL-2",
        "ALTAR interactive and the authors of Fish Fillets - Next Generation",
    )


ASTERISK = (
    _asterisk("en", "en_US_f_Allison", "Allison", _BY_SA, "Allison Smith"),
    _asterisk("fr", "fr_CA_f_June", "June", _BY_SA, "June Wallack"),
    _asterisk("it", "it_IT_m_Carlo", "Carlo", _BY, "Carlo Flora"),
    _asterisk("ru", "ru_RU_f_IvrvoiceRU", "IvrvoiceRU", _BY, "Maxim Topal"),
    _asterisk("es", "es_MX_f_Allison", "Allison", _BY_SA, "Allison Smith"),
)
"""Telephone prompts; two of the five voices are one person in two languages."""

MORE = (
    CorpusVoice(
        "ru-nsh",
        "ru",
        "festvox-ru",
        "usr/share/festival/voices/russian/msu_ru_nsh_clunits/wav",
        "wav",
        "PCM",
        "Nsh",
        "BSD-like (festvox-ru)",
        "Nickolay V. Shmyrev",
    ),
    _fillets("cs", "mala", "Mala"),
    _fillets("nl", "kleine", "KleineVis"),
    _fillets("cs", "velka", "Velka"),
    _fillets("nl", "grote", "GroteVis"),
    _fillets("cs", "hlava", "Hlava"),
)
"""The speech that a synthesizer was made of, and a game: two fish in two languages, and a statue."""

HELD_OUT_SPEAKERS = ("Carlo", "June")
"""Speakers that the testbed's own networks are not trained on, so that they can be measured on them."""
