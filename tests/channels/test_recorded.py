"""A recorded network is told by its content, and replayed as the stage that it stands for."""

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


def test_what_is_neither_is_refused_with_its_place(tmp_path: Path) -> None:
    (tmp_path / "poem").write_text("shall I compare thee\n")
    with pytest.raises(ChannelError, match=r"poem:1: .*not an integer"):
        Recorded(file="poem").mean_loss(tmp_path)
    with pytest.raises(ValueError, match=r"poem:1: .*not an integer"):
        Recorded.model_validate({"file": "poem"}, context={"folder": tmp_path})
