"""`testbed trace` as a user meets it."""

import subprocess
import sys
from pathlib import Path

import pytest
from ruamel.yaml import YAML

TESTBED = Path(sys.executable).with_name("testbed")
LOSSES = "0 0 0 1 1 0 0 1 0 0 0 0 0 0 0 1 1 1 0 0 " * 40


def trace(folder, *arguments):
    return subprocess.run(
        [TESTBED, "trace", *arguments], cwd=folder, capture_output=True, text=True, check=False, timeout=300
    )


@pytest.fixture
def folder(tmp_path):
    (tmp_path / "losses.txt").write_text(LOSSES)
    (tmp_path / "call.csv").write_text("send_ms,arrival_ms\n0,10\n20,25\n40,\n60,75\n")
    (tmp_path / "delays.csv").write_text("send_ms,arrival_ms\n0,10\n20,25\n")
    (tmp_path / "link.up").write_text("0\n5\n9\n")
    return tmp_path


@pytest.mark.parametrize("command", ["inspect", "convert", "fit", "record"])
def test_help_has_an_example(tmp_path, command):
    done = trace(tmp_path, command, "--help")
    assert done.returncode == 0
    assert f"Example: testbed trace {command}" in done.stdout


def test_inspect_says_and_draws(folder):
    done = trace(folder, "inspect", "losses.txt", "-o", "losses.svg")
    assert done.returncode == 0, done.stderr
    assert "lost: 240 (30 %)" in done.stdout
    assert done.stdout.endswith("losses.svg\n")
    assert (folder / "losses.svg").read_text().startswith("<?xml")


def test_fit_prints_yaml(folder):
    done = trace(folder, "fit", "losses.txt")
    assert done.returncode == 0, done.stderr
    (entry,) = YAML(typ="safe").load(done.stdout)
    assert entry["loss"]["model"] == "gilbert_elliott"


def test_convert_tells_what_is_lost(folder):
    done = trace(folder, "convert", "call.csv", "call.g192")
    assert (done.returncode, done.stdout) == (0, "call.g192\n")
    assert "times of sending and arrival are not kept" in done.stderr
    assert (folder / "call.g192").read_bytes() == b"\x21\x6b\x21\x6b\x20\x6b\x21\x6b"
    done = trace(folder, "convert", "call.g192", "again.csv", "--interval-ms", "20")
    assert done.returncode == 0, done.stderr
    assert (folder / "again.csv").read_text() == "send_ms,arrival_ms\n0,0\n20,20\n40,\n60,60\n"


def test_a_delay_profiles_packets_are_as_far_apart_as_is_said(folder):
    (folder / "profile.dat").write_text("50\n47\n-1\n")
    done = trace(folder, "convert", "profile.dat", "profile.csv")
    assert (folder / "profile.csv").read_text() == "send_ms,arrival_ms\n0,50\n20,67\n40,\n"
    assert "one packet per 20 ms is assumed" in done.stderr
    done = trace(folder, "convert", "profile.dat", "profile.csv", "--interval-ms", "40")
    assert (folder / "profile.csv").read_text() == "send_ms,arrival_ms\n0,50\n40,87\n80,\n"
    assert done.stderr == ""


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["inspect", "nothing.txt"], "nothing.txt: is not a file"),
        (["inspect", "losses.txt", "-o", "x.gif"], "x.gif: give a file that ends in"),
        (["inspect", "call.csv", "--from", "cvs"], "did you mean csv?"),
        (["inspect", "call.csv", "--ssrc", "x"], "--ssrc x"),
        (["fit", "link.up"], "link.up: is a delivery trace"),
        (["fit", "delays.csv"], "delays.csv: has delays only"),
        (["convert", "link.up", "x.txt"], "x.txt: a delivery trace"),
        (["convert", "losses.txt", "x.csv"], "--interval-ms"),
        (["record", ".", "-o", "x.csv"], "not a run folder"),
    ],
)
def test_a_users_mistake_is_a_message_and_exit_2(folder, arguments, message):
    before = sorted(folder.iterdir())
    done = trace(folder, *arguments)
    assert done.returncode == 2
    assert message in done.stderr
    assert "Traceback" not in done.stderr
    assert len(done.stderr.splitlines()) == 1
    assert sorted(folder.iterdir()) == before, "nothing half-written"
