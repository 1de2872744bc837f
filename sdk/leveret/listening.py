"""`@leveret.listener`: a function that is told of events."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Final, Literal, TypeAlias, TypeVar

from leveret import service, workflow
from leveret.contract import Duration, seconds
from leveret.events import SERVICE_EVENTS, WORKFLOW_EVENTS, Event, EventType, ServiceEvent, WorkflowEvent
from leveret.retry import Retry, RetryPolicy
from leveret_broker.errors import ConfigurationError
from leveret_broker.ids import check_name

F = TypeVar("F", bound=Callable[..., Any])
Names: TypeAlias = Literal["*"] | Sequence[str | type[Any]]
"""All, or some by name or class."""
Types: TypeAlias = Literal["*"] | Sequence[str | EventType]
"""All, or some by type (`"failed"`) or class (`events.TaskFailed`)."""

RETRY: Final = Retry(initial=0.5, factor=2, maximum=30, attempts=6)
"""What follows a listener's failure when it says nothing: five more tries in about 15 seconds."""
_MARK: Final = "__leveret_listener__"
_TABLES: Final = (WORKFLOW_EVENTS, SERVICE_EVENTS)


@dataclass(frozen=True, slots=True)
class Choice:
    """Names that are meant: those allowed (None: all) without those denied."""

    allowed: frozenset[str] | None
    denied: frozenset[str] = frozenset()

    def __contains__(self, name: str) -> bool:
        """Tell whether a name is meant."""
        return name not in self.denied and (self.allowed is None or name in self.allowed)


@dataclass(frozen=True, slots=True)
class ListenerDefinition:
    """What the decorator was given."""

    group: str
    function: Callable[..., Any]
    workflows: Choice
    services: Choice
    kinds: frozenset[EventType]
    batch: int
    """Most events of a call; 0: one, and not in a list."""
    seconds: float
    concurrency: int
    retry: RetryPolicy

    @property
    def patterns(self) -> tuple[str, ...]:
        """The patterns of routing keys under which all that it wants comes; more may come, see `hears`."""
        families = (("workflow", self.workflows, WORKFLOW_EVENTS), ("service", self.services, SERVICE_EVENTS))
        found = list[str]()
        for family, choice, table in families:
            types = [name for name, kind in table.items() if kind in self.kinds]
            names = ["#"] if choice.allowed is None else sorted(choice.allowed)
            ends = ["#"] if len(types) == len(table) else types
            found += [
                f"{family}.#" if name == end == "#" else f"{family}.{name}.{end}" for name in names for end in ends
            ]
        return tuple(found)

    def hears(self, event: Event) -> bool:
        """Tell whether an event is for it."""
        if type(event) not in self.kinds:
            return False
        if isinstance(event, WorkflowEvent):
            return event.workflow in self.workflows
        return isinstance(event, ServiceEvent) and event.service in self.services


