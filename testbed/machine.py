"""The machine that runs the testbed."""

import hashlib
import os
import platform
from functools import cache
from pathlib import Path


def cores() -> int:
    """Return the number of cores that this process may use."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1  # macOS and Windows cannot say which cores are allowed


@cache
def processor() -> str:
    """Return the kind of processor: results of two kinds can differ in their last digits."""
    try:
        lines = Path("/proc/cpuinfo").read_text("utf-8", "replace").splitlines()
    except OSError:
        lines = [platform.processor()]
    kinds = dict.fromkeys(
        line for line in lines if line.startswith(("model name", "flags", "Features", "CPU part"))
    )
    return "\n".join([platform.machine(), *(kinds or lines[:1])])


@cache
def processor_name() -> str:
    """Return the name of the kind of processor, with a digest of the rest of `processor`."""
    every = processor()
    model = next((line for line in every.splitlines() if line.startswith("model name")), every)
    name = model.rpartition(":")[2].strip().partition("\n")[0] or platform.machine()
    return f"{name} ({hashlib.sha256(every.encode()).hexdigest()[:8]})"
