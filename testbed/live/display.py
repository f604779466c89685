"""The display of a live call: a process that reads counts, as JSON, and shows a table or lines on stderr.

A table takes several milliseconds to draw, which would delay packets if the relay did it.
"""

import json
import os
import subprocess
import sys
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager, suppress

from testbed.live.counts import Counts, RelayCounts
from testbed.terminal import tell

_PATIENCE_S = 3
_COLUMNS = ("way", "packets", "kb/s", "lost", "delay", "queue", "other kinds")


@contextmanager
def displaying() -> Iterator[Callable[[Counts], None]]:
    """Yield a function to call with the counts; it never waits for the display."""
    command = [sys.executable, "-m", "testbed.live.display"]
    process = subprocess.Popen(command, stdin=subprocess.PIPE, start_new_session=True)
    assert process.stdin is not None
    pipe = process.stdin.fileno()
    os.set_blocking(pipe, False)

    def show(counts: Counts) -> None:
        with suppress(OSError):  # the display is busy, or was ended: the call goes on
            os.write(pipe, json.dumps(counts).encode() + b"\n")

    try:
        yield show
    finally:
        with suppress(OSError):
            process.stdin.close()
        try:
            process.wait(_PATIENCE_S)
        except subprocess.TimeoutExpired:  # the terminal takes no output, such as after Ctrl-S
            process.kill()


def rows(counts: Counts, before: Counts | None) -> list[tuple[str, ...]]:
    """Return a row of texts per way; rates and delays are those since the counts before."""
    found: list[tuple[str, ...]] = []
    for name, way in counts["ways"].items():
        then = before["ways"][name] if before else dict.fromkeys(way, 0)
        elapsed_s = counts["elapsed_s"] - (before["elapsed_s"] if before else 0)
        sent = way["sent"] - then["sent"]
        lost = sum(way["lost"].values())
        found.append(
            (
                name,
                str(way["taken"]),
                f"{8e-3 * (way['sent_bytes'] - then['sent_bytes']) / elapsed_s:.1f}",
                f"{lost} ({100 * lost / way['taken']:.1f} %)" if lost else "0",
                f"{(way['delay_ns'] - then['delay_ns']) / sent / 1e6:.1f} ms" if sent else "-",
                str(way["waiting"]),
                str(sum(way["passed"].values())),
            )
        )
    return found


def line(counts: Counts, before: Counts | None) -> str:
    """Return the counts on one line."""
    ways = (
        f"{name}: {packets} packets, {kbps} kb/s, {lost} lost, delay {delay}, queue {queue},"
        f" {others} of other kinds"
        for name, packets, kbps, lost, delay, queue, others in rows(counts, before)
        if packets != "0" or others != "0"
    )
    return "; ".join([f"{counts['elapsed_s']:.0f} s", *ways, *_refused(counts)])


def summary(counts: RelayCounts) -> str:
    """Return the counts of a whole call, and how exact the times of sending were."""
    lines = [
        f"{name}: {way.taken} packets taken, {way.sent} sent, {_lost(way.lost)} lost, "
        f"{way.waiting} in the channel at the end, {sum(way.passed.values())} of other kinds"
        for name, way in counts.ways.items()
    ]
    if counts.lateness.count:
        middle, most = (counts.lateness.quantile_ms(share) for share in (0.5, 0.99))
        lines.append(f"sent after the due time: p50 {middle:.2f} ms, p99 {most:.2f} ms")
    return "\n".join([*lines, *_refused({"refused": counts.refused})])


def _lost(causes: Mapping[str, int]) -> str:
    reasons = ", ".join(f"{cause} {number}" for cause, number in causes.items())
    return f"{sum(causes.values())} ({reasons})" if reasons else "0"


def _refused(counts: Counts) -> list[str]:
    reasons = ", ".join(f"{number} {reason}" for reason, number in counts["refused"].items())
    return [f"refused: {reasons}"] if reasons else []


def _show_lines(every: Iterable[Counts]) -> None:
    before = None
    for counts in every:
        tell(line(counts, before))
        before = counts


def _show_table(every: Iterable[Counts]) -> None:
    from rich.console import Console, Group
    from rich.live import Live
    from rich.table import Table
    from rich.text import Text

    before = None
    with Live(console=Console(file=sys.stderr), auto_refresh=False) as shown:
        for counts in every:
            table = Table(*_COLUMNS, title=f"{counts['elapsed_s']:.0f} s", title_justify="left")
            for row in rows(counts, before):
                table.add_row(*row)
            shown.update(Group(table, *map(Text, _refused(counts))), refresh=True)
            before = counts


def main() -> None:
    """Show the counts that come on stdin until it ends."""
    every = map(json.loads, sys.stdin)
    with suppress(BrokenPipeError):
        if sys.stderr.isatty():
            _show_table(every)
        else:
            _show_lines(every)


if __name__ == "__main__":
    main()
