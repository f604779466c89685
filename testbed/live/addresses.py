"""UDP addresses of a relay: read, checked and bound."""

import ipaddress
import socket

from testbed.errors import ScenarioError

Address = tuple[str, int]
"""IP address and port."""

_BUFFER_BYTES = 1 << 20


def read_address(text: str, option: str, allow_remote: bool) -> Address:
    """Return the address that ``HOST:PORT`` means; an IPv6 address is in brackets.

    Parameters
    ----------
    option
        Name of the option in messages.
    allow_remote
        Whether the address may be another than loopback.

    Raises
    ------
    ScenarioError
        It is not an address, or not one of loopback.
    """
    host, colon, port = text.rpartition(":")
    host = host.removeprefix("[").removesuffix("]") if host.startswith("[") else host
    host = "127.0.0.1" if host == "localhost" else host
    try:
        ip = ipaddress.ip_address(host)
    except ValueError:
        ip = None
    is_port = port.isascii() and port.isdigit() and len(port) <= 5 and int(port) <= 65_535
    if ip is None or not colon or not is_port:
        raise ScenarioError(f"{option} {text}: must be an IP address and a port, as in 127.0.0.1:5004")
    if not (ip.is_loopback or allow_remote):
        raise ScenarioError(
            f"{option} {text}: is not a loopback address (127.0.0.1, [::1]); --allow-remote permits others"
        )
    return str(ip), int(port)


def read_callee(text: str, caller_at: Address, allow_remote: bool) -> Address:
    """Return the address of the callee; `caller_at` is where the relay listens for the caller.

    Raises
    ------
    ScenarioError
        It is not an address that packets can be sent to, or that of the relay.
    """
    callee = read_address(text, "--to", allow_remote)
    if callee[1] == 0:
        raise ScenarioError(f"--to {text}: port 0 is no port to send to")
    if callee == caller_at:
        raise ScenarioError(f"--to {text}: is where the relay listens; give the callee's address")
    return callee


def host_towards(target: Address) -> str:
    """Return the address of this machine from which datagrams to a target are sent.

    Raises
    ------
    ScenarioError
        The target cannot be reached.
    """
    with socket.socket(version(target), socket.SOCK_DGRAM) as made:
        try:
            made.connect(target)
        except OSError as error:
            reason = error.strerror or error
            raise ScenarioError(f"{shown(target)}: cannot be reached: {reason}") from None
        return str(made.getsockname()[0])


def shown(address: Address) -> str:
    """Return an address as it is written."""
    return f"[{address[0]}]:{address[1]}" if ":" in address[0] else f"{address[0]}:{address[1]}"


def packed(address: Address) -> tuple[bytes, int]:
    """Return an address as the bytes of its IP header, and its port."""
    return ipaddress.ip_address(address[0]).packed, address[1]


def bound(address: Address) -> socket.socket:
    """Return a UDP socket at an address, which does not block.

    Raises
    ------
    ScenarioError
        It cannot be bound.
    """
    made = socket.socket(version(address), socket.SOCK_DGRAM)
    try:
        made.setblocking(False)
        made.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, _BUFFER_BYTES)
        made.bind(address)
    except OSError as error:
        made.close()
        raise ScenarioError(f"{shown(address)}: cannot be bound: {error.strerror or error}") from None
    return made


def version(address: Address) -> socket.AddressFamily:
    """Return the version of IP of an address."""
    return socket.AF_INET6 if ":" in address[0] else socket.AF_INET
