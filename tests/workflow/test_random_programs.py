"""D, C, M, H, E12 to E14, R02, R03: random programs do what a model says, and repeat from their journals."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import HealthCheck, given, note, settings
from hypothesis import strategies as st

from leveret_actors.testing import replay
from leveret_broker.envelope import Cancel, Envelope, Start
from leveret_broker.ids import task_id
from leveret_broker.outcome import Failed, Failure
from tests.workflow.harness import CODEC, START, Driver
from tests.workflow.program_model import Model
from tests.workflow.programs import Batch, Choices, Event, Program

choices = st.binary(min_size=360, max_size=360)


def numbers(driver: Driver) -> dict[str, int]:
    """Return the number of each command by its label."""
    tasks = {CODEC.load(task.arguments)["label"]: int(task.task_id.rpartition(".")[2]) for task in driver.tasks}
    commands = (command for record in driver.records for command in record.commands)
    return tasks | {command.child.instance: command.number for command in commands if command.child is not None}


def envelope_of(driver: Driver, event: Event) -> Envelope:
    name, what, value = event
    if name == "signal":
        return driver.signal_envelope(f"c{what}", value)
    if name == "cancel":
        return driver.envelope(Cancel())
    number = numbers(driver)[what]
    if name == "cancelled":
        return driver.envelope(Cancel(number=number), run=driver.run)
    return driver.ended(number, value if name == "completed" else Failed(Failure("Broken", "no")))


def aimed(event: Event, model: Model) -> Event | None:
    """Have an end be one of something that runs."""
    name, index, _ = event
    if name in {"signal", "cancel"}:
        return event
    return (name, model.open[index % len(model.open)], f"{name} {index}") if model.open else None


def seen(driver: Driver) -> tuple[list[str], set[str]]:
    """Return what has been sent, and what of it was called off."""
    sent: dict[str, str] = {task_id(driver.run, number): label for label, number in numbers(driver).items()}
    messages = [post.envelope for post in driver.posts]
    kids = [envelope.actor for envelope in messages if isinstance(envelope.message, Start)]  # type: ignore[union-attr]
    off = {envelope.actor for envelope in messages if isinstance(envelope.message, Cancel)}  # type: ignore[union-attr]
    labels = [CODEC.load(task.arguments)["label"] for task in driver.tasks]
    return sorted([*labels, *kids]), off | {sent[identity] for identity in driver.revoked}


def assert_as_modelled(driver: Driver, model: Model) -> None:
    sent, called_off = seen(driver)
    assert (sent, called_off) == (model.sent, model.called_off)
    if model.is_over:
        assert driver.status == "completed", driver.state.reason
        assert driver.value == model.value
        assert not driver.store.timers
        return
    assert driver.status == "running", driver.state.reason
    assert sorted(timer.at for timer in driver.store.timers.values()) == model.timers
    if driver.live is not None:
        instance = driver.live.instance
        assert instance.subject.logs == model.logs
        unread = {f"c{strand.index}": len(strand.unread) for strand in model.strands if strand.unread}
        assert {
            name: n for name, n in instance.channels.unread().items() if int(name[1]) < len(model.strands)
        } == unread


def drive(program: list[Any], world: list[Batch]) -> None:
    model, driver = Model(program, START), Driver(Program, cold=False)
    driver.start(strands=program)
    assert_as_modelled(driver, model)
    for seconds, forgets, wanted in world:
        if model.is_over:
            break
        if forgets:
            driver.forget()
        driver.clock += seconds
        happening = [event for event in (aimed(event, model) for event in wanted) if event is not None]
        timers = sorted(
            (t for t in driver.store.timers.values() if t.at <= driver.clock), key=lambda t: (t.at, t.number)
        )
        if not happening and not timers:
            continue
        note(f"{driver.clock - START}: {happening}")
        envelopes = [envelope_of(driver, event) for event in happening]
        model.turn(driver.clock, happening)
        driver.turn(*envelopes, timers=timers)
        assert_as_modelled(driver, model)
    replay(Program, driver.store.journal)


def try_one(choices: Choices) -> None:
    program, world = choices.program(), choices.world()
    note(f"program: {program}")
    note(f"world: {world}")
    drive(program, world)


@pytest.mark.timeout(900)
@settings(max_examples=3_000, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(choices)
def test_random_programs_do_what_a_model_says_and_repeat_from_their_journals(data: bytes) -> None:
    try_one(Choices(data))


@pytest.mark.slow
@pytest.mark.timeout(3_600)
@settings(max_examples=50_000, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(choices)
def test_many_more_random_programs_do_what_a_model_says(data: bytes) -> None:
    try_one(Choices(data))
