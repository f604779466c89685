"""Sends a recording with aiortc, over `testbed live` where its helper is named.

Usage: send.py SPEECH.wav [--whip http://127.0.0.1:8080/whip] [--ice http://127.0.0.1:5080]
"""

import argparse
import asyncio
import urllib.request

import aioice.ice
from aiortc import MediaStreamTrack, RTCPeerConnection, RTCSessionDescription
from aiortc.contrib.media import MediaPlayer

# All clients are on this machine, and aioice leaves its own address out.
aioice.ice.get_host_addresses = lambda *_, **__: ["127.0.0.1"]


async def call(track: MediaStreamTrack, whip: str, ice: str | None = None) -> RTCPeerConnection:
    """Offer the track to a WHIP address (RFC 9725), and return the connection."""
    connection = RTCPeerConnection()
    connection.addTrack(track)
    await connection.setLocalDescription(await connection.createOffer())
    answer = await asyncio.to_thread(answer_to, connection.localDescription.sdp, whip, ice)
    await connection.setRemoteDescription(RTCSessionDescription(answer, "answer"))
    return connection


def answer_to(offer: str, whip: str, ice: str | None) -> str:
    """Return the answer; the helper puts the relay's address in place of each client's own."""
    if ice is None:
        return post(whip, offer)
    return post(f"{ice}/callee", post(whip, post(f"{ice}/caller", offer)))


def post(url: str, sdp: str) -> str:
    """Post a description, and return the one that comes back."""
    request = urllib.request.Request(url, sdp.encode(), {"content-type": "application/sdp"})
    with urllib.request.urlopen(request, timeout=10) as response:
        return response.read().decode()


async def main() -> None:
    """Send the recording; the call ends with it."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("speech")
    parser.add_argument("--whip", default="http://127.0.0.1:8080/whip")
    parser.add_argument("--ice")
    options = parser.parse_args()
    track = MediaPlayer(options.speech).audio
    connection = await call(track, options.whip, options.ice)
    while track.readyState == "live":
        await asyncio.sleep(0.1)
    await connection.close()


if __name__ == "__main__":
    asyncio.run(main())
