"""Plugins that fail in every way, in a process of their own."""

import os
import signal
import time
from pathlib import Path

import numpy as np
import pytest

from testbed.codecs.guarded.process import MOST_STOPS, GuardedPlugin
from testbed.errors import PluginError

PLUGIN = """
import ctypes, os, signal, subprocess, sys, time
import numpy as np

def make(how):
    if how == "no start":
        raise ImportError("no such library")
    def fill(items):
        for item in items:
            what = int(item["what"])
            print("noise", flush=True)
            if what == 1:
                raise ValueError("odd gap")
            if what == 2:
                time.sleep(60)
            if what == 3:
                os.kill(os.getpid(), signal.SIGSEGV)
            if what == 4:
                sys.exit(3)
            if what == 5:
                os._exit(3)
            if what == 6:
                bytearray(8 << 30)
            if what == 7:
                if child := os.fork():
                    open(os.environ["LEFT"], "w").write(str(child))
                time.sleep(60)
            if what == 8:
                open(os.environ["LEFT"], "w").write(str(subprocess.Popen(["sleep", "60"]).pid))
                os._exit(3)
            yield item["sound"].astype(np.int16)
    return fill
"""


@pytest.fixture(autouse=True)
def plugin(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Put the plugin where the process finds it."""
    (tmp_path / "odd_plugin.py").write_text(PLUGIN, "utf-8")
    monkeypatch.setenv("PYTHONPATH", str(tmp_path), prepend=os.pathsep)


def item(what: int, size: int = 8):
    return {"what": np.array(what), "sound": np.arange(size, dtype=np.float32)}


def guarded(how: str = "", longest_s: float = 20) -> GuardedPlugin:
    return GuardedPlugin("the plugin", "odd_plugin:make", [how], longest_s)


def test_sounds_come_back_in_order_and_of_any_length() -> None:
    sounds = list(guarded().sounds([item(0, 3), item(0, 0), item(0, 300_000)]))
    assert [len(sound) for sound in sounds] == [3, 0, 300_000]
    assert sounds[2][-1] == np.float32(299_999).astype(np.int16)


def test_what_a_plugin_raises_is_an_error_with_its_traceback_and_the_next_call_works() -> None:
    plugin = guarded()
    with pytest.raises(PluginError, match="the plugin: ValueError: odd gap") as error:
        list(plugin.sounds([item(0), item(1), item(0)]))
    assert "odd_plugin.py" in error.value.__notes__[0]
    assert len(list(plugin.sounds([item(0)]))) == 1
    with pytest.raises(PluginError, match="SystemExit: 3"):
        list(plugin.sounds([item(4)]))
    with pytest.raises(PluginError, match="MemoryError"):
        list(plugin.sounds([item(6)]))


def test_a_process_that_ends_is_named_and_started_again() -> None:
    plugin = guarded()
    for what, reason in ((3, "was ended by SIGSEGV"), (5, "ended its process with exit code 3")):
        with pytest.raises(PluginError, match=f"the plugin: {reason}$"):
            list(plugin.sounds([item(what)]))
    assert len(list(plugin.sounds([item(0)]))) == 1


def test_a_plugin_that_hangs_is_stopped_and_after_some_times_not_called_again() -> None:
    plugin = guarded(longest_s=0.2)
    for _ in range(MOST_STOPS):
        with pytest.raises(PluginError, match=r"the plugin: took longer than 0\.2 s, and was stopped"):
            list(plugin.sounds([item(2)]))
    with pytest.raises(PluginError, match="and was stopped; not called again after 3 times"):
        list(plugin.sounds([item(0)]))


def test_a_plugin_that_cannot_start_says_why_each_time() -> None:
    plugin = guarded("no start")
    for _ in range(2):
        with pytest.raises(PluginError, match="the plugin: ImportError: no such library"):
            plugin.start()


def test_the_process_ends_with_its_user() -> None:
    plugin = guarded()
    plugin.start()
    assert plugin._process is not None
    pid = plugin._process.pid
    del plugin
    with pytest.raises(ProcessLookupError):
        os.kill(pid, signal.SIGCONT)


@pytest.mark.parametrize(("what", "reason"), [(7, "took longer than 1 s"), (8, "ended its process")])
def test_what_a_plugin_has_started_ends_with_it(
    what: int, reason: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("LEFT", str(tmp_path / "left"))
    with pytest.raises(PluginError, match=reason):
        list(guarded(longest_s=1).sounds([item(what)]))
    left = int((tmp_path / "left").read_text())
    until_s = time.monotonic() + 10
    while is_running(left):
        assert time.monotonic() < until_s
        time.sleep(0.01)


def is_running(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] not in "XZ"
    except (FileNotFoundError, ProcessLookupError):
        return False
