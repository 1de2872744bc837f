"""What `leveret dev` finds in a module."""

import sys
from types import ModuleType

import pytest

from leveret import ConfigurationError
from leveret_actors.cli.discovery import discover
from tests.cli import shop


def module(name: str, code: str, monkeypatch: pytest.MonkeyPatch) -> str:
    made = ModuleType(name)
    monkeypatch.setitem(sys.modules, name, made)
    exec(compile(code, name, "exec"), vars(made))
    return name


def test_workflows_and_services_but_no_contracts() -> None:
    offer = discover(["tests.cli.shop"])

    assert (offer.workflows, offer.services) == ([shop.Order], [shop.Warehouse])


def test_an_object_goes_before_its_class_and_a_class_with_arguments_is_left_out_aloud(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    name = module(
        "discovered",
        "from leveret import service\n"
        "@service.define(name='A')\nclass A:\n    def __init__(self, x): ...\n    async def go(self) -> None: ...\n"
        "@service.define(name='B')\nclass B:\n    def __init__(self, x): ...\n    async def go(self) -> None: ...\n"
        "b = B(1)\n",
        monkeypatch,
    )

    offer = discover([name])

    assert offer.services == [sys.modules[name].b]
    assert len(offer.skipped) == 1
    assert "A" in offer.skipped[0]


def test_one_thing_can_be_named() -> None:
    offer = discover(["tests.cli.shop:Warehouse"])

    assert (offer.workflows, len(offer.services)) == ([], 1)


def test_a_module_with_nothing_to_host_is_refused() -> None:
    with pytest.raises(ConfigurationError, match="no workflow"):
        discover(["json"])
