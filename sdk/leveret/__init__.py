"""What users write with.

workflow/     `define`, `Channel`, `dispatch`, `timer`, …: inside a workflow
service/      `define`, `task`, `context`: remote functions
client/       `Client`, `Handle`: start, signal and observe from outside; `sync` is its blocking twin
deferred      future results and their combinations; below: combination, source
retry         policies
listening     `listener`: functions that are told of events; events, cloud_events: what they are told
errors        one tree under `LeveretError`
definition    what decorators find out; below: contract, signature
runtime       the seam to the engine
url           the one URL; transports makes what it names
"""

from loguru import logger

from leveret import service, workflow
from leveret.client import Client, Handle
from leveret.deferred import AllOf, Combinable, Deferred
from leveret.errors import (
    ArgumentMismatch,
    DeferredError,
    NotInTask,
    NotInWorkflow,
    RequestRefused,
    RequestTimedOut,
    TaskCancelled,
    TaskFailed,
    TaskTimedOut,
    WorkflowAlreadyStarted,
    WorkflowCancelled,
    WorkflowFailed,
    WorkflowTimedOut,
    WorkflowUnknown,
)
from leveret.listening import listener
from leveret.retry import Retry, RetryDetails
from leveret_broker.codec import register_type
from leveret_broker.errors import ConfigurationError, LeveretError, PayloadLocked
from leveret_broker.payload_codec import PayloadCodec

logger.disable("leveret")  # a library says nothing until it is asked: logger.enable("leveret")

__all__ = [  # noqa: RUF022 - under headings
    # writing
    "PayloadCodec",
    "Retry",
    "RetryDetails",
    "listener",
    "register_type",
    "service",
    "workflow",
    # calling
    "Client",
    "Handle",
    # waiting
    "AllOf",
    "Combinable",
    "Deferred",
    # errors
    "ArgumentMismatch",
    "ConfigurationError",
    "DeferredError",
    "LeveretError",
    "NotInTask",
    "NotInWorkflow",
    "PayloadLocked",
    "RequestRefused",
    "RequestTimedOut",
    "TaskCancelled",
    "TaskFailed",
    "TaskTimedOut",
    "WorkflowAlreadyStarted",
    "WorkflowCancelled",
    "WorkflowFailed",
    "WorkflowTimedOut",
    "WorkflowUnknown",
]
