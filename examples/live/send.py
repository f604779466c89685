"""Sends a recording with aiortc, over a UDP relay where one is named.

Usage: send.py SPEECH.wav [--whip http://127.0.0.1:8080/whip] [--relay 127.0.0.1:5004]
"""

import argparse
import asyncio
import re
import urllib.request

import aioice.ice
from aiortc import MediaStreamTrack, RTCPeerConnection, RTCSessionDescription
from aiortc.contrib.media import MediaPlayer

# All clients are on this machine, and aioice leaves its own address out.
aioice.ice.get_host_addresses = lambda *_, **__: ["127.0.0.1"]


async def call(track: MediaStreamTrack, whip: str, relay: str | None = None) -> RTCPeerConnection:
    """Offer the track to a WHIP address (RFC 9725), and return the connection."""
    connection = RTCPeerConnection()
    connection.addTrack(track)
    await connection.setLocalDescription(await connection.createOffer())
    offer = connection.localDescription.sdp
    if relay:
        answer = with_candidate(await asyncio.to_thread(post, whip, without_candidates(offer)), relay)
    else:
        answer = await asyncio.to_thread(post, whip, offer)
    await connection.setRemoteDescription(RTCSessionDescription(answer, "answer"))
    return connection


def without_candidates(sdp: str) -> str:
    """Return a description without its addresses: the other side learns the relay's from the first packet."""
    return re.sub(r"a=candidate:.*\r\n", "", sdp)


def with_candidate(sdp: str, address: str) -> str:
    """Return a description with one address, the relay's."""
    candidate = f"a=candidate:1 1 udp 1 {address.replace(':', ' ')} typ host\r\n"
    return without_candidates(sdp).replace("a=ice-ufrag", f"{candidate}a=ice-ufrag", 1)


def post(url: str, offer: str) -> str:
    """Post an offer, and return the answer."""
    request = urllib.request.Request(url, offer.encode(), {"content-type": "application/sdp"})
    with urllib.request.urlopen(request, timeout=10) as response:
        return response.read().decode()


async def main() -> None:
    """Send the recording; the call ends with it."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("speech")
    parser.add_argument("--whip", default="http://127.0.0.1:8080/whip")
    parser.add_argument("--relay")
    options = parser.parse_args()
    track = MediaPlayer(options.speech).audio
    connection = await call(track, options.whip, options.relay)
    while track.readyState == "live":
        await asyncio.sleep(0.1)
    await connection.close()


if __name__ == "__main__":
    asyncio.run(main())
