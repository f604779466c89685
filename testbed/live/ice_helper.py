"""An HTTP server that puts the relay's address into what WebRTC clients tell each other."""

import ipaddress
import socket
import socketserver
import sys
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from http.server import BaseHTTPRequestHandler
from typing import Any

from testbed.errors import ScenarioError
from testbed.live.addresses import Address, shown, version
from testbed.live.candidates import with_relay

MOST_BYTES = 1 << 16
"""Largest size of a description."""
_TIMEOUT_S = 5.0
"""Longest time of a request, from its connection on."""
_MOST_REQUESTS = 16
"""Largest number of requests at a time; further connections are closed."""
_POLL_S = 0.05


@contextmanager
def ice_helper(address: Address, relays: Mapping[str, Address]) -> Iterator[Address]:
    """Answer requests in a thread while the block lasts; yield the server's address.

    ``POST /PATH`` with SDP or a candidate returns it with the one candidate of that path. The server keeps
    nothing, so any page may ask it.

    Parameters
    ----------
    address
        Where it listens.
    relays
        For each path the relay's address.

    Raises
    ------
    ScenarioError
        The address cannot be bound, or one of the relay stands for all of the machine.
    """
    for relay in relays.values():
        if ipaddress.ip_address(relay[0]).is_unspecified:
            raise ScenarioError(
                f"--ice: clients cannot send to {shown(relay)}; listen at one address of this machine"
            )

    class Rewriting(_Rewriting):
        paths = relays

    try:
        server = _Server(address, Rewriting)
    except OSError as error:
        raise ScenarioError(f"{shown(address)}: cannot be bound: {error.strerror or error}") from None
    thread = threading.Thread(target=server.serve_forever, args=(_POLL_S,), name="ice", daemon=True)
    thread.start()
    try:
        yield address[0], server.server_address[1]
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


class _Server(socketserver.ThreadingTCPServer):
    """Gives each request a thread of its own; its end waits for none of them."""

    allow_reuse_address = True
    daemon_threads = True

    def __init__(self, address: Address, handler: type[BaseHTTPRequestHandler]) -> None:
        self.address_family = version(address)
        self._free = threading.BoundedSemaphore(_MOST_REQUESTS)
        super().__init__(address, handler)

    def process_request(self, request: Any, client_address: Any) -> None:
        """Answer in a thread, or close the connection if there are too many."""
        if self._free.acquire(blocking=False):
            super().process_request(request, client_address)
        else:
            self.shutdown_request(request)

    def process_request_thread(self, request: Any, client_address: Any) -> None:
        """Answer a request, and end it when its time is up."""
        end = threading.Timer(_TIMEOUT_S, _hang_up, [request])
        end.daemon = True
        end.start()
        try:
            super().process_request_thread(request, client_address)
        finally:
            end.cancel()
            self._free.release()

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Write nothing if the client has gone."""
        if not isinstance(sys.exception(), OSError):
            super().handle_error(request, client_address)


def _hang_up(connection: socket.socket) -> None:
    with suppress(OSError):
        connection.shutdown(socket.SHUT_RDWR)


class _Rewriting(BaseHTTPRequestHandler):
    """Answers one request."""

    paths: Mapping[str, Address]

    def do_POST(self) -> None:
        relay = self.paths.get(self.path)
        length = self.headers.get("Content-Length", "")
        if relay is None:
            self._answer(404, f"no such path; known: {', '.join(self.paths)}")
        elif not (length.isascii() and length.isdigit()):
            self._answer(411, "the length of the text is missing")
        elif len(length) > 9 or int(length) > MOST_BYTES:
            self._answer(413, f"at most {MOST_BYTES} bytes")
        else:
            try:
                self._answer(200, with_relay(self.rfile.read(int(length)).decode(), relay))
            except ValueError as error:
                self._answer(400, str(error))

    def _answer(self, status: int, text: str) -> None:
        content = text.encode()
        self.send_response(status)
        self.send_header("Content-Type", "text/plain; charset=utf-8")
        self.send_header("Content-Length", str(len(content)))
        self.send_header("Access-Control-Allow-Origin", "*")
        self.end_headers()
        self.wfile.write(content)

    def log_message(self, format: str, *args: object) -> None:
        """Write nothing: the relay's own output is on the terminal."""
