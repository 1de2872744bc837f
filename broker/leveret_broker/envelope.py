"""Envelopes: what crosses the broker, with one frozen struct per message kind; the kinds are in `messages/`."""

from __future__ import annotations

from typing import TypeAlias

import msgspec

from leveret_broker.errors import DecodeError
from leveret_broker.messages.base import Caller, ClientCaller, WorkflowCaller
from leveret_broker.messages.client import Answer, Description, Done, Fanned, HistoryPage, MembersPage, Refused, Started
from leveret_broker.messages.instance import (
    AwaitResult,
    Call,
    Cancel,
    CompleteTimers,
    Describe,
    Ended,
    Query,
    ReadHistory,
    RetryTasks,
    RetryWorkflow,
    Signal,
    Start,
    Wake,
)
from leveret_broker.messages.service import AskTask, CancelTask, EndTask, PauseService, SettleTask, Task
from leveret_broker.messages.tag import Hold, Probe, TagClaim, TagFan, TagJoin, TagLeave, TagMembers, TagPass, TagProbed

FORMAT: int = 1
"""Version of the wire and journal format."""

Message: TypeAlias = (
    Start | Signal | Call | Query | Ended | Cancel | RetryTasks | RetryWorkflow | CompleteTimers
    | AwaitResult | Describe | ReadHistory | Wake | Probe
    | Hold | TagJoin | TagLeave | TagClaim | TagPass | TagFan | TagMembers | TagProbed
    | Task | CancelTask | SettleTask | AskTask | EndTask | PauseService
    | Answer | Started | Description | HistoryPage | Fanned | MembersPage | Done | Refused
)  # fmt: skip


class Envelope(msgspec.Struct, frozen=True, array_like=True, omit_defaults=True):
    """A message with its address label."""

    id: str
    """Message id: receivers drop a second one. Answers carry the request's id."""
    actor: str
    """Actor key: the instance, or `<workflow>/<tag>`; empty for services, clients and control."""
    message: Message
    run: str = ""
    """The run it is meant for; empty is whichever is open. Another run drops it."""
    sent: float = 0.0
    """Unix time of the sender."""
    headers: dict[str, str] = {}
    """Trace context."""
    format: int = FORMAT


_encoder = msgspec.msgpack.Encoder()
_decoder = msgspec.msgpack.Decoder(Envelope)


def encode(envelope: Envelope) -> bytes:
    """Return the body that a transport carries."""
    return _encoder.encode(envelope)


def decode(body: bytes) -> Envelope:
    """Return the envelope in `body`; raises `DecodeError` for anything else, and for a newer format."""
    try:
        envelope = _decoder.decode(body)
    except (msgspec.DecodeError, ValueError, TypeError, RecursionError) as error:
        text = f"not an envelope: {error}"
        raise DecodeError(text) from error
    if envelope.format > FORMAT:
        text = f"the envelope has format {envelope.format}, this node reads up to {FORMAT}: upgrade it"
        raise DecodeError(text)
    return envelope


__all__ = [
    "FORMAT",
    "Answer",
    "AskTask",
    "AwaitResult",
    "Call",
    "Caller",
    "Cancel",
    "CancelTask",
    "ClientCaller",
    "CompleteTimers",
    "Describe",
    "Description",
    "Done",
    "EndTask",
    "Ended",
    "Envelope",
    "Fanned",
    "HistoryPage",
    "Hold",
    "MembersPage",
    "Message",
    "PauseService",
    "Probe",
    "Query",
    "ReadHistory",
    "Refused",
    "RetryTasks",
    "RetryWorkflow",
    "SettleTask",
    "Signal",
    "Start",
    "Started",
    "TagClaim",
    "TagFan",
    "TagJoin",
    "TagLeave",
    "TagMembers",
    "TagPass",
    "TagProbed",
    "Task",
    "Wake",
    "WorkflowCaller",
    "decode",
    "encode",
]
