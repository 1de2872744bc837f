"""Where the CPU time goes: samples of all threads' stacks, by the part of the code that each stands in."""

from __future__ import annotations

import signal
import sys
import time
from collections import Counter
from types import FrameType, TracebackType
from typing import Final, Self

STAGES: Final = (
    ("leveret_actors/mailbox", "mailbox loop"),
    ("leveret_actors/workflow", "decide: engine"),
    ("leveret/workflow", "decide: language"),
    ("leveret/signature", "decide: language"),
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
INTERVAL: Final = 0.002
"""Seconds of CPU time between two samples."""


class Sampler:
    """`with Sampler() as sampler:` around what is measured, in the main thread."""

    def __init__(self) -> None:
        """Take no sample yet."""
        self.samples: Counter[str] = Counter()
        self.cpu = 0.0
        """Seconds of CPU time of the process."""

    def __enter__(self) -> Self:
        """Begin."""
        self.cpu = time.process_time()
        signal.signal(signal.SIGPROF, self._sample)
        signal.setitimer(signal.ITIMER_PROF, INTERVAL, INTERVAL)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """End."""
        signal.setitimer(signal.ITIMER_PROF, 0)
        signal.signal(signal.SIGPROF, signal.SIG_DFL)
        self.cpu = time.process_time() - self.cpu

    def microseconds(self, turns: int) -> dict[str, float]:
        """Return CPU microseconds per turn by stage, the largest first."""
        total = sum(self.samples.values()) or 1
        return {stage: self.cpu * 1e6 * count / total / turns for stage, count in self.samples.most_common()}

    def _sample(self, _number: int, frame: FrameType | None) -> None:
        for thread_frame in [frame, *(f for f in sys._current_frames().values() if _busy(f))]:
            if thread_frame is not None:
                self.samples[_stage(thread_frame)] += 1


def _busy(frame: FrameType) -> bool:
    """Tell whether another thread is inside workflow code, not waiting for work."""
    return "leveret" in frame.f_code.co_filename


def _stage(frame: FrameType | None) -> str:
    while frame is not None:
        name = frame.f_code.co_filename
        for part, stage in STAGES:
            if part in name:
                return stage
        frame = frame.f_back
    return "event loop"
