"""Fitted loss models as YAML to paste under a scenario's `channel:`."""

from math import floor, log10

import numpy as np
from numpy.typing import NDArray

from testbed.traces.fit import fit_losses
from testbed.traces.fitted import Fitted
from testbed.traces.goodness import goodness, inner_runs

_TITLES = {
    "bernoulli": "Bernoulli: packets are lost independently",
    "gilbert": "Gilbert: every packet in the bad state is lost, none in the good one",
    "gilbert_elliott": "Gilbert-Elliott: of packets in the bad state the share h arrives, of others k",
}


def best_first(models: list[Fitted]) -> list[Fitted]:
    """Return models by Schwarz's criterion, the best first."""
    return sorted(models, key=lambda model: model.bic)


def stage(model: Fitted) -> str:
    """Return a model as one entry of a channel, its numbers to four digits."""
    kind = "bernoulli" if model.name == "bernoulli" else "gilbert_elliott"
    values = ", ".join(f"{name}: {_digits(value)}" for name, value in model.values.items())
    return f"- loss: {{model: {kind}, {values}}}"


def fit_as_yaml(lost: NDArray[np.bool_], title: str) -> str:
    """Fit all models to losses and return them as YAML: the best as an entry, the others as comments.

    Parameters
    ----------
    lost
        True for each lost packet, (n,).
    title
        Name of the recording, for people; one line.

    Raises
    ------
    ChannelError
        No packet was lost, or all were.
    """
    models = best_first(fit_losses(lost))
    bursts = len(inner_runs(lost, True))
    lines = [
        f"# {' '.join(title.split())}",
        f"# {len(lost)} packets, {100 * lost.mean():.3g} % lost, {bursts} whole bursts",
        "# In brackets: 95 % intervals. The best by BIC is first. Lengths: Pearson's chi-square test.",
    ]
    for place, model in enumerate(models):
        lines += ["#", f"# {_TITLES[model.name]}", *(f"#   {line}" for line in about(model, lost))]
        lines.append(stage(model) if place == 0 else f"# {stage(model)}")
    if len(models) < 3:
        lines += ["#", "# Too few bursts of loss for the four parameters of Gilbert-Elliott."]
    return "\n".join(lines)


def about(model: Fitted, lost: NDArray[np.bool_]) -> list[str]:
    """Return a description of a fitted model, one line per fact."""
    known = [
        f"{name} {_digits(value)} [{_digits(model.intervals[name][0])}, {_digits(model.intervals[name][1])}]"
        for name, value in model.values.items()
    ]
    scores = f"log-likelihood {model.log_likelihood:.1f}, AIC {model.aic:.1f}, BIC {model.bic:.1f}"
    if model.name == "gilbert":
        known.append(f"mean burst {_digits(1 / model.values['r'])} packets" if model.values["r"] else "")
    return [
        ", ".join(filter(None, known)),
        scores,
        f"lengths of bursts: {goodness(model, lost, True)}",
        f"lengths of gaps: {goodness(model, lost, False)}",
    ]


def _digits(value: float) -> str:
    """Return a number with four significant digits; of a probability near 1, of its difference from 1."""
    small = min(value, abs(1 - value)) or 1.0
    text = f"{value:.{max(1, 3 - floor(log10(small)))}f}"
    return text.rstrip("0").rstrip(".")
