import leveret
from leveret import service, workflow


def test_the_public_names_are_these() -> None:
    assert sorted(leveret.__all__) == [
        "AllOf",
        "ArgumentMismatch",
        "Client",
        "Combinable",
        "ConfigurationError",
        "Deferred",
        "DeferredError",
        "Handle",
        "LeveretError",
        "NotInTask",
        "NotInWorkflow",
        "PayloadCodec",
        "PayloadLocked",
        "RequestRefused",
        "RequestTimedOut",
        "Retry",
        "RetryDetails",
        "TaskCancelled",
        "TaskFailed",
        "TaskTimedOut",
        "WorkflowAlreadyStarted",
        "WorkflowCancelled",
        "WorkflowFailed",
        "WorkflowTimedOut",
        "WorkflowUnknown",
        "listener",
        "register_type",
        "service",
        "workflow",
    ]


def test_there_are_at_most_thirty() -> None:
    assert len(leveret.__all__) <= 30


def test_every_public_name_exists() -> None:
    for module in (leveret, workflow, service):
        assert all(hasattr(module, name) for name in module.__all__)
