"""A bridge's rule, as it is written in `leveret.toml` and in Python."""

from __future__ import annotations

from typing import Annotated, Any, Literal

import msgspec

Seconds = Annotated[float, msgspec.Meta(gt=0)]


class Bridge(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, omit_defaults=True):
    """Binds an exchange or a queue that others own to a start, a signal, a call or a cancellation; no code.

    Texts that begin with `$` are JSONPaths over the event; those that begin with `amqp.` are paths over what the broker
    says of it. In other texts `{$.order_id}` puts in what a path selects; `{{` is a brace, `$$` at the beginning a `$`.
    """

    name: str
    """Names the bridge, and its queue: `<ns>.bridge.<name>`. One exchange, one name, for good."""

    # -- where it comes from
    exchange: str = ""
    """An exchange that exists; the bridge has a durable queue of its own bound to it."""
    keys: list[str] = msgspec.field(default_factory=lambda: ["#"])
    """Routing keys of the binding, as a topic exchange reads them; others are passed over, whatever the exchange."""
    queue: str = ""
    """In place of an exchange: a queue that exists, consumed as it is."""
    format: Literal["auto", "json", "cloudevents"] = "auto"
    """`auto`: a CloudEvent, structured or binary, where it looks like one, else plain JSON."""
    where: str | list[str] = []
    """JSONPaths over a list that holds the event, or (`amqp[?...]`) what the broker says of it; all must select
    something, else the message is passed over."""

    # -- what it becomes: one of these, and `start` beside `signal` for `on_no_match = "start"`
    start: str = ""
    """`<Workflow>`"""
    method: str = ""
    """Of the start; not needed where the workflow has one public method, and its code is here."""
    signal: str = ""
    """`<Workflow>.<channel>`"""
    call: str = ""
    """`<Workflow>.<method>`"""
    cancel: str = ""
    """`<Workflow>`"""

    # -- whom it concerns
    id: str = ""
    """Text: the instance."""
    tag: str = ""
    """Text: all instances with this tag. With a start the instance carries it."""
    tags: list[str] = []
    """Texts: what a started instance carries; a path that selects several gives several."""
    unique_tag: str = ""
    """Text: the one instance with this tag; a start finds it, or makes it."""

    # -- what it carries
    arguments: dict[str, Any] | None = None
    """Of a start or a call, by parameter: paths, texts, or plain values. What selects nothing is left out. Default: one
    argument, the event, or the `data` of a CloudEvent; the node needs the code then."""
    payload: Any = None
    """Of a signal: a path, a text, or a table of them. Default: the whole event, or the `data` of a CloudEvent."""
    meta: dict[str, str] = {}
    """Texts, for a start."""
    message_id: str = ""
    """Text: the same one twice counts once. Default: the message id of AMQP, or `source` and `id` of a CloudEvent."""

    # -- a signal that finds nobody
    on_no_match: Literal["drop", "start", "hold"] = "drop"
    """`drop`: by id after a minute, by tag at once. `start`: the workflow is started first, with `arguments`.

    `hold`: it waits until somebody is there, or `hold_seconds` are over: then it is a dead letter."""
    hold_seconds: Seconds = 3600.0

    @property
    def workflow(self) -> str:
        """The workflow's name."""
        return self.target[0]

    @property
    def verb(self) -> Literal["start", "signal", "call", "cancel"]:
        """What a message becomes."""
        if self.signal:
            return "signal"
        if self.call:
            return "call"
        return "cancel" if self.cancel else "start"

    @property
    def opens(self) -> bool:
        """Tell whether a message may start something."""
        return self.verb == "start" or self.on_no_match == "start"

    @property
    def target(self) -> tuple[str, str]:
        """Workflow, and channel or method."""
        if self.verb in {"signal", "call"}:
            workflow, _, name = (self.signal or self.call).rpartition(".")
            return workflow, name
        return self.start or self.cancel, ""

    @property
    def source(self) -> str:
        """Where it comes from, for people."""
        return f"queue {self.queue}" if self.queue else f"exchange {self.exchange} [{', '.join(self.keys)}]"

    @property
    def effect(self) -> str:
        """What a message becomes, for people."""
        workflow, name = self.target
        return f"{self.verb} {workflow}{'.' if name else ''}{name}"
