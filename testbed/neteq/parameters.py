"""Constants of NetEq's controller."""

from typing import Literal, Self

from pydantic import Field, model_validator

from testbed.parameters import Parameters


class NeteqParameters(Parameters):
    """Constants of the controller; the defaults are those of libwebrtc of January 2026.

    Attributes
    ----------
    decide_by
        What is compared with the target delay before sound is stretched: the delay of the sound being played
        behind the fastest recent packet (`playout_delay`, today), or the filtered level of the packet buffer
        (`buffer_level`, as in M106 of 2022).
    start_delay_ms
        Target delay until the first estimate.
    quantile
        Share of the intervals whose largest delay the target delay covers.
    forget_factor
        Weight of the past in the distribution of delays, per interval.
    start_forget_weight
        Weight of the first intervals: after n of them, the past has 1 - weight / (n + 1). Without it, the
        weight of the past closes a quarter of its distance to `forget_factor` per interval.
    resample_interval_ms
        Interval whose largest delay counts; without it, each packet counts.
    use_reorder_optimizer
        Whether reordered packets, such as redundant copies, are weighed by cost instead of by `quantile`.
    reorder_forget_factor
        Weight of the past in the distribution of delays of reordered packets, per packet.
    ms_per_loss_percent
        Delay that is worth 1 % of lost packets.
    history_ms
        Media time within which the fastest packet is the reference of all delays.
    count_redundancy
        Whether redundant copies of frames count as arrivals (in M106, packets alone do).
    most_packets
        Packets that the buffer holds; a further one empties it. The target delay is at most 3/4 of them.
    min_delay_ms
        Least target delay.
    max_delay_ms
        Largest target delay; default: none.
    allow_stretching
        Whether sound may be accelerated and slowed down.
    fast_accelerate
        Whether several pitch periods may be removed at once when the delay is far too long; without it, one
        at a time, without a pause.
    stretch_pause_ms
        Least time between two stretches: at least a tick, since slowing down in each would never end.
    high_limit_margin_ms
        Distance of the level that starts acceleration from the one that ends slowing down; by
        `playout_delay`, the delay of the slowest recent packet is added.
    fast_accelerate_multiple
        Multiple of the level that starts acceleration, from which it needs no pause.
    deceleration_offset_ms
        By `buffer_level`: sound is slowed down below 3/4 of the target delay, and never more than this below
        the target delay.
    postpone_percent
        After long concealment or comfort noise, part of the target delay that must be buffered before playing
        goes on.
    target_window_ms
        A gap is cut short, and comfort noise ends, when the buffer exceeds the target delay by half of this.
    cng_timeout_ms
        Longest comfort noise without a packet.
    packet_wait_ms
        By `buffer_level`: longest concealment while a later packet waits.
    reinit_after_ms
        By `buffer_level`: concealment after which the next packet is played at once.
    """

    decide_by: Literal["playout_delay", "buffer_level"] = "playout_delay"
    start_delay_ms: int = Field(80, ge=0, le=10_000)
    quantile: float = Field(0.95, gt=0, lt=1)
    forget_factor: float = Field(0.983, ge=0, lt=1)
    start_forget_weight: float | None = Field(2, gt=0, le=100)
    resample_interval_ms: int | None = Field(500, ge=10, le=60_000)
    use_reorder_optimizer: bool = True
    reorder_forget_factor: float = Field(0.9993, ge=0, lt=1)
    ms_per_loss_percent: int = Field(20, ge=0, le=1000)
    history_ms: int = Field(2000, ge=20, le=60_000)
    count_redundancy: bool = True
    most_packets: int = Field(200, ge=2, le=10_000)
    min_delay_ms: int = Field(0, ge=0, le=10_000)
    max_delay_ms: int | None = Field(None, ge=10, le=10_000)
    allow_stretching: bool = True
    fast_accelerate: bool = False
    stretch_pause_ms: int = Field(50, ge=10, le=10_000)
    high_limit_margin_ms: int = Field(20, ge=0, le=1000)
    fast_accelerate_multiple: int = Field(4, ge=1, le=100)
    deceleration_offset_ms: int = Field(85, ge=0, le=10_000)
    postpone_percent: int = Field(50, ge=0, le=100)
    target_window_ms: int = Field(100, ge=0, le=10_000)
    cng_timeout_ms: int | None = Field(1000, ge=0, le=60_000)
    packet_wait_ms: int = Field(100, ge=0, le=10_000)
    reinit_after_ms: int = Field(1000, ge=10, le=60_000)

    @model_validator(mode="after")
    def _bounds_in_order(self) -> Self:
        if self.max_delay_ms is not None and self.min_delay_ms > self.max_delay_ms:
            raise ValueError(
                f"max_delay_ms {self.max_delay_ms} must be at least min_delay_ms {self.min_delay_ms}"
            )
        return self
