"""Listener groups: which there are, what becomes of filters that change, and how one is forgotten."""

from __future__ import annotations

import asyncio

import pytest

from leveret import Client, ConfigurationError
from leveret_actors import ListenerGroups
from leveret_actors.listener_groups import ListenerGroup
from tests.egress.harness import SECONDS, Ear, Quick, node


async def test_groups_are_listed_and_one_is_forgotten_with_what_waits_for_it(url: str) -> None:
    ear, other = Ear(workflows=[Quick], types=["completed"]), Ear(group="other", types=["dispatched"])
    async with Client(url) as client, ListenerGroups(url) as groups, asyncio.timeout(SECONDS):
        async with node(url, ear):
            running = await groups.list()
            with pytest.raises(ConfigurationError, match="is run by 1 nodes: stop them"):
                await groups.forget("ear")
        async with node(url, other):
            for name in ("q1", "q2"):
                await client.new(Quick, id=name).run("a")
            await other.count(2)
        left = await groups.list()
        dropped = await groups.forget("ear")
        after = await groups.list()
        with pytest.raises(ConfigurationError, match="no listener group 'ear'; there are: other"):
            await groups.forget("ear")

    assert running == [ListenerGroup("ear", ("workflow.Quick.completed",), 0, 1)]
    assert [(one.group, one.waiting, one.consumers) for one in left] == [("ear", 2, 0), ("other", 0, 0)]
    assert (dropped, [one.group for one in after]) == (2, ["other"])


async def test_what_a_group_does_not_want_any_more_is_unbound(url: str) -> None:
    before, now = Ear(workflows=[Quick]), Ear(workflows=[Quick], types=["completed"])
    everything = Ear(group="everything")
    async with Client(url) as client, ListenerGroups(url) as groups, asyncio.timeout(SECONDS):
        async with node(url, before):
            pass
        async with node(url, now):
            pass
        async with node(url, everything):
            await client.new(Quick, id="q").run("a")
            await everything.ended("q")
        found = {one.group: (one.patterns, one.waiting) for one in await groups.list()}

    assert found["ear"] == (("workflow.Quick.completed",), 1)


async def test_a_group_that_is_forgotten_by_force_is_made_anew_by_the_node_that_runs_it(url: str) -> None:
    ear = Ear(workflows=[Quick], types=["completed"])
    async with Client(url) as client, ListenerGroups(url) as groups, asyncio.timeout(SECONDS), node(url, ear):
        await client.new(Quick, id="before").run("a")
        await ear.ended("before")
        await groups.forget("ear", force=True)
        while not (await groups.list() and (await groups.list())[0].consumers):
            await asyncio.sleep(0.02)
        for number in range(1_000):  # nodes look once a second who listens
            await client.new(Quick, id=f"q{number}").run("a")
            if len(ear.heard) > 1:
                break

    assert len(ear.heard) > 1
