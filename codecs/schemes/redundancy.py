"""The redundancy of a scheme, and its share of the encoder's bitrate."""

from dataclasses import dataclass, replace

SHALLOWEST_DRED_MS = 100


@dataclass(frozen=True, slots=True)
class Redundancy:
    """RED copies, LBRR and DRED, and the bitrate of those that libopus encodes.

    Attributes
    ----------
    distances
        Distances of the RED copies from their packet, in frames, farthest first (the order of RFC 2198).
    lbrr_bps
        Bitrate of LBRR; 0: none.
    dred_depth_ms, dred_bps
        Depth of DRED, a multiple of 10, and its bitrate; 0: none.
    """

    distances: tuple[int, ...] = ()
    lbrr_bps: int = 0
    dred_depth_ms: int = 0
    dred_bps: int = 0

    @property
    def in_encoder_bps(self) -> int:
        """Bitrate added to the speech within the encoder."""
        return self.lbrr_bps + self.dred_bps

    def with_dred(self, depth_ms: int) -> "Redundancy":
        """Return the same with another depth, at the same bitrate per millisecond."""
        if depth_ms < min(SHALLOWEST_DRED_MS, self.dred_depth_ms) or not self.dred_depth_ms:
            return replace(self, dred_depth_ms=0, dred_bps=0)
        depth_ms -= depth_ms % 10
        bps = round(self.dred_bps * depth_ms / self.dred_depth_ms)
        return replace(self, dred_depth_ms=depth_ms, dred_bps=bps)

    def less(self) -> "Redundancy | None":
        """Return the next weaker form: half the DRED, then one RED copy less, then no LBRR; None if bare."""
        if self.dred_depth_ms:
            return self.with_dred(self.dred_depth_ms // 2)
        if self.distances:
            return replace(self, distances=self.distances[1:])
        if self.lbrr_bps:
            return replace(self, lbrr_bps=0)
        return None

    def __or__(self, other: "Redundancy") -> "Redundancy":
        """Return the redundancy of both; a copy that both have is sent once."""
        return Redundancy(
            tuple(sorted({*self.distances, *other.distances}, reverse=True)),
            self.lbrr_bps + other.lbrr_bps,
            max(self.dred_depth_ms, other.dred_depth_ms),
            self.dred_bps + other.dred_bps,
        )
