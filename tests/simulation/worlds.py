"""The worlds by letter."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from tests.simulation.errand import ErrandWorld
from tests.simulation.rally import RallyWorld
from tests.simulation.tally import TallyWorld

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.simulation.world import World

WORLDS: Final[dict[str, Callable[..., World]]] = {"A": TallyWorld, "B": ErrandWorld, "C": RallyWorld}
