"""A run with the gain over the baseline in place of a metric, call by call."""

from testbed.errors import ResultsError
from testbed.metrics import described
from testbed.reports.summary import baseline_of
from testbed.results import Results

_CALL = ["point", "clip", "realization"]


def gained(results: Results, metric: str) -> tuple[Results, str]:
    """Return the run with each score less the baseline's on the same network, and the baseline.

    Gains are positive for the better scheme, whatever the direction of the metric.

    Raises
    ------
    ResultsError
        The column is no metric of the run, or the run has no other scheme to compare with.
    """
    metrics = results.manifest.get("metrics", [])
    if metric not in metrics:
        raise ResultsError(f"--gain: --y {metric} is no metric; metrics of this run: {', '.join(metrics)}")
    table = results.table
    rivals = [str(name) for name in table["scheme"].unique() if name != results.ceiling]
    baseline = baseline_of(results, table, rivals)
    if baseline is None:
        raise ResultsError("--gain: the run has one scheme, and no baseline")
    base = table[table["scheme"] == baseline].groupby(_CALL)[metric].mean().rename("_baseline")
    difference = table[metric] - table.join(base, on=_CALL)["_baseline"]
    return results.with_rows(table.assign(**{metric: described(metric).sign * difference})), baseline
