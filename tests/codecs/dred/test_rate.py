"""The bits of vectors: what a payload takes, and what their distribution says."""

import numpy as np
import pytest

from testbed.codecs.dred import payload, quantizers
from testbed.codecs.dred.payload import DredHeader, DredPayload
from testbed.codecs.dred.rate import bits_per_vector
from testbed.kernels import dred_symbols


@pytest.fixture(scope="module")
def symbols():
    """Quantize latent vectors that scatter alike."""
    values = np.random.default_rng(1).normal(0, 4, (200, 25)).astype(np.float32)
    return dred_symbols.quantize(quantizers.quantizers(12)[1], 4, values)


def test_they_are_those_of_a_payload(symbols):
    _, latent = quantizers.quantizers(12)
    whole = DredPayload(DredHeader(12, 4, 0, 15, 6), np.zeros(50, np.int32), symbols)
    bits = 8 * (len(payload.write(whole)) - len(payload.write(whole.cut(0)))) / len(symbols)
    assert bits_per_vector(latent, 4, symbols) == pytest.approx(bits, abs=16 / len(symbols))


def test_a_vector_of_zeros_takes_the_information_of_zeros():
    state, latent = quantizers.quantizers(12)
    for tables in (state, latent):
        width = tables.scale.shape[1]
        zero, decay = tables.zero[7].astype(float), tables.decay[7]
        information = -np.log2(zero / 256)[(decay != 0) & (zero != 255)].sum()
        found = bits_per_vector(tables, 7, np.zeros((500, width), np.int32))
        assert found == pytest.approx(information, rel=0.01)
