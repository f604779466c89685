"""Receives a call with Chromium, and prints what its jitter buffer does, as receive.mjs does.

Usage: chromium.py --whip 127.0.0.1:8080 --every-ms 500
"""

import argparse
import queue
import subprocess
import sys
import tempfile
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

PAGE = """<!doctype html>
<script type="module">
const call = new RTCPeerConnection();
const sound = new Audio();
call.ontrack = ({ track }) => { sound.srcObject = new MediaStream([track]); sound.play(); };
await call.setRemoteDescription({ type: "offer", sdp: await (await fetch("/offer")).text() });
await call.setLocalDescription(await call.createAnswer());
while (call.iceGatheringState !== "complete") await new Promise((resolve) => setTimeout(resolve, 10));
const post = (path, body) => fetch(path, { method: "POST", body });
await post("/answer", call.localDescription.sdp);
setInterval(async () => {
  for (const stats of (await call.getStats()).values())
    if (stats.type === "inbound-rtp") post("/report", JSON.stringify(stats));
}, EVERY_MS);
</script>
"""
OPTIONS = (
    "--headless=new",
    "--no-sandbox",
    "--disable-gpu",
    "--allow-loopback-in-peer-connection",
    "--disable-features=WebRtcHideLocalIpsWithMdns",  # multicast has no route on loopback
    "--autoplay-policy=no-user-gesture-required",
)


class Exchange(BaseHTTPRequestHandler):
    """Serves the page, passes offer and answer between the sender and it, and prints its reports."""

    page: bytes
    offers = queue.Queue[bytes]()
    answers = queue.Queue[bytes]()

    def do_GET(self):
        if self.path == "/offer":
            print("Waiting", file=sys.stderr, flush=True)
            self._reply(self.offers.get())
        else:
            self._reply(self.page)

    def do_POST(self):
        body = self.rfile.read(int(self.headers["content-length"]))
        if self.path == "/report":
            print(body.decode(), flush=True)
        elif self.path == "/answer":
            self.answers.put(body)
        else:
            self.offers.put(body)
            body = self.answers.get()
        self._reply(body)

    def log_message(self, *_):
        """Write nothing: standard error is read."""

    def _reply(self, body: bytes) -> None:
        self.send_response(200)
        self.send_header("content-length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)


def main() -> None:
    """Serve the page to a browser until interrupted."""
    parser = argparse.ArgumentParser(description="Receive a call with Chromium.")
    parser.add_argument("--whip", required=True)
    parser.add_argument("--every-ms", required=True)
    options = parser.parse_args()
    host, port = options.whip.split(":")
    Exchange.page = PAGE.replace("EVERY_MS", options.every_ms).encode()
    server = ThreadingHTTPServer((host, int(port)), Exchange)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as profile:
        command = ["chromium", *OPTIONS, f"--user-data-dir={profile}", f"http://{options.whip}/"]
        with subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as browser:
            try:
                browser.wait()
            except KeyboardInterrupt:
                browser.terminate()


if __name__ == "__main__":
    main()
