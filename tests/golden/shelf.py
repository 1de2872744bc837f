"""Where golden journals lie, and what must not get into them: paths of the machine that wrote them."""

from __future__ import annotations

import sys
import sysconfig
import tempfile
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import msgspec

from leveret.workflow import definition_of
from leveret_actors.config.reference import find
from leveret_actors.workflow.exported import of_records, write
from leveret_broker.errors import ConfigurationError

ROOT = Path(__file__).parents[2]
JOURNALS = Path(__file__).parent / "journals"
RECORDED = (ROOT / "tests/conformance", ROOT / "tests/examples")
"""The folders of tests whose journals are kept."""
LARGEST = 64 * 1024
"""Bytes of a file: what is larger shows nothing that a smaller one does not."""
LARGEST_SHELF = 1536 * 1024
"""Bytes of all of them."""


MACHINES = ("/home/", "/root/", "/Users/", tempfile.gettempdir())
"""What paths of a machine begin with; a journal that has one is not kept."""
LEFT_OUT = {
    "tests.conformance.poison:Poison": "kills its process",
    "tests.conformance.test_r_guards:Blocking": "waits for its test",
}
"""Code that runs in its own test only, and why."""
ONLY_SERVICES = {"test_s_calls", "test_http_service", "test_grpc_service"}
"""Files of tests that start no instance: clients call services."""
WITHOUT = {
    "test_E07_the_retry_of_the_workflows_code_resumes_a_called_method": "its code is mended on the way",
    "test_E15_an_instance_that_kills_its_node_is_blocked_and_the_others_go_on": "all it starts kill their process",
    "test_R05_a_refusal_reaches_the_caller_with_the_line_and_what_to_use": "its failure has a path of the machine",
    "test_R09_a_field_with_a_default_may_be_added_to_an_arguments_type": "its classes are made in functions",
    "test_R09_with_a_strict_check_the_difference_is_reported": "its classes are made in functions",
    "test_T03_tags_vanish_with_a_failed_instance_that_is_not_retried_in_time": "its instance vanishes",
    "test_a_batch_that_was_not_confirmed_is_not_committed": "it starts nothing",
    "test_offsets_are_committed_only_when_all_signals_of_the_batch_are_confirmed": "it starts nothing",
    "test_node_js_starts_and_signals_and_hears_the_answers": "it needs RabbitMQ",
    "test_payments_in_a_queue_reach_the_order_once_each": "it needs RabbitMQ",
    "test_pika_publishes_payments_and_each_counts_once": "it needs RabbitMQ",
    "test_tasks_in_the_processes_that_celery_forks_start_workflows": "it needs RabbitMQ",
    "test_W06_an_argument_that_does_not_fit_is_an_error_before_anything_is_sent": "it starts nothing",
    "test_W10_the_result_of_an_unknown_id_is_answered_at_once": "it starts nothing",
}
"""Tests that leave no journal that could be kept, and why."""
_PATHS = {f"{ROOT}/": "", sysconfig.get_path("stdlib"): "python", sys.prefix: "venv"}


def files() -> list[Path]:
    return sorted(JOURNALS.rglob("*.jsonl"))


def code_of(file: Path) -> type[Any]:
    """Return the workflow class that a file's folders name."""
    module, name = file.relative_to(JOURNALS).parts[:2]
    found: type[Any] = find(f"{module}:{name}")
    return found


def place(code: type[Any], name: str) -> Path:
    """Return the file of a journal that is written by a test."""
    return JOURNALS / code.__module__ / code.__qualname__ / f"{name}.jsonl"


def keep(code: type[Any], name: str, instance: str, records: Iterable[bytes]) -> tuple[Path, str]:
    """Write a journal unless it is there; return its file, and why it was not written if so."""
    file = place(code, name)
    where = f"{code.__module__}:{code.__qualname__}"
    if file.exists():
        return file, "is there"
    if where in LEFT_OUT:
        return file, LEFT_OUT[where]
    if not _is_found(code):
        return file, "its class is made in a function"
    text = write(of_records(definition_of(code).name, instance, [_anonymous(record) for record in records]))
    if len(text) > LARGEST:
        return file, f"too large: {len(text)} bytes"
    if machine := [machine for machine in MACHINES if machine in text]:
        return file, f"names a machine: {machine}"
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(text)
    return file, ""


def _is_found(code: type[Any]) -> bool:
    try:
        return find(f"{code.__module__}:{code.__qualname__}") is code
    except ConfigurationError:
        return False


def _anonymous(record: bytes) -> bytes:
    """Return the record without the paths of this machine."""
    return msgspec.msgpack.encode(_without_paths(msgspec.msgpack.decode(record)))


def _without_paths(value: Any) -> Any:
    if isinstance(value, str):
        for path, name in _PATHS.items():
            value = value.replace(path, name)
        return value
    if isinstance(value, list):
        return [_without_paths(part) for part in value]
    if isinstance(value, dict):
        return {_without_paths(key): _without_paths(part) for key, part in value.items()}
    return value
