"""A recorded network is detected by its content, and replayed like the stage of its kind."""

from pathlib import Path

import pytest

from testbed.channels.link import Link
from testbed.channels.recorded import Recorded
from testbed.channels.trace import Trace
from testbed.errors import ChannelError


@pytest.mark.parametrize(
    ("content", "kind"),
    [
        ("0 1 1 0 0 1 0\n", Trace),
        ("send_ms,arrival_ms\n0,40\n20,\n40,95\n", Trace),
        ("0\n5\n5\n9\n14\n30\n", Link),
        ("6\n12\n", Link),
        ("00010000\n00000001\n", Trace),
        ("50\n47\n-1\n61\n", Trace),
        ("\ufeffsend_ms;arrival_ms\n0;40\n20;\n40;95,5\n", Trace),
    ],
)
def test_the_content_tells(content: str, kind: type, tmp_path: Path) -> None:
    (tmp_path / "network").write_text(content)
    assert isinstance(Recorded(file="network")._stage(tmp_path), kind)


def test_a_trace_loses_what_it_lost_and_a_link_what_its_queue_loses(tmp_path: Path) -> None:
    (tmp_path / "losses").write_text("0 1 1 0")
    (tmp_path / "capacity").write_text("0\n5\n5\n9\n14\n30\n")
    assert Recorded(file="losses").mean_loss(tmp_path) == 0.5
    assert Recorded(file="capacity").mean_loss(tmp_path) == 0


def test_a_file_of_neither_kind_is_refused_with_its_place(tmp_path: Path) -> None:
    (tmp_path / "poem").write_text("shall I compare thee\n")
    with pytest.raises(ChannelError, match=r"poem: has no known format"):
        Recorded(file="poem").mean_loss(tmp_path)
    with pytest.raises(ValueError, match=r"poem: has no known format"):
        Recorded.model_validate({"file": "poem"}, context={"folder": tmp_path})


def test_a_constant_link_is_told_by_its_suffix_or_asked_about(tmp_path: Path) -> None:
    """A file `1` is a link of 12 Mb/s, or a packet lost."""
    (tmp_path / "network.up").write_text("1\n")
    assert isinstance(Recorded(file="network.up")._stage(tmp_path), Link)
    (tmp_path / "network").write_text("1\n")
    with pytest.raises(ChannelError, match=r"flags of loss .*`trace: .*delivery trace .*`link: "):
        Recorded(file="network").mean_loss(tmp_path)
    assert Trace(file="network").mean_loss(tmp_path) == 1
    assert Link(trace="network").mean_loss(tmp_path) == 0


def test_a_profiles_own_loss_is_the_channels(tmp_path: Path) -> None:
    (tmp_path / "profile").write_text("50\n47\n-1\n61\n")
    assert Recorded(file="profile").mean_loss(tmp_path) == 0.25


def test_a_doubt_about_the_kind_is_reported(tmp_path: Path) -> None:
    (tmp_path / "flags").write_text("0\n1\n0\n")
    (tmp_path / "likely").write_text("0\n0\n1\n")
    (tmp_path / "profile").write_text("50\n47\n-1\n61\n")
    (tmp_path / "short").write_text("6\n12\n")
    assert Recorded(file="flags").doubt(tmp_path) == ""
    assert "likely: read as flags of loss; it could be a Mahimahi" in Recorded(file="likely").doubt(tmp_path)
    assert "profile: a packet per 20 ms is assumed" in Recorded(file="profile").doubt(tmp_path)
    assert Trace(file="likely").doubt(tmp_path) == ""
    (tmp_path / "inverted").write_text("1 1 1 0 1 1")
    assert "inverted: 83.3 % of the packets are lost" in Recorded(file="inverted").doubt(tmp_path)
    assert "it could be delays in ms" in Recorded(file="short").doubt(tmp_path)


def test_a_capture_is_named_and_how_to_convert_it(tmp_path: Path) -> None:
    (tmp_path / "call.pcap").write_bytes(b"\xd4\xc3\xb2\xa1" + bytes(20))
    with pytest.raises(ValueError, match=r"is a capture .*testbed trace convert \S*call\.pcap call\.csv"):
        Recorded.model_validate({"file": "call.pcap"}, context={"folder": tmp_path})


def test_a_link_is_not_made_of_losses(tmp_path: Path) -> None:
    (tmp_path / "losses").write_text("0\n1\n0\n")
    with pytest.raises(ValueError, match=r"not a Mahimahi delivery trace but plc_challenge.*trace: \{file"):
        Link.model_validate({"trace": "losses"}, context={"folder": tmp_path})
