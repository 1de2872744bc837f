"""R05 and what must not be caught by it."""

from __future__ import annotations

import datetime as dt
import io
import random
import threading
import time
import uuid
from pathlib import Path
from typing import Any

import loguru
import pytest

from leveret_broker.outcome import Failed
from tests.guards import careless as careless_module
from tests.guards import outsider as outsider_module
from tests.guards.careless import WAYS, Careful, Careless
from tests.guards.unannotated import Late
from tests.workflow.harness import Driver

careless: Any = careless_module
outsider: Any = outsider_module


@pytest.mark.parametrize("way", WAYS)
def test_R05_what_a_replay_could_not_repeat_is_refused_at_its_line_with_what_to_use_instead(way: str) -> None:
    driver = Driver(Careless)

    driver.start(way=way)

    assert driver.status == "failed"
    outcome = driver.answers[-1]
    assert isinstance(outcome, Failed)
    assert outcome.failure.type == "leveret.errors.NotReplayable"
    assert WAYS[way][1] in outcome.failure.message
    assert f"{careless.__file__}:{WAYS[way][0].__code__.co_firstlineno} in <lambda>" in outcome.failure.message
    assert "careless.py" in outcome.failure.traceback


def test_R05_code_may_catch_the_refusal_and_go_on() -> None:
    driver = Driver(Careless)

    driver.start(method="caught", way="uuid4")

    assert driver.value.endswith("in <lambda>")


@pytest.mark.parametrize("way", ["time.time", "open", "datetime.now", "thread"])
def test_R05_a_block_of_unsafe_code_is_let_through_and_nothing_after_it(way: str) -> None:
    driver = Driver(Careless)

    driver.start(method="unsafe", way=way)

    assert driver.value == "it went through"


def test_R05_inline_functions_may_do_what_they_want() -> None:
    driver = Driver(Careless)

    driver.start(method="inline")

    assert driver.value == [time.strftime("%Y"), '"""']


def test_R05_what_a_stand_in_stands_for_works_unchanged_in_workflow_code() -> None:
    driver = Driver(Careful)
    noon = dt.datetime(2026, 1, 1, 12, tzinfo=dt.UTC)

    driver.start(appointment={"at": noon}, plan={"day": dt.date(2026, 1, 1)})

    expected = dt.datetime(2030, 1, 2, tzinfo=dt.UTC)
    assert driver.value == {"at": expected, "until": expected}


@pytest.mark.parametrize("way", sorted(WAYS.keys() - {"socket", "os.system", "subprocess"}))
def test_R05_nobody_else_is_refused_anything(way: str) -> None:
    Driver(Careless)

    WAYS[way][0]()


def test_R05_other_modules_keep_their_names() -> None:
    Driver(Careless)

    assert outsider.time is time
    assert outsider.random is random


def test_R05_callers_outside_get_the_real_thing_from_a_guarded_module() -> None:
    Driver(Careless)

    assert isinstance(careless.datetime.now(), dt.datetime)
    assert isinstance(dt.datetime.now(dt.UTC), careless.datetime)
    assert isinstance(dt.datetime.now(dt.UTC), careless.dates.datetime)
    assert issubclass(careless.datetime, dt.date)
    assert (careless.datetime | None) == (dt.datetime | None)
    assert type(careless.datetime(2026, 1, 1)) is dt.datetime
    assert type(careless.datetime.fromisoformat("2026-01-01")) is dt.datetime
    assert isinstance(careless.uuid.uuid4(), uuid.UUID)
    assert careless.time.__name__ == "time"
    assert dir(careless.time) == dir(time)
    assert repr(careless.time) == repr(time)


def test_R05_a_class_made_of_a_stand_in_is_a_class_of_its_own() -> None:
    Driver(Careless)
    base: Any = careless.datetime

    class Stamp(base):  # type: ignore[misc]
        def year_after(self) -> int:
            return int(self.year) + 1

    stamp = Stamp(2026, 1, 1)

    assert isinstance(stamp, Stamp)
    assert stamp.year_after() == 2027
    assert not isinstance(dt.datetime(2026, 1, 1, tzinfo=dt.UTC), Stamp)


def test_R05_a_test_may_replace_what_a_stand_in_hands_on(monkeypatch: pytest.MonkeyPatch) -> None:
    Driver(Careless)

    monkeypatch.setattr(careless.time, "time", lambda: 5.0)

    assert time.time() == careless.time.time() == 5.0


def test_R05_types_that_a_module_names_in_text_are_the_real_ones() -> None:
    Driver(Careful)

    assert careless.Appointment.__annotations__["at"] is dt.datetime
    assert careless.Plan.__annotations__["day"] is dt.date


def test_R05_types_that_are_named_only_while_a_workflow_runs_are_decoded_all_the_same() -> None:
    driver, noon = Driver(Late), dt.datetime(2026, 1, 1, 12, tzinfo=dt.UTC)

    driver.start(at=noon)

    assert driver.value == [noon]


def test_R05_imports_log_records_and_tracebacks_may_read_files() -> None:
    written = io.StringIO()
    sink = loguru.logger.add(written, level="ERROR")
    try:
        imports, logs = Driver(Careful), Driver(Careful)
        imports.start(method="imports")
        logs.start(method="logs")
    finally:
        loguru.logger.remove(sink)

    assert imports.value == 5
    assert logs.value == "logged"
    assert 'raise ValueError("a traceback")' in written.getvalue()


def test_R05_only_the_thread_that_steps_a_workflow_is_guarded() -> None:
    found: list[str] = []
    stop = threading.Event()

    def read() -> None:
        while not stop.is_set():
            found.append(Path(__file__).read_text()[:3] + str(careless.time.time())[:0])

    reader = threading.Thread(target=read)
    reader.start()
    try:
        for _ in range(20):
            Driver(Careless).start(way="time.time")
    finally:
        stop.set()
        reader.join()

    assert set(found) == {'"""'}
