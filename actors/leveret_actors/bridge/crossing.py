"""A rule, compiled: what a message becomes, or why it becomes nothing. Pure."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final, TypeAlias

import msgspec

from leveret.errors import ArgumentMismatch
from leveret.start_options import CommonOptions, plan_of
from leveret_actors.bridge import expression
from leveret_actors.bridge.checking import check
from leveret_actors.bridge.event import Facts, Unfit, read
from leveret_actors.bridge.rule import Bridge
from leveret_actors.ingress.command import Command, Opening, Whom
from leveret_broker.command import RawCommand
from leveret_broker.errors import ConfigurationError
from leveret_broker.ids import check_id, message_digest, new_id, run_of
from leveret_broker.topics import matches

LONGEST: Final = 200
"""Characters of a message id that are kept as they are."""


class Passed(msgspec.Struct, frozen=True):
    """The message is none of the rule's."""

    reason: str


Crossed: TypeAlias = Command | Passed
Text: TypeAlias = Callable[[Facts], str]


class Crossing:
    """One bridge, ready to judge messages."""

    def __init__(self, bridge: Bridge) -> None:
        """Check and compile; raises `ConfigurationError` that names the bridge and the key."""
        check(bridge)
        self.bridge = bridge
        wheres = [bridge.where] if isinstance(bridge.where, str) else bridge.where
        self._where = [(path, expression.condition(self._named("where"), path)) for path in wheres if path]
        self._whom = {name: self._text(name) for name in ("id", "tag", "unique_tag") if getattr(bridge, name)}
        self._tags = [expression.texts(self._named("tags"), one) for one in bridge.tags]
        if bridge.verb == "start" and bridge.tag:
            self._tags.append(expression.texts(self._named("tag"), bridge.tag))
        self._meta = {name: expression.text(self._named("meta"), one) for name, one in bridge.meta.items()}
        self._message_id = self._text("message_id") if bridge.message_id else None
        self._arguments = self._value("arguments", bridge.arguments)
        self._payload = self._value("payload", bridge.payload)

    def judge(self, raw: RawCommand) -> Crossed:
        """Return what the message becomes; raises `Unfit` for one that the rule should understand, and cannot."""
        # A binding of an earlier version of the rule may still be there: the broker tells nobody which there are.
        if self.bridge.exchange and not any(matches(key, raw.routing_key) for key in self.bridge.keys):
            return Passed(f"the routing key {raw.routing_key!r} fits none of {', '.join(self.bridge.keys)}")
        try:
            return self._cross(read(raw, self.bridge.format))
        except Unfit:
            raise
        except (ConfigurationError, ArgumentMismatch) as error:
            raise Unfit(str(error)) from error
        except Exception as error:  # of a path, as for what is nested too deep: it must not stop what comes behind
            raise Unfit(
                f"the rule fails at it: {type(error).__name__}: {error.args[0] if error.args else ''}"
            ) from error

    def _cross(self, facts: Facts) -> Crossed:
        for path, holds in self._where:
            if not holds(facts):
                return Passed(f"where = {path!r} selects nothing")
        return self._command(facts)

    def _command(self, facts: Facts) -> Command:
        bridge, key = self.bridge, self._key(facts)
        workflow, member = bridge.target
        if bridge.verb == "start":
            return Command(verb="start", name=workflow, key=key, opening=self._opening(facts, key))
        [(kind, whom)] = [(name, check_id(f"the {name}", text(facts))) for name, text in self._whom.items()]
        return Command(
            verb=bridge.verb,
            name=workflow,
            member="" if bridge.verb == "cancel" else member,
            key=key,
            whom=Whom(**{kind: whom}),
            opening=self._opening(facts, key) if bridge.on_no_match == "start" else None,
            value=None if bridge.verb == "cancel" else self._carried(facts),
            hold=bridge.hold_seconds if bridge.on_no_match == "hold" else 0.0,
            reason=f"bridge {bridge.name}" if bridge.verb == "cancel" else "",
        )

    def _opening(self, facts: Facts, key: str) -> Opening:
        workflow = self.bridge.workflow
        whom = {name: text(facts) for name, text in self._whom.items() if name != "tag"}
        plan = plan_of(
            workflow,
            CommonOptions,
            {
                "id": whom.get("id") or run_of(workflow, "", key),
                "tags": [tag for several in self._tags for tag in several(facts)],
                "unique_tag": whom.get("unique_tag"),
                "meta": {name: text(facts) for name, text in self._meta.items()},
            },
        )
        return Opening(plan, self.bridge.method, self._given(facts))

    def _carried(self, facts: Facts) -> Any:
        if self.bridge.verb == "call":
            return self._given(facts)
        if self._payload is None:
            return None if facts.data is msgspec.UNSET else facts.data
        found = self._payload(facts)
        if found is expression.NOTHING:
            raise Unfit(f"{self._named('payload')}: {self.bridge.payload} selects nothing")
        return found

    def _given(self, facts: Facts) -> Any:
        """Return arguments: by name, or the one that the event is."""
        if self._arguments is not None:
            return self._arguments(facts)
        return [] if facts.data is msgspec.UNSET else [facts.data]

    def _key(self, facts: Facts) -> str:
        """Return the idempotency key: one event may cross several bridges."""
        identity = facts.identity if self._message_id is None else self._message_id(facts)
        digest = message_digest(identity).hex() if len(identity) > LONGEST else identity
        return f"{self.bridge.name}/{digest or new_id()}"

    def _text(self, name: str) -> Text:
        return expression.text(self._named(name), getattr(self.bridge, name))

    def _value(self, name: str, written: Any) -> expression.Value | None:
        return None if written is None else expression.value(self._named(name), written)

    def _named(self, name: str) -> str:
        return f"bridge {self.bridge.name!r}: {name}"
