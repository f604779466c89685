"""The grid of a recommendation: configurations within the limits, at most 64."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from testbed.codecs.schemes import SchemeSpec
from testbed.errors import ScenarioError
from testbed.recommend.limits import RecommendLimits

MOST_CANDIDATES = 64
LEAST_TOTAL_KBPS = 6
"""Lowest bitrate of a scenario's codec."""
_HIGHEST_TOTAL_KBPS = 256
_HEADER_BITS = 8 * 40
"""RTP, UDP and IPv4."""
_MOST_LOAD = 0.95
"""Share of a link's capacity that a call may take, since a full link only queues."""
_LEAST_RED_KBPS = 6
"""Lowest bitrate of each copy: below it, libopus's speech is narrowband at best."""
_MOST_TOTALS = 4
_DRED_STEP_MS, _MOST_DRED_MS = 40, 1000
_LOOKAHEAD_MS = 6.5
_ADAPTIVE = {"policy": "adaptive", "concealer": "codec"}
_ADAPTIVE_DRED_MS = 200
"""Depth of DRED for an adaptive buffer, which does not wait for later packets."""
_HIGHER_LOSS, _MOST_LOSS = 2.0, 0.5
_LEAST_HIGHER_LOSS = 0.1


@dataclass(frozen=True)
class NetworkFacts:
    """Facts about a network that the grid follows from.

    Attributes
    ----------
    loss
        Share of packets lost or late, 0 to 1.
    least_delay_ms
        Delay of the fastest packet of a call.
    capacity_kbps
        Mean rate of the narrowest link; infinite without one.
    """

    loss: float
    least_delay_ms: float
    capacity_kbps: float


@dataclass(frozen=True)
class Candidate:
    """One configuration of sender and receiver.

    Attributes
    ----------
    codec
        The scenario's `codec`.
    scheme
        An entry of its `schemes`.
    playout
        Its `playout`.
    """

    codec: Mapping[str, Any]
    scheme: Mapping[str, Any]
    playout: Mapping[str, Any]

    @property
    def scheme_name(self) -> str:
        """Name of the scheme."""
        return SchemeSpec.model_validate(dict(self.scheme)).name

    @property
    def rate_kbps(self) -> float:
        """Bitrate that is asked for: of all that is sent, or of speech to which DRED is added."""
        return float(self.codec.get("total_kbps") or self.codec["bitrate_kbps"])

    @property
    def uses_expected_loss(self) -> bool:
        """True if libopus plans redundancy for the expected loss."""
        written_by_libopus = self.scheme.get("dred", {}).get("writer", "libopus") == "libopus"
        return "lbrr" in self.scheme or ("dred" in self.scheme and written_by_libopus)

    @property
    def buffer_ms(self) -> float | None:
        """Size of its fixed jitter buffer; None if it adapts."""
        return self.playout.get("buffer_ms")

    @property
    def receiver(self) -> str:
        """The receiver in words."""
        return "adaptive buffer" if self.buffer_ms is None else f"buffer of {self.buffer_ms:g} ms"

    @property
    def name(self) -> str:
        """The configuration in words, unique in a grid."""
        expecting = f", expecting {100 * self.codec['expected_loss']:g} % loss"
        rate = f"{self.rate_kbps:g} kb/s{'' if 'total_kbps' in self.codec else ' of speech'}"
        said = f"{self.scheme_name}, {rate}{expecting if self.uses_expected_loss else ''}"
        return f"{said}, {self.receiver}"


@dataclass(frozen=True)
class CandidateGrid:
    """The configurations to search, and those that cannot keep the limits.

    Attributes
    ----------
    candidates
        The configurations.
    left_out
        Reasons, each with what it leaves out.
    """

    candidates: tuple[Candidate, ...]
    left_out: tuple[str, ...] = field(default=())


