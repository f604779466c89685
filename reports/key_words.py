"""Words for the keys and values of a scenario, in which a point of a sweep is named."""

_CONTAINERS = frozenset({"channel", "schemes", "speech", "codec", "playout", "congestion", "allocation"})
"""Keys that hold others whose names say enough without them, except those of `_KEPT`."""
_KEPT = frozenset({"codec.bitrate", "playout.delay", "playout.policy", "congestion.controller"})
"""Keys that are named with the key that holds them."""
_PHRASES = {
    "speech.others": "level of other talkers",
    "codec.complexity": "encoder complexity",
    "codec.total": "total bitrate",
    "codec.frame": "frame",
    "codec.dtx": "DTX",
    "dred.q0": "finest DRED quantizer q0",
    "dred.dq": "step of the DRED quantizer dq",
    "dred.qmax": "coarsest DRED quantizer qmax",
    "red.at_distances": "RED copies at frames",
    "loss.mean_burst": "mean burst of loss",
    "measured.mean_burst": "mean burst of loss",
    "jitter.std": "deviation of the jitter",
    "jitter.mean": "mean jitter",
    "delay.constant": "delay",
    "link.rate": "link rate",
    "conversation.devices": "delay of the devices",
}
"""Phrases for keys, by the last two names without the unit."""
_WORDS = {
    "dred": "DRED", "red": "RED", "lbrr": "LBRR", "plc": "PLC", "dtx": "DTX", "snr": "SNR", "mtu": "MTU",
    "std": "standard deviation", "min": "least", "max": "most", "lo": "low", "hi": "high", "tx": "sending",
    "qdelay": "queue delay", "cng": "comfort noise",
}  # fmt: skip
_SYMBOLS = frozenset({
    "q0", "dq", "qmax", "p", "r", "h", "k", "prio", "xref", "kappa", "eta", "tau", "delta", "logwin", "qeps",
    "dfilt", "gamma_max", "qbound", "multiloss", "qth", "warp_lambda", "plrref", "dloss", "xmax",
    "beta_loss", "beta_r",
})  # fmt: skip
"""Keys that are the symbols of a specification, as those of Gilbert and Elliott, of NADA, and of libopus."""
_VALUES = {"gcc": "GCC", "scream": "SCReAM", "nada": "NADA", "neteq": "NetEq", "codel": "CoDel"}


def phrase(key: str, unit: str) -> str:
    """Return the words for a key without its unit: ``link rate`` for ``channel.link.rate_kbps``."""
    names = [name for name in key.removesuffix(f"_{unit}").split(".") if not name.isdigit()]
    last_two = ".".join(names[-2:])
    if last_two in _PHRASES:
        return _PHRASES[last_two]
    if last_two not in _KEPT:
        names = [name for name in names[:-1] if name not in _CONTAINERS] + names[-1:]
    if names[-1] in _SYMBOLS:
        return " ".join([*map(_word, names[:-1]), names[-1]])
    return " ".join(_word(word) for name in names for word in name.split("_"))


def is_symbol(words: str) -> bool:
    """Return whether words end with a symbol, after which ``=`` stands."""
    return words.rpartition(" ")[2] in _SYMBOLS


def named(value: str) -> str:
    """Return the name of a value: ``GCC`` for ``gcc``."""
    return _VALUES.get(value, value)


def _word(word: str) -> str:
    return _WORDS.get(word, word)
