"""Synthetic media: frames sized by the target rate, cut into packets."""

from collections import deque
from collections.abc import Callable, Generator, Sequence
from typing import Any

import numpy as np
import simpy

from testbed.channels.clock import Clock
from testbed.scenario.flow_media import Audio, Video, Voice, cut


class MediaSource:
    """Source of one flow's frames.

    Parameters
    ----------
    env
        The clock.
    media
        Kind and parameters of the media.
    target_kbps
        Returns the target rate; called at each frame.
    send
        Called with the size of each packet when it leaves.
    rng
        Random stream of the sizes of frames, and of the place of the first frame in its interval.
    """

    def __init__(
        self,
        env: Clock,
        media: Video | Voice | Audio,
        target_kbps: Callable[[], float],
        send: Callable[[int], None],
        rng: np.random.Generator,
    ) -> None:
        self._env = env
        self._media = media
        self._target_kbps = target_kbps
        self._send = send
        self._rng = rng
        self._variation, self._response_ns = 0.0, 0
        if not isinstance(media, Audio):
            self._variation, self._response_ns = media.variation, round(1e6 * media.response_ms)
        self._targets: deque[tuple[int, float]] = deque()

    def run(self, spans_ns: Sequence[tuple[int, int]]) -> Generator[simpy.Event, Any, None]:
        """Send within spans of (start, stop)."""
        frame_ns = self._media.frame_ns
        for start_ns, stop_ns in spans_ns:
            yield self._env.timeout(start_ns + int(self._rng.integers(frame_ns)) - self._env.now)
            self._targets.clear()
            while self._env.now < stop_ns:
                sizes = cut(self._frame_bytes(), self._media.packet_bytes)
                for number, size in enumerate(sizes):
                    later_ns = number * frame_ns // len(sizes)
                    if self._env.now + later_ns < stop_ns:
                        self._env.later(later_ns, self._send, size)
                yield self._env.timeout(frame_ns)

    def _frame_bytes(self) -> int:
        """Return the size of a frame now, by the latest target older than the encoder's response time."""
        now_ns = self._env.now
        self._targets.append((now_ns, self._target_kbps()))
        while len(self._targets) > 1 and self._targets[1][0] <= now_ns - self._response_ns:
            self._targets.popleft()
        varied = 1 + self._variation * (2 * self._rng.random() - 1)
        return round(self._targets[0][1] * varied * self._media.frame_ns / 8e6)
