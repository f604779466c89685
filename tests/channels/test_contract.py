"""The contract of stages: each stage in the registry is tried with its own examples."""

from collections import Counter

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import TypeAdapter, ValidationError

from testbed.channels import STAGES, StageSpec
from testbed.channels.packet import Packet

SPEC = TypeAdapter(StageSpec)
ENTRIES = [{name: dict(example)} for name, stage in STAGES.items() for example in stage.examples]


def parameters(entry):
    return SPEC.validate_python(entry).parameters


def declares(entries, what):
    return any(getattr(parameters(entry), what, False) for entry in entries)


@st.composite
def streams(draw):
    """Packets of any size at any intervals, some sent at the same instant."""
    gaps_ns = draw(st.lists(st.one_of(st.just(0), st.integers(0, 100_000_000)), min_size=1, max_size=60))
    sizes = draw(st.lists(st.integers(1, 1500), min_size=len(gaps_ns), max_size=len(gaps_ns)))
    packets, now_ns = [], 0
    for sequence, (gap_ns, size_bytes) in enumerate(zip(gaps_ns, sizes, strict=True)):
        now_ns += gap_ns
        packets.append(Packet(size_bytes, now_ns, sequence, payload=b"%d" % sequence))
    return packets


chains = st.lists(st.sampled_from(ENTRIES), max_size=4)


def check(run, folder, entries, packets, seed):
    """Assert everything that a chain of stages promises."""
    stages = [parameters(entry) for entry in entries]
    result = run(stages, packets, folder, seed)
    sent = {id(packet): packet for packet in packets}
    fates = Counter(id(event.packet) for event in result.events)
    assert fates.keys() == sent.keys(), "a packet was invented or forgotten"
    doublings = sum(declares([entry], "duplicates") for entry in entries)
    assert max(fates.values()) <= 2**doublings, "a packet was duplicated"
    causes = {cause for entry in entries for cause in getattr(parameters(entry), "causes", tuple(entry))}
    assert {event.cause for event in result.dropped} <= causes, "a packet was dropped by no one"
    for event in result.events:
        assert isinstance(event.at_ns, int) and event.at_ns >= event.packet.sent_ns
    if not declares(entries, "reorders"):
        assert result.order == sorted(result.order), "packets were reordered"
    again = run(stages, packets, folder, seed)
    assert again.trace == result.trace, "the same seed gave another run"


@pytest.mark.parametrize("entry", ENTRIES, ids=str)
@settings(max_examples=25, deadline=None)
@given(packets=streams(), seed=st.integers(0, 2**32))
def test_each_stage(run, folder, entry, packets, seed):
    check(run, folder, [entry], packets, seed)


@settings(max_examples=150, deadline=None)
@given(entries=chains, packets=streams(), seed=st.integers(0, 2**32))
def test_chains_of_stages(run, folder, entries, packets, seed):
    check(run, folder, entries, packets, seed)


@settings(max_examples=100, deadline=None)
@given(entries=chains, packets=streams(), seed=st.integers(0, 2**32))
def test_a_realization_is_the_same_however_large_the_packets(run, folder, entries, packets, seed):
    entries = [entry for entry in entries if not declares([entry], "serializes")]
    stages = [parameters(entry) for entry in entries]
    larger = [Packet(1500 - p.size_bytes // 2, p.sent_ns, p.sequence) for p in packets]
    assert run(stages, larger, folder, seed).trace == run(stages, packets, folder, seed).trace


def test_an_empty_channel_delivers_everything_at_once(run, call):
    packets = call(5)
    assert [(event.at_ns, event.packet) for event in run([], packets).delivered] == [
        (packet.sent_ns, packet) for packet in packets
    ]


@pytest.mark.parametrize("name", STAGES)
def test_every_stage_gives_examples_that_survive_a_round_trip(name):
    assert STAGES[name].examples
    for example in STAGES[name].examples:
        spec = SPEC.validate_python({name: dict(example)})
        assert spec.name == name
        assert SPEC.validate_python(SPEC.dump_python(spec)) == spec
        assert SPEC.validate_json(SPEC.dump_json(spec)) == spec


@pytest.mark.parametrize("entry", ENTRIES, ids=str)
def test_a_stage_refuses_a_key_that_it_does_not_know_and_says_where(entry):
    (name,) = entry
    with pytest.raises(ValidationError) as caught:
        SPEC.validate_python({name: {**entry[name], "nonsense": 1}})
    assert [error["loc"] for error in caught.value.errors()] == [(name, "nonsense")]


@pytest.mark.parametrize("entry", ENTRIES, ids=str)
def test_the_loss_that_a_stage_foresees_is_a_share(folder, entry):
    assert 0 <= parameters(entry).mean_loss(folder) <= 1