def listener(
    *,
    group: str = "",
    workflows: Names | None = None,
    services: Names | None = None,
    types: Types = "*",
    except_workflows: Sequence[str | type[Any]] = (),
    except_services: Sequence[str | type[Any]] = (),
    except_types: Sequence[str | EventType] = (),
    batch: int = 0,
    wait: Duration = 0.5,
    concurrency: int = 1,
    retry: RetryPolicy = RETRY,
) -> Callable[[F], F]:
    """Have a function called with each event that it wants, at least once: `Node(listeners=[...])`.

    Arguments:
        group: names the durable queue; listeners of the same group, on many nodes, share its events. Default: the
            function's name.
        workflows: whose events are wanted, by name or class; `"*"` is all, those included that come later. With neither
            `workflows` nor `services`, all of both.
        services: the same for services.
        types: which events, by type or class of `leveret.events`; a type may be one of both, as `"failed"` is.
        except_workflows: those that are not wanted all the same.
        except_services: the same for services.
        except_types: the same for types.
        batch: most events in one call, which then gets a list; 0: each call gets one event.
        wait: how long the first event of a batch waits for others, a timedelta or seconds.
        concurrency: calls at once. Events of one instance or task stay in order whatever it is.
        retry: what follows when the function raises; what it gives up becomes a dead letter.

    The function is `async`, or plain: then it runs in a thread. Raises `ConfigurationError` for what cannot work.
    """
    if batch < 0 or concurrency < 1:
        raise ConfigurationError(f"listener(batch={batch}, concurrency={concurrency}): batch ≥ 0, concurrency ≥ 1")
    both = workflows is None and services is None
    kinds = _kinds("types", types) - _kinds("except_types", except_types)
    chosen_workflows = _choice(workflows, except_workflows, _workflow_name, both=both)
    chosen_services = _choice(services, except_services, _service_name, both=both)

    def decorate(function: F) -> F:
        definition = ListenerDefinition(
            check_name("listener group", group or getattr(function, "__name__", "")),
            _checked(function),
            chosen_workflows,
            chosen_services,
            kinds,
            batch,
            seconds("wait", wait),
            concurrency,
            retry,
        )
        if not definition.patterns:
            raise ConfigurationError(f"listener {definition.group!r} wants no event at all")
        setattr(function, _MARK, definition)
        return function

    return decorate


def is_listener(value: object) -> bool:
    """Tell whether something is a function under `@listener`."""
    return isinstance(getattr(value, _MARK, None), ListenerDefinition)


def definition_of(value: object) -> ListenerDefinition:
    """Return what a listener was given; raises `ConfigurationError` for anything else."""
    definition = getattr(value, _MARK, None)
    if not isinstance(definition, ListenerDefinition):
        raise ConfigurationError(f"{value!r} is not a listener: put @leveret.listener(...) above the function")
    return definition


def _checked(function: Callable[..., Any]) -> Callable[..., Any]:
    parameters = inspect.signature(function).parameters.values()
    needed = [one for one in parameters if one.default is one.empty and one.kind != one.VAR_KEYWORD]
    if len(needed) != 1 or needed[0].kind is needed[0].KEYWORD_ONLY:
        name = getattr(function, "__qualname__", repr(function))
        raise ConfigurationError(f"the listener {name} must take one argument: the event, or the list of events")
    return function


def _choice(
    names: Names | None, denied: Sequence[str | type[Any]], name_of: Callable[[type[Any]], str], *, both: bool
) -> Choice:
    if names is None and not both:
        return Choice(frozenset())
    allowed = None if names is None or names == "*" else _names(names, name_of)
    return Choice(allowed, _names(denied, name_of))


def _names(names: Sequence[str | type[Any]], name_of: Callable[[type[Any]], str]) -> frozenset[str]:
    if isinstance(names, str):
        raise ConfigurationError(f'listener: write [{names!r}], a list, or "*" for all')
    return frozenset(one if isinstance(one, str) else name_of(one) for one in names)


def _workflow_name(cls: type[Any]) -> str:
    return workflow.definition_of(cls).name


def _service_name(cls: type[Any]) -> str:
    return service.definition_of(cls).name


def _kinds(what: str, types: Types) -> frozenset[EventType]:
    """Return the classes of events that are meant; a class stands for those derived from it."""
    known = [kind for table in _TABLES for kind in table.values()]
    if types == "*":
        return frozenset(known)
    if isinstance(types, str):
        raise ConfigurationError(f'listener({what}=...): write [{types!r}], a list, or "*" for all')
    found = set[EventType]()
    for one in types:
        meant = (
            {table[one] for table in _TABLES if one in table}
            if isinstance(one, str)
            else {kind for kind in known if issubclass(kind, one)}
        )
        if not meant:
            listing = ", ".join(sorted({*WORKFLOW_EVENTS, *SERVICE_EVENTS}))
            raise ConfigurationError(f"listener({what}=...): there is no event {one!r}; there are {listing}")
        found |= meant
    return frozenset(found)
