"""`listeners list` and `forget`."""

from __future__ import annotations

from leveret_actors import Node
from tests.cli.conftest import leveret_beside
from tests.egress.harness import Ear

URL = ("--url", "sqlite:///shop.db")


async def test_listener_groups_are_listed_and_forgotten() -> None:
    async with Node(URL[1], listeners=[Ear(group="audit", workflows="*").function]):
        listed = (await leveret_beside("listeners", "list", "--json", *URL)).json
        refused = await leveret_beside("listeners", "forget", "audit", *URL)
    table = await leveret_beside("listeners", "list", *URL)
    ran = await leveret_beside("listeners", "forget", "audit", *URL)
    nothing = await leveret_beside("listeners", "list", *URL)

    assert listed == [{"group": "audit", "patterns": ["workflow.#"], "waiting": 0, "consumers": 1}]
    assert (refused.code, "--force" in refused.err) == (1, True)
    assert table.out.split() == ["group", "waiting", "nodes", "wants", "audit", "0", "0", "workflow.#"]
    assert ran.out == "audit is forgotten, with 0 events\n"
    assert nothing.out == "nobody listens\n"
