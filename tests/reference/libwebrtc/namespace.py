"""A network namespace of its own for a program: it has the loopback interface and no other."""

import fcntl
import os
import socket
import struct
import subprocess
from collections.abc import Sequence

_SET_FLAGS = 0x8914
_UP_AND_RUNNING = 0x1 | 0x40


def run_alone(command: Sequence[str]) -> None:
    """Run a program in a namespace of its own; it calls `bring_up` first.

    Raises
    ------
    RuntimeError
        The system permits no namespace, or the program failed.
    """
    unshare = ["unshare", "--net", *(["--map-root-user"] if os.geteuid() else []), "--"]
    tried = subprocess.run([*unshare, "true"], capture_output=True, text=True, check=False)
    if tried.returncode != 0:
        raise RuntimeError(
            f"this system permits no network namespace ({tried.stderr.strip()}): run it as root"
        )
    done = subprocess.run([*unshare, *command], capture_output=True, text=True, check=False)
    if done.returncode != 0:
        raise RuntimeError(f"{command[-1]} failed:\n{done.stdout[-4000:]}{done.stderr[-4000:]}")


def bring_up() -> None:
    """Switch the loopback interface on.

    Raises
    ------
    RuntimeError
        There is another interface: the program is not in a namespace of its own.
    """
    others = {name for _, name in socket.if_nameindex()} - {"lo"}
    if others:
        raise RuntimeError(f"not in a network namespace of its own: it has {', '.join(sorted(others))}")
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as handle:
        fcntl.ioctl(handle, _SET_FLAGS, struct.pack("16sh14x", b"lo", _UP_AND_RUNNING))
