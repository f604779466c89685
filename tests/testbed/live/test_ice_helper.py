"""The helper answers with the relay's address, and refuses what is too long or is no description."""

import http.client
import socket
import time
from collections.abc import Iterator

import pytest

from testbed.errors import ScenarioError
from testbed.live import ice_helper as helpers
from testbed.live.addresses import Address
from testbed.live.candidates import with_relay
from testbed.live.ice_helper import MOST_BYTES, ice_helper

from .clients import LOOPBACK
from .test_candidates import OFFER

RELAYS = {"/caller": (LOOPBACK, 5005), "/callee": (LOOPBACK, 5004)}


@pytest.fixture(scope="module")
def helper() -> Iterator[Address]:
    with ice_helper((LOOPBACK, 0), RELAYS) as address:
        yield address


def ask(
    helper: Address, method: str, path: str, text: str | None, headers: dict[str, str] | None = None
) -> tuple[int, str]:
    connection = http.client.HTTPConnection(*helper, timeout=10)
    connection.request(method, path, text, headers or {})
    answer = connection.getresponse()
    said = answer.status, answer.read().decode()
    connection.close()
    return said


@pytest.mark.parametrize("path", RELAYS)
def test_each_client_gets_the_end_that_it_sends_to(helper: Address, path: str) -> None:
    assert ask(helper, "POST", path, OFFER) == (200, with_relay(OFFER, RELAYS[path]))


@pytest.mark.parametrize(
    ("path", "text", "headers", "status", "reason"),
    [
        ("/other", OFFER, {}, 404, "known: /caller, /callee"),
        ("/caller", "hello", {}, 400, "neither SDP nor"),
        ("/caller", "x" * (MOST_BYTES + 1), {}, 413, "at most 65536 bytes"),
        ("/caller", "", {"Content-Length": "1e3"}, 411, "length"),
        ("/caller", "", {"Content-Length": "9" * 5000}, 413, "at most"),
    ],
)
def test_a_refusal_has_its_reason(
    helper: Address, path: str, text: str, headers: dict[str, str], status: int, reason: str
) -> None:
    got, said = ask(helper, "POST", path, text, headers)
    assert got == status
    assert reason in said


def test_text_that_is_not_utf_8_is_refused(helper: Address) -> None:
    connection = http.client.HTTPConnection(*helper, timeout=10)
    connection.request("POST", "/caller", b"m=\xff\xfe")
    assert connection.getresponse().status == 400
    connection.close()


def test_other_methods_are_refused(helper: Address) -> None:
    assert ask(helper, "GET", "/caller", None)[0] == 501


def test_an_address_in_use_is_named(helper: Address) -> None:
    in_use = rf"{LOOPBACK}:{helper[1]}: cannot be bound"
    with pytest.raises(ScenarioError, match=in_use), ice_helper(helper, {}):
        pass


def test_the_relay_needs_an_address_that_clients_can_send_to() -> None:
    anywhere = {"/caller": ("0.0.0.0", 5004)}
    with (
        pytest.raises(ScenarioError, match=r"send to 0.0.0.0:5004"),
        ice_helper((LOOPBACK, 0), anywhere),
    ):
        pass


def test_slow_clients_delay_neither_others_nor_the_end(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(helpers, "_MOST_REQUESTS", 2)
    with ice_helper((LOOPBACK, 0), RELAYS) as address, socket.create_connection(address) as slow:
        slow.sendall(b"POST /caller HTTP/1.1\r\nContent-Length: 9\r\n\r\n")
        assert ask(address, "POST", "/caller", "")[0] == 200
        with socket.create_connection(address), pytest.raises(ConnectionError):
            for _ in range(100):  # the two slow ones leave no place
                assert ask(address, "POST", "/caller", "")[0] == 200


def test_a_request_that_does_not_end_is_ended(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(helpers, "_TIMEOUT_S", 0.2)
    with ice_helper((LOOPBACK, 0), RELAYS) as address, socket.create_connection(address, timeout=10) as slow:
        slow.sendall(b"POST /caller HTTP/1.1\r\nContent-Length: 99999\r\n\r\n")
        with pytest.raises(ConnectionError):
            for _ in range(1000):
                slow.sendall(b"a")
                time.sleep(0.01)


def test_it_listens_at_ipv6(helper: Address) -> None:
    with ice_helper(("::1", 0), RELAYS) as address:
        assert ask(address, "POST", "/caller", "")[0] == 200
