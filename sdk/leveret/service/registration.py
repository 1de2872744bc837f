"""A service object for a node: checked against its contract."""

from __future__ import annotations

import inspect
import sys
from typing import Any

from leveret.contract import WORKFLOW, is_contract, members
from leveret.definition import ServiceDefinition, ServiceInstance
from leveret.service.batching import BatchSignature, check_contract
from leveret.service.child import found_in
from leveret.service.configuring import check_tasks, unwrapped
from leveret.service.defining import contract_of, definition_of
from leveret.service.marking import MARK, TaskMark
from leveret_broker.errors import ConfigurationError


def instance(target: Any) -> ServiceInstance:
    """Return a service for registration, from an object or from a class that is constructible without arguments.

    Either may be `configured`.

    Raises `ConfigurationError` when it does not define each function of its contract itself, with parameters that fit.
    """
    target, settings = unwrapped(target)
    cls: type[Any] = target if isinstance(target, type) else type(target)
    if WORKFLOW in vars(cls):
        text = f"{cls.__qualname__} is a workflow: register it with workflows=[...], not services=[...]"
        raise ConfigurationError(text)
    if is_contract(cls):
        text = f"{cls.__qualname__} is a contract: register a class that implements it"
        raise ConfigurationError(text)
    definition = definition_of(cls)
    _check(definition)
    if settings is not None:
        check_tasks(definition.name, settings, definition.tasks, "its registration")
    if isinstance(target, type):
        try:
            target = target()
        except TypeError as error:
            text = f"service {cls.__qualname__}: register an object, for the class needs arguments: {error}"
            raise ConfigurationError(text) from error
    functions = {name: getattr(target, task.attribute) for name, task in definition.tasks.items()}
    return ServiceInstance(definition, target, functions, settings)


def _check(definition: ServiceDefinition) -> None:
    cls = definition.cls
    contract = contract_of(cls)
    implementation = members(cls)
    declared = members(contract)
    missing = [name for name in declared if name not in implementation or not implementation[name].is_implemented]
    if missing:
        text = f"service {cls.__qualname__} does not define {', '.join(missing)} of {contract.__qualname__}"
        raise ConfigurationError(text)
    for name, member in implementation.items():
        if name not in declared and hasattr(member.function, MARK):
            text = f"{cls.__qualname__}.{name} is marked as a task, but {contract.__qualname__} does not have it"
            raise ConfigurationError(text)
        if name in declared and contract is not cls and not _is_batch(member.function):
            _check_parameters(f"{cls.__qualname__}.{name}", declared[name].function, member.function)
    if any(task.process for task in definition.tasks.values()):
        _check_process(cls)
    for task in definition.tasks.values():
        _ = task.signature.types  # resolve the annotations now, not at the first call
        if isinstance(task.signature, BatchSignature) and contract is not cls:
            check_contract(f"{cls.__qualname__}.{task.attribute}", declared[task.attribute].function, task.signature)


def _check_process(cls: type[Any]) -> None:
    """Raise for a class of which another process cannot make an object."""
    needs = [
        parameter.name
        for parameter in inspect.signature(cls).parameters.values()
        if parameter.default is parameter.empty
        and parameter.kind not in {parameter.VAR_POSITIONAL, parameter.VAR_KEYWORD}
    ]
    try:
        importable = found_in(sys.modules[cls.__module__], cls.__qualname__) is cls
    except (KeyError, AttributeError):
        importable = False
    if needs or not importable:
        why = f"its class needs {', '.join(needs)}" if needs else "its class cannot be imported from there"
        text = f"service {cls.__qualname__} has a function that runs in a process, which makes its own object: {why}; "
        raise ConfigurationError(text + "put such functions into a class of their own, at the top of a module")


def _is_batch(function: Any) -> bool:
    mark: TaskMark | None = getattr(function, MARK, None)
    return mark is not None and mark.batching is not None


def _check_parameters(name: str, declared: Any, implemented: Any) -> None:
    wanted = list(inspect.signature(declared).parameters.values())[1:]
    given = {parameter.name: parameter for parameter in list(inspect.signature(implemented).parameters.values())[1:]}
    wanted_names = {parameter.name for parameter in wanted}
    lacking = [parameter.name for parameter in wanted if parameter.name not in given]
    extra = [
        other.name
        for other in given.values()
        if other.name not in wanted_names
        and other.default is other.empty
        and other.kind not in {other.VAR_POSITIONAL, other.VAR_KEYWORD}
    ]
    if lacking or extra:
        text = f"{name} does not fit its contract: parameters {lacking} are missing, {extra} are not in the contract"
        raise ConfigurationError(text)
