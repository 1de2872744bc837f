"""Where the CPU time goes: of the main thread by samples of its stack, of the other threads as a whole.

Python runs signal handlers in the main thread only, so a sample says nothing about other threads, and comes late while
one of those holds the interpreter lock. So each sample weighs what the main thread has used since the one before, and
what other threads use is read from their clocks.
"""

from __future__ import annotations

import signal
import threading
import time
from collections import defaultdict
from types import FrameType, TracebackType
from typing import Final, Self

STAGES: Final = (
    ("leveret_actors/mailbox", "mailbox loop"),
    ("leveret/signature", "arguments"),
    ("leveret/client", "client"),
    ("leveret_actors/tag", "tags"),
    ("leveret_actors/service", "service"),
    ("leveret_actors/store", "store"),
    ("/redis/", "store"),
    ("leveret_broker/rabbitmq", "transport"),
    ("aiormq", "transport"),
    ("pamqp", "transport"),
    ("leveret_broker/embedded", "transport"),
    ("leveret_broker/", "envelopes"),
)
"""The innermost frame that matches one of these decides."""
THREADS: Final = (("leveret-step", "decide (thread)"), ("leveret-commit", "SQLite (thread)"))
"""By the beginning of a thread's name."""
INTERVAL: Final = 0.002
"""Seconds of CPU time between two samples."""


class Sampler:
    """`with Sampler() as sampler:` around what is measured, in the main thread."""

    def __init__(self) -> None:
        """Take no sample yet."""
        self.seconds: defaultdict[str, float] = defaultdict(float)
        """CPU seconds by stage."""
        self._last = 0.0
        self._threads: dict[int, float] = {}

    def __enter__(self) -> Self:
        """Begin."""
        self._threads = {ident: _used(ident) for ident in _other_threads()}
        self._last = time.thread_time()
        signal.signal(signal.SIGPROF, self._sample)
        signal.setitimer(signal.ITIMER_PROF, INTERVAL, INTERVAL)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """End; a thread that has ended meanwhile is not counted."""
        signal.setitimer(signal.ITIMER_PROF, 0)
        signal.signal(signal.SIGPROF, signal.SIG_DFL)
        for ident, name in _other_threads().items():
            stage = next((stage for start, stage in THREADS if name.startswith(start)), "other threads")
            self.seconds[stage] += _used(ident) - self._threads.get(ident, 0.0)

    def microseconds(self, turns: int) -> dict[str, float]:
        """Return CPU microseconds per turn by stage."""
        return {stage: seconds * 1e6 / turns for stage, seconds in self.seconds.items()}

    def _sample(self, _number: int, frame: FrameType | None) -> None:
        now = time.thread_time()
        self.seconds[_stage(frame)] += now - self._last
        self._last = now


def _other_threads() -> dict[int, str]:
    me = threading.get_ident()
    return {one.ident: one.name for one in threading.enumerate() if one.ident is not None and one.ident != me}


def _used(ident: int) -> float:
    """Return the CPU seconds of a thread that lives."""
    return time.clock_gettime(time.pthread_getcpuclockid(ident))


def _stage(frame: FrameType | None) -> str:
    while frame is not None:
        name = frame.f_code.co_filename
        for part, stage in STAGES:
            if part in name:
                return stage
        frame = frame.f_back
    return "event loop"
