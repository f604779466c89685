"""Constants of the controllers in use."""

from testbed.neteq.parameters import NeteqParameters

CONTROLLERS = {
    "neteq": NeteqParameters(),
    "neteq_m106": NeteqParameters(decide_by="buffer_level", count_redundancy=False, cng_timeout_ms=None),
    "signal": NeteqParameters(most_packets=50, max_delay_ms=500),
}
"""By preset: libwebrtc of January 2026, libwebrtc M106 (September 2022), and Signal's RingRTC 2.70."""
