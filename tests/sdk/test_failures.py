import pickle

import pytest

from leveret import errors
from leveret.failure import attributes_of, failure_of, to_exception
from leveret_broker.codec import Codec, Payload
from leveret_broker.outcome import Cancelled, Completed, Failed, Failure, TimedOut, Unknown


class CardRefused(Exception):
    def __init__(self, code: int) -> None:
        super().__init__(f"code {code}")
        self.code = code
        self.handle = object()
        self._secret = "x"


class Broken(Exception):
    def __str__(self) -> str:
        raise RuntimeError("no text")


def raised(error: BaseException, cause: BaseException | None = None) -> BaseException:
    try:
        raise error from cause
    except BaseException as caught:
        return caught


def test_a_failure_keeps_type_message_traceback_and_what_can_be_encoded() -> None:
    failure = failure_of(raised(CardRefused(7)), where={"service": "Hotel"})

    assert (failure.type, failure.message) == (f"{__name__}.CardRefused", "code 7")
    assert "raise error from cause" in failure.traceback
    assert attributes_of(failure) == {"code": 7}
    assert failure.where == {"service": "Hotel"}


def test_builtins_go_without_module() -> None:
    assert failure_of(ValueError("x")).type == "ValueError"


def test_an_exception_whose_text_raises_is_still_reported() -> None:
    failure = failure_of(raised(Broken()))

    assert failure.message == "<str() of the exception raised RuntimeError>"
    assert failure.type.endswith("Broken")


def test_text_that_is_no_unicode_is_still_encoded() -> None:
    failure = failure_of(raised(ValueError("\udcff")))

    assert Codec().load(Codec().dump(failure), Failure) == failure


def test_the_chain_of_causes_is_kept_and_a_circle_ends() -> None:
    one, two = ValueError("one"), KeyError("two")
    one.__cause__, two.__cause__ = two, one

    failure = failure_of(one)

    assert failure.cause is not None
    assert (failure.cause.type, failure.cause.cause) == ("KeyError", None)


def test_a_very_long_chain_is_cut() -> None:
    error = ValueError("0")
    for number in range(1000):
        error = ValueError(str(number)).with_traceback(None)
        error.__cause__ = ValueError("below")
    deep: BaseException = error
    for _ in range(1000):
        outer = ValueError("outer")
        outer.__cause__ = deep
        deep = outer

    failure: Failure | None = failure_of(deep)
    depth = 0
    while failure is not None:
        failure, depth = failure.cause, depth + 1

    assert depth == 20


def test_a_suppressed_context_is_no_cause() -> None:
    assert failure_of(raised(ValueError("x"))).cause is None


def test_an_escaped_task_failure_has_the_tasks_failure_as_cause() -> None:
    refused = failure_of(raised(CardRefused(7)), where={"service": "Hotel", "task": "book"})

    failure = failure_of(raised(to_exception(Failed(refused), "task")))

    assert failure.cause == refused
    assert failure.where["service"] == "Hotel"


@pytest.mark.parametrize(
    ("outcome", "kind", "error", "text"),
    [
        (
            Failed(Failure("CardRefused", "no", where={"service": "Hotel", "task": "book", "attempt": "3"})),
            "task",
            errors.TaskFailed,
            "task Hotel.book (attempt 3) failed: CardRefused: no",
        ),
        (TimedOut(2.5, {"service": "Hotel", "task": "book"}), "task", errors.TaskTimedOut, "timed out after 2.5 s"),
        (Cancelled(), "task", errors.TaskCancelled, "was cancelled"),
        (Cancelled({"task": "book", "reason": "ill"}), "task", errors.TaskCancelled, "was cancelled: ill"),
        (Failed(Failure("E", "m")), "workflow", errors.WorkflowFailed, "failed: E: m"),
        (TimedOut(2), "workflow", errors.WorkflowTimedOut, "timed out"),
        (Cancelled({"workflow": "Booking", "instance": "b"}), "workflow", errors.WorkflowCancelled, "Booking 'b' was"),
        (Unknown({"workflow": "Booking", "instance": "b"}), "workflow", errors.WorkflowUnknown, "does not exist"),
    ],
)
def test_outcomes_become_errors_that_can_be_pickled(
    outcome: object, kind: str, error: type[errors.DeferredError], text: str
) -> None:
    exception = to_exception(outcome, kind)  # type: ignore[arg-type]
    copy = pickle.loads(pickle.dumps(exception))

    assert type(exception) is error
    assert text in str(exception)
    assert (type(copy), copy.args) == (error, exception.args)
    assert str(to_exception(outcome, kind)) == str(exception)  # type: ignore[arg-type]


def test_a_completed_outcome_is_no_error() -> None:
    with pytest.raises(ValueError, match="no exception"):
        to_exception(Completed(Payload(b"")), "task")
