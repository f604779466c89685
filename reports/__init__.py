"""The answer, the HTML report and the figures of a run."""
