"""A configuration in the words of libopus's API, of SDP, and of opus_demo."""

from collections.abc import Sequence

from testbed.codecs.opus.settings import EncoderSettings
from testbed.codecs.schemes import SchemeSpec
from testbed.playout import PlayoutSpec
from testbed.playout.fixed import FixedPlayout

OPUS_TYPE, RED_TYPE = 111, 63
"""RTP payload types, by custom of browsers; any dynamic ones do."""
_BANDWIDTHS_HZ = {
    "narrowband": ("NB", 8000),
    "mediumband": ("MB", 12_000),
    "wideband": ("WB", 16_000),
    "superwideband": ("SWB", 24_000),
    "fullband": ("FB", 48_000),
}
_DRED_FRAME_MS = 10


def libopus_calls(settings: EncoderSettings, decoder_complexity: int) -> list[str]:
    """Return the calls that set up encoder and decoder."""
    vbr, constrained = settings.rate_mode != "cbr", settings.rate_mode == "cvbr"
    values = {
        "BITRATE": settings.bitrate_bps,
        "VBR": int(vbr),
        **({"VBR_CONSTRAINT": int(constrained)} if vbr else {}),
        "BANDWIDTH": f"OPUS_BANDWIDTH_{settings.bandwidth.upper()}"
        if settings.bandwidth != "auto"
        else "OPUS_AUTO",
        "COMPLEXITY": settings.complexity,
        "INBAND_FEC": int(settings.inband_fec),
        "PACKET_LOSS_PERC": settings.expected_loss_percent,
        "DRED_DURATION": settings.dred_depth_ms // _DRED_FRAME_MS,
        **({"DTX": 1} if settings.dtx else {}),
        **({"SIGNAL": f"OPUS_SIGNAL_{settings.signal.upper()}"} if settings.signal != "auto" else {}),
    }
    return [
        f"enc = opus_encoder_create(16000, 1, OPUS_APPLICATION_{settings.application.upper()}, &err);",
        *(f"opus_encoder_ctl(enc, OPUS_SET_{name}({value}));" for name, value in values.items()),
        f"opus_decoder_ctl(dec, OPUS_SET_COMPLEXITY({decoder_complexity}));",
    ]


def sdp_lines(settings: EncoderSettings, distances: Sequence[int]) -> list[str]:
    """Return the lines by which a receiver asks for a configuration (RFC 7587, section 6; RFC 2198).

    Parameters
    ----------
    distances
        Distances of the copies of RED, in frames; empty without RED.
    """
    formats = f"{RED_TYPE} {OPUS_TYPE}" if distances else f"{OPUS_TYPE}"
    hz = _BANDWIDTHS_HZ.get(settings.bandwidth)
    parameters = [
        *(["useinbandfec=1"] if settings.inband_fec else ["useinbandfec=0"]),
        f"maxaveragebitrate={max(6000, min(510_000, settings.bitrate_bps))}",
        *([f"maxplaybackrate={hz[1]}"] if hz else []),
        *(["cbr=1"] if settings.rate_mode == "cbr" else []),
        *(["usedtx=1"] if settings.dtx else []),
    ]
    blocks = "/".join([str(OPUS_TYPE)] * (1 + len(distances)))
    return [
        f"m=audio 9 UDP/TLS/RTP/SAVPF {formats}",
        *([f"a=rtpmap:{RED_TYPE} red/48000/2", f"a=fmtp:{RED_TYPE} {blocks}"] if distances else []),
        f"a=rtpmap:{OPUS_TYPE} opus/48000/2",
        f"a=fmtp:{OPUS_TYPE} {';'.join(parameters)}",
        f"a=ptime:{settings.frame_ms}",
    ]


def opus_demo_command(settings: EncoderSettings, decoder_complexity: int) -> str:
    """Return the command that encodes and decodes a file of 16-bit samples so, on losses from a file."""
    bandwidth = _BANDWIDTHS_HZ.get(settings.bandwidth)
    words = [
        f"opus_demo {settings.application} 16000 1 {settings.bitrate_bps}",
        *({"cbr": ["-cbr"], "cvbr": ["-cvbr"], "vbr": []}[settings.rate_mode]),
        *([f"-bandwidth {bandwidth[0]}"] if bandwidth else []),
        f"-framesize {settings.frame_ms}",
        f"-complexity {settings.complexity}",
        f"-dec_complexity {decoder_complexity}",
        *(["-inbandfec"] if settings.inband_fec else []),
        *([f"-dred {settings.dred_depth_ms // _DRED_FRAME_MS}"] if settings.dred_depth_ms else []),
        *(["-dtx"] if settings.dtx else []),
        *([f"-loss {settings.expected_loss_percent}"] if settings.expected_loss_percent else []),
        "-lossfile losses.txt in.pcm out.pcm",
    ]
    return " ".join(words)


def unsaid(settings: EncoderSettings, scheme: SchemeSpec, playout: PlayoutSpec) -> list[str]:
    """Return what these words cannot say, and who does it."""
    notes = []
    distances = scheme.distances()
    if distances and distances != tuple(range(len(distances), 0, -1)):
        notes.append(
            f"SDP has no word for the distance of a copy: the sender sends the frame "
            f"{' and '.join(map(str, sorted(distances)))} before"
        )
    if distances:
        notes.append("RED is made by the sender, not by libopus; opus_demo has none")
    if settings.inband_fec:
        notes.append("the receiver decodes LBRR by opus_decode with decode_fec = 1")
    if settings.dred_depth_ms:
        notes.append("the receiver decodes DRED by opus_dred_parse and opus_decoder_dred_decode")
        notes.append("SDP has no word for DRED: both ends need libopus 1.5 or later, built with it")
    if scheme.dred_to_write() is not None:
        notes.append("libopus chooses quantizers itself: this DRED is made by the testbed's writer alone")
    if isinstance(playout, FixedPlayout) and playout.buffer_ms is not None:
        notes.append(
            f"receiver: a jitter buffer of {playout.buffer_ms:g} ms; in a browser "
            f"receiver.jitterBufferTarget = {playout.buffer_ms:g}, which is the least, not a fixed, delay"
        )
    else:
        notes.append("receiver: WebRTC's jitter buffer (NetEq) at its defaults")
    return notes
