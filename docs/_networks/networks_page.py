"""Measures the networks that come with the testbed, and writes docs/networks.md with its figures and tables.

``make networks`` runs it. It needs the corpus `asterisk`, whose clips of speakers held out of training it
measures on. A network's folder has the curve of its training; ``docs/networks/`` has those that this writes.
"""

from collections.abc import Sequence
from pathlib import Path

import pandas as pd
from jinja2 import Environment, StrictUndefined
from page_text import table
from record import processor
from trainings import Training, progress_rows, read_training

from testbed.codecs.dred.network_folder import CARD, LIBOPUS, WEIGHTS, DredNetwork, shipped_networks
from testbed.codecs.dred.payload import tables_of
from testbed.dred_curve import SCORED_LEVELS, curve_clips, measure_ages, measure_curve
from testbed.figures import save
from testbed.reports.dred_curve import (
    age_figure,
    age_rows,
    compare,
    curve_figure,
    curve_rows,
    difference_rows,
    networks_of,
)

DOCS = Path(__file__).parents[1]
FOLDER = DOCS / "networks"
PAGE = DOCS / "networks.md"
CURVE, AGES = "curve.csv", "ages.csv"
_TWINS = ("testbed-small", "testbed-fixed")
"""Networks that differ in rate-distortion optimization alone, the one with it first."""
_TOLD_LEVELS = ("0", "3", "6", "9", "12", "15", "–")
_TOLD_AGES = ("20", "220", "420", "620", "820", "980")
_DIGITS = 5
_MEASURED = "## Measured"
_NEVER_OTHER = 255
"""Probability of zero, in 256ths, of a number that is not sent."""
_ABOUT = {
    "testbed": "its own, learned",
    "testbed-fixed": "uniform and fixed: no rate-distortion optimization; half the units",
    "testbed-small": "its own, learned; half the units",
    "testbed-libopus": "libopus's, frozen",
}


def main() -> None:
    """Measure, draw and write."""
    networks = [LIBOPUS, *shipped_networks().values()]
    clips = curve_clips(None, "asterisk")
    FOLDER.mkdir(exist_ok=True)
    curve, ages = (
        measure(networks, clips, lambda network, clip: print(f"{network}: {clip}", flush=True))
        for measure in (measure_curve, measure_ages)
    )
    for found, name in ((curve, CURVE), (ages, AGES)):
        found.round(_DIGITS).to_csv(FOLDER / name, index=False, lineterminator="\n")
    save(curve_figure(curve), FOLDER / "curve.svg", dpi=100)
    save(age_figure(ages), FOLDER / "ages.svg", dpi=100)
    sizes = {name: (Path(each.folder) / WEIGHTS).stat().st_size for name, each in shipped_networks().items()}
    trainings = [read_training(Path(each.folder)) for each in shipped_networks().values()]
    PAGE.write_text(networks_page(curve, ages, trainings, sizes, sent_rows(networks), processor()), "utf-8")
    for name, network in shipped_networks().items():
        card = Path(network.folder, CARD)
        card.write_text(with_curve(card.read_text("utf-8"), name, curve), "utf-8")
    print(PAGE)


def networks_page(
    curve: pd.DataFrame,
    ages: pd.DataFrame,
    trainings: Sequence[Training],
    sizes: dict[str, int],
    sent: Sequence[tuple[str, ...]],
    machine: str,
) -> str:
    """Return the page.

    Parameters
    ----------
    curve, ages
        From `testbed.dred_curve`.
    sizes
        Bytes of the weights of networks that come with the testbed.
    sent
        From `sent_rows`.
    """
    levels, differences, aged = curve_rows(curve), difference_rows(compare(curve)), age_rows(ages)
    ablation = difference_rows(compare(pd.concat([curve[curve["network"] == name] for name in _TWINS])))
    return _rendered(
        "page.md.j2",
        machine=machine,
        clips=curve["clip"].nunique(),
        speakers=" and ".join(sorted(set(curve["speaker"]))),
        networks=networks_of(curve),
        curve=table(levels[0], [row for row in levels[1:] if row[1] in _TOLD_LEVELS]),
        differences=table(differences[0], differences[1:]),
        ablation=table(ablation[0], ablation[1:]),
        spans=table(("network", "kb/s", "distortion", "ESTOI"), _spans(curve)),
        sent=table(*_headed(sent)),
        ages=table(aged[0], [row for row in aged[1:] if row[1] in _TOLD_AGES]),
        trainings=[
            _told(each)
            | {
                "kept": {name: ", ".join(map(str, numbers)) for name, numbers in each.kept.items()},
                "size": f"{sizes[each.name] / 1000:.0f} kB",
                "table": table(*_headed(progress_rows(each))),
            }
            for each in trainings
        ],
    )


def sent_rows(networks: Sequence[DredNetwork]) -> list[tuple[str, ...]]:
    """Return how many numbers each network sends by level, after a row of headings."""
    rows: list[tuple[str, ...]] = [("network", *(f"level {level}" for level in SCORED_LEVELS))]
    for network in networks:
        state, latent = (
            ((each.decay != 0) & (each.zero != _NEVER_OTHER)).sum(axis=1)
            for each in tables_of(network, network.version)
        )
        rows.append((network.title, *(f"{latent[level]} + {state[level]}" for level in SCORED_LEVELS)))
    return rows


def with_curve(card: str, name: str, curve: pd.DataFrame) -> str:
    """Return a network's card with its licence and its curve at the end, in place of an earlier one."""
    rows = curve_rows(curve[curve["network"] == name])
    speakers = " and ".join(sorted(set(curve["speaker"])))
    return "\n".join(
        [
            card.partition(_MEASURED)[0].rstrip(),
            "",
            _MEASURED,
            "",
            f"By `make networks`, over {curve['clip'].nunique()} clips of {speakers}, who were held out of",
            "training. A payload has one second at one level; FARGAN makes the speech.",
            "",
            table(rows[0][1:], [row[1:] for row in rows[1:]]),
            "The network is under the testbed's licence, BSD 3-Clause. The recordings that it was trained on",
            "are under their own, named above, and are no part of it.",
            "",
        ]
    )


def _told(training: Training) -> dict[str, object]:
    last = training.last
    return {
        "name": training.name,
        "about": _ABOUT.get(training.name, ""),
        "command": training.command,
        "minutes": f"{last['minutes']:.0f}",
        "steps": f"{last['step']:.0f}",
        "sequences": f"{last['sequences']:.0f}",
        "share": f"{100 * training.share:.2f}",
        "loss": f"{last['loss']:.2f}",
    }


def _headed(rows: Sequence[tuple[str, ...]]) -> tuple[tuple[str, ...], Sequence[tuple[str, ...]]]:
    """Return the row of headings, and the others."""
    return rows[0], rows[1:]


def _rendered(template_file: str, **values: object) -> str:
    template = Environment(undefined=StrictUndefined, keep_trailing_newline=True, trim_blocks=True)
    return template.from_string(Path(__file__).with_name(template_file).read_text("utf-8")).render(values)


def _spans(curve: pd.DataFrame) -> list[tuple[str, ...]]:
    """Return from where to where each network goes between its finest and coarsest level."""
    rows = []
    for name in networks_of(curve):
        means = curve[curve["network"] == name].groupby("level").mean(numeric_only=True)
        ends = (means.iloc[0], means.iloc[-1])
        spans = [
            " to ".join(f"{end[column]:.2f}" for end in ends) for column in ("kbps", "distortion", "estoi")
        ]
        rows.append((name, *spans))
    return rows


if __name__ == "__main__":
    main()
