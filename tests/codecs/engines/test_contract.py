"""The contract of engines, for each in the registry, and for one that yields its results in random order."""

import itertools

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from testbed.codecs.engines import ENGINES, engine
from testbed.codecs.engines.engine import Engine, decode_one
from testbed.errors import CodecError

from .jobs import CLASSIC, DEEP_PLC, job, losses, packets
from .shuffling import ShufflingEngine

NAMES = [*ENGINES, "shuffling"]
CALLS = st.tuples(losses(), st.sampled_from([CLASSIC, DEEP_PLC]), st.booleans(), st.booleans())


def made(name: str, batch_mb: int = 64) -> Engine:
    return ShufflingEngine(made("libopus")) if name == "shuffling" else ENGINES[name].create(batch_mb)


@pytest.mark.parametrize("name", NAMES)
@settings(max_examples=8)
@given(calls=st.lists(CALLS, min_size=2, max_size=6), random=st.randoms(use_true_random=False))
def test_each_key_gets_the_sound_of_its_job_in_any_company_and_order(name, calls, random):
    sent = packets(seconds=2)
    jobs = {f"call {number}": job(sent, *call) for number, call in enumerate(calls)}
    alone = {key: decode_one(made(name), one) for key, one in jobs.items()}
    for batch_mb in (64, 0):
        decoded = list(made(name, batch_mb).decode(random.sample(list(jobs.items()), len(jobs))))
        assert sorted(key for key, _ in decoded) == sorted(jobs)
        for key, pcm in decoded:
            assert np.array_equal(pcm, alone[key])
            assert (pcm.dtype, pcm.shape) == (np.int16, (len(sent) * 320,))


@pytest.mark.parametrize("name", NAMES)
def test_no_more_jobs_are_taken_than_there_is_memory_for(name):
    sent = packets(seconds=2)
    numbers = itertools.count()
    taken: set[int] = set()

    def endless():
        for number in numbers:
            taken.add(number)
            yield number, job(sent, [20 + number % 5, 40, 41])

    for number, _ in itertools.islice(made(name, batch_mb=1).decode(endless()), 60):
        assert len(taken) <= 10
        taken.remove(number)


@pytest.mark.parametrize("name", NAMES)
def test_without_jobs_there_is_no_sound(name):
    assert list(made(name).decode([])) == []


@pytest.mark.parametrize("name", NAMES)
def test_a_job_that_fails_raises_and_the_engine_decodes_on(name):
    sent = packets(seconds=2)
    good, rest = job(sent, [10]), iter([(0, job(sent, [20])), (1, job((*sent[:-1], b"\xff"), []))])
    decoding = made(name)
    expected = decode_one(made(name), good)
    with pytest.raises(CodecError):
        list(decoding.decode(rest))
    assert np.array_equal(decode_one(decoding, good), expected)


def test_an_engine_of_the_registry_is_made_once():
    assert engine("numba", 64) is engine("numba", 64)
    assert engine("libopus", 64) is not engine("numba", 64)
