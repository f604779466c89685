import pytest

from testbed import compilation
from testbed.plan import plan
from testbed.scenario.loading import parse_scenario

SCENARIO = """
name: kernels
speech: {corpus: packaged, clips: 1}
codec: {bitrate_kbps: 24}
schemes: [%s]
channel: [{loss: {model: bernoulli, rate: 0.1}}]
playout: {policy: %s}
metrics: []
"""


@pytest.mark.parametrize(
    ("scheme", "policy", "is_needed"),
    [
        ("neural_plc", "offline", False),
        ("plc", "offline", False),
        ("plc: {concealer: neteq}", "offline", True),
        ("neural_plc", "adaptive", True),
    ],
)
def test_kernels_of_neteq_are_loaded_before_a_run_that_conceals_or_stretches_by_it(
    scheme, policy, is_needed, monkeypatch
):
    loaded, load = [], compilation._compile_neteq
    monkeypatch.setattr(compilation, "_compile_neteq", lambda: loaded.append(load()))
    planned = plan(parse_scenario(SCENARIO % (scheme, policy)), 1)
    assert compilation.is_needed(planned) == is_needed
    compilation.compile_kernels(planned)
    assert len(loaded) == is_needed