def candidate_grid(
    limits: RecommendLimits, facts: NetworkFacts, codec: Mapping[str, Any], has_exact_dred: bool = False
) -> CandidateGrid:
    """Return the configurations within the limits.

    Parameters
    ----------
    codec
        The scenario's `codec`, whose bitrates and expected loss the grid replaces.
    has_exact_dred
        Whether DRED of the testbed's own writer, with chosen quantizers, is in the grid.

    Raises
    ------
    ScenarioError
        No configuration keeps the limits; the message says which excludes all, and the nearest that does not.
    """
    frame_ms = float(codec.get("frame_ms", 20))
    left_out: list[str] = []
    most_kbps = _most_total_kbps(limits, facts, frame_ms, left_out)
    receivers = _receivers(limits, facts, frame_ms)
    plain = {key: value for key, value in codec.items() if key not in ("bitrate_kbps", "total_kbps")}
    ways = [
        (playout, scheme, expected)
        for playout in receivers
        for scheme, expected in _schemes(playout, facts.loss, has_exact_dred)
        if facts.loss > 0 or "neural_plc" in scheme
    ]
    made: list[Candidate] = []
    for total_kbps in _totals(most_kbps, max(1, MOST_CANDIDATES // len(ways))):
        for playout, scheme, expected in ways:
            name = SchemeSpec.model_validate(scheme).name
            copies = 1 + scheme.get("red", {}).get("copies", 0)
            if total_kbps / copies < _LEAST_RED_KBPS and copies > 1:
                left_out.append(f"{name} at {total_kbps:g} kb/s: each copy has under {_LEAST_RED_KBPS} kb/s")
                continue
            is_exact = "writer" in scheme.get("dred", {})
            if is_exact and total_kbps < 2 * LEAST_TOTAL_KBPS:
                left_out.append(f"{name} at {total_kbps:g} kb/s: speech has under {LEAST_TOTAL_KBPS} kb/s")
                continue
            rate = {"bitrate_kbps": total_kbps // 2} if is_exact else {"total_kbps": total_kbps}
            own = {**plain, **rate, "expected_loss": expected}
            made.append(Candidate(own, scheme, playout))
    return CandidateGrid(tuple(made), tuple(dict.fromkeys(left_out)))


def overhead_kbps(frame_ms: float) -> float:
    """Return the bitrate of the headers."""
    return _HEADER_BITS / frame_ms


def longest_buffer_ms(max_delay_ms: float, least_delay_ms: float, frame_ms: float) -> float:
    """Return the longest jitter buffer within a delay from mouth to ear; negative if there is none."""
    return max_delay_ms - frame_ms - _LOOKAHEAD_MS - least_delay_ms


def _most_total_kbps(
    limits: RecommendLimits, facts: NetworkFacts, frame_ms: float, left_out: list[str]
) -> float:
    """Return the highest bitrate of the codec within the limit and the link."""
    wire_kbps, header_kbps = limits.max_kbps, overhead_kbps(frame_ms)
    link_kbps = _MOST_LOAD * facts.capacity_kbps
    if link_kbps < wire_kbps:
        left_out.append(
            f"more than {link_kbps:.4g} kb/s on the wire: the link has {facts.capacity_kbps:.4g} kb/s"
        )
        wire_kbps = link_kbps
    most_kbps = min(wire_kbps - header_kbps, _HIGHEST_TOTAL_KBPS)
    if most_kbps < LEAST_TOTAL_KBPS:
        least = f"{LEAST_TOTAL_KBPS + header_kbps:g} kb/s"
        if link_kbps < limits.max_kbps:
            raise ScenarioError(
                f"the network excludes everything: its link has {facts.capacity_kbps:.4g} kb/s, and the "
                f"smallest call takes {least}"
            )
        raise ScenarioError(
            f"--max-kbps {limits.max_kbps:g} excludes everything: headers take {header_kbps:g} kb/s at "
            f"frames of {frame_ms:g} ms, and Opus at least {LEAST_TOTAL_KBPS}; the nearest limit is {least}"
        )
    return most_kbps


def _totals(most_kbps: float, number: int) -> list[float]:
    """Return bitrates from the highest down to its half, evenly spaced, whole where possible."""
    number = min(number, _MOST_TOTALS)
    lowest_kbps = max(LEAST_TOTAL_KBPS, most_kbps / 2)
    step = (most_kbps - lowest_kbps) / max(1, number - 1)
    return list(dict.fromkeys(float(int(most_kbps - place * step)) for place in range(number)))


def _receivers(limits: RecommendLimits, facts: NetworkFacts, frame_ms: float) -> list[dict[str, Any]]:
    """Return an adaptive buffer, the longest fixed one within the limit, and one of half its size."""
    longest_ms = longest_buffer_ms(limits.max_delay_ms, facts.least_delay_ms, frame_ms)
    if longest_ms < 0:
        raise ScenarioError(
            f"--max-delay-ms {limits.max_delay_ms:g} excludes everything: frame, codec and network take "
            f"{limits.max_delay_ms - longest_ms:.1f} ms without any buffer, which is the nearest limit"
        )
    sizes_ms = dict.fromkeys(int(size_ms) // 5 * 5 for size_ms in (longest_ms, longest_ms / 2))
    return [dict(_ADAPTIVE), *({"policy": "fixed", "buffer_ms": size_ms} for size_ms in sizes_ms)]


def _schemes(
    playout: Mapping[str, Any], loss: float, has_exact_dred: bool
) -> Iterator[tuple[dict[str, Any], float]]:
    """Yield the schemes for a receiver, each with the loss that the encoder expects."""
    depth_ms = _depth_ms(playout.get("buffer_ms"))
    expected = [_percent(loss)]
    higher = _percent(min(_MOST_LOSS, max(_HIGHER_LOSS * loss, _LEAST_HIGHER_LOSS)))
    expected += [higher] if higher > expected[0] else []
    yield {"neural_plc": {}}, expected[0]
    yield {"red": {"copies": 1}}, expected[0]
    yield {"red": {"copies": 2}}, expected[0]
    yield {"red": {"copies": 1, "at_distances": [2]}}, expected[0]
    for each in expected:
        yield {"lbrr": {}}, each
        yield {"dred": {"depth_ms": depth_ms}}, each
        yield {"lbrr": {}, "dred": {"depth_ms": depth_ms}}, each
    if has_exact_dred:
        for q0, dq in ((6, 5), (9, 3)):
            exact = {"writer": "testbed", "depth_ms": depth_ms, "q0": q0, "dq": dq}
            yield {"name": f"exact DRED {depth_ms} ms of q0 {q0}, dq {dq}", "dred": exact}, expected[0]


def _depth_ms(buffer_ms: float | None) -> int:
    """Return the depth of DRED that a receiver has time to use."""
    if buffer_ms is None:
        return _ADAPTIVE_DRED_MS
    chunks = max(1, -(-int(buffer_ms) // _DRED_STEP_MS))
    return min(_MOST_DRED_MS, chunks * _DRED_STEP_MS)


def _percent(share: float) -> float:
    """Return a share in whole percent, as libopus takes it; at least 1 %."""
    return max(1, round(100 * share)) / 100
