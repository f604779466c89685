"""HTML of a run and of a call, for the output cells of a notebook."""

import base64
from html import escape

import pandas as pd
from numpy import float32
from numpy.typing import NDArray

from testbed.escaping import printable
from testbed.reports.all_points import over_all_points
from testbed.reports.answer_text import scheme_rows
from testbed.reports.call_figure import call_figure
from testbed.reports.equal_bitrate_table import ABOUT, equal_bitrate_tables
from testbed.reports.facts import facts
from testbed.reports.headline import answers
from testbed.reports.sounds import flac
from testbed.reports.stopped import stopped
from testbed.reports.summary import summarize
from testbed.results import Results


def run_html(results: Results) -> str:
    """Return the answer at the scenario's own point and over all points; of a flow study, its name."""
    title = f"<p>{_text(results)}</p>"
    if not (results.kind.has_schemes and len(results.stored)):
        return title
    summary = summarize(results)
    points = {point for point, _ in summary.cells}
    point = summary.own_point
    at = f"<p>At {_text(summary.label(point))}:</p>" if len(points) > 1 else ""
    over = "".join(f"<p>{_text(each.lead(len(points)))}</p>" for each in over_all_points(summary))
    answer = answers(summary, points=[point])[point]
    equal = "".join(
        f"<p>At equal bitrate: {_text(each.title)}</p>{_table([each.headings, *each.rows])}"
        f"<p>{_text(' '.join((*each.notes, ABOUT)))}</p>"
        for each in equal_bitrate_tables(summary, answer.verdict.metric)
        if point in each.points
    )
    said = "".join(f"<p>{_text(sentence)}</p>" for sentence in answer.more)
    ended = "".join(f"<p>{_text(sentence)}</p>" for sentence in stopped(results.manifest, summary.points))
    warned = "".join(f"<li>{_text(warning)}</li>" for warning in (*summary.warnings, *answer.diagnoses))
    return (
        f"{title}<p>{_text(' · '.join(facts(results.manifest, summary.points[point])))}</p>{ended}{at}"
        f"<p><b>{_text(answer.lead)}</b></p>{said}{_table(scheme_rows(summary, answer, point))}{over}{equal}"
        + (f"<details><summary>warnings</summary><ul>{warned}</ul></details>" if warned else "")
    )


def call_html(
    title: str, timeline: pd.DataFrame, pcm: NDArray[float32], frame_ms: float, is_adaptive: bool
) -> str:
    """Return a player and the figure of a call; see `testbed.reports.call_figure.call_figure`."""
    picture = base64.b64encode(call_figure(timeline, pcm, frame_ms, title, is_adaptive)._repr_png_()).decode(
        "ascii"
    )
    sound = base64.b64encode(flac(pcm)).decode("ascii")
    return (
        f'<audio controls src="data:audio/flac;base64,{sound}"></audio><br>'
        f'<img alt="{_text(title)}" style="max-width: 100%" src="data:image/png;base64,{picture}">'
    )


def _table(rows: list[tuple[str, ...]]) -> str:
    if not rows:
        return ""
    head, *body = rows
    cells = "".join(f"<th>{_text(word)}</th>" for word in head)
    lines = ("".join(f"<td>{_text(word)}</td>" for word in row) for row in body)
    return f"<table><tr>{cells}</tr>{''.join(f'<tr>{line}</tr>' for line in lines)}</table>"


def _text(value: object) -> str:
    return escape(printable(str(value)))
