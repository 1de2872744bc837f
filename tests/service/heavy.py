"""A service whose functions run in processes, which import it from here."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path

from leveret import service
from leveret.retry import Retry


class Refused(ValueError):
    """What a policy may ask for."""

    def __init__(self, code: int) -> None:
        super().__init__(f"refused with {code}")
        self.code = code


@dataclass
class Plan:
    size: int


class Heavy:
    """Each process makes one of its own."""

    def __init__(self) -> None:
        self.calls = 0

    @service.task(process=True)
    def add(self, plan: Plan, more: int = 1) -> Plan:
        return Plan(plan.size + more)

    @service.task(process=True)
    def who(self) -> tuple[int, int]:
        self.calls += 1
        return os.getpid(), self.calls

    @service.task(process=True, retry=Retry(initial=0, attempts=3, ignore=(Refused,)))
    def refuses(self) -> None:
        raise Refused(7)

    @service.task(process=True, retry=Retry(initial=0, attempts=3))
    def third_time(self) -> dict[str, str]:
        context = service.context()
        context.meta["tries"] = context.meta.get("tries", "") + "x"
        if context.attempt < 3:
            raise Refused(context.attempt)
        assert context.last_failure is not None
        return {"last": context.last_failure.message, "task_id": context.task_id, **context.meta}

    @service.task(process=True, retry=Retry(initial=0, attempts=2))
    def dies(self, note: str) -> str:
        if not Path(note).exists():
            Path(note).write_text("died")
            os.kill(os.getpid(), signal.SIGKILL)
        return "survived"

    @service.task(process=True)
    def exits(self) -> None:
        raise SystemExit(3)

    @service.task(process=True, timeout=30)
    def spins(self, note: str) -> None:
        """Write down which process it is, and never end."""
        path = Path(note)
        path.with_suffix(".part").write_text(str(os.getpid()))
        path.with_suffix(".part").rename(path)
        while True:
            time.sleep(0.01)

    @service.task(process=True)
    def unfit(self) -> object:
        return object()

    @service.task(process=True)
    def shouts(self) -> str:
        """Write to where the process writes its answers, and read where it reads its orders."""
        os.write(1, b"hear me\n")
        said = subprocess.run(["/bin/sh", "-c", "echo loud; cat"], check=True).returncode
        return f"said {said}"


class Quits:
    """Cannot be made in a process: a settings file that is not there, say."""

    def __init__(self) -> None:
        if "pytest" not in sys.modules:
            raise SystemExit("no settings")

    @service.task(process=True)
    def work(self) -> None: ...
