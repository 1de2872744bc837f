"""A node: a process that hosts workflows, services and tags."""

from __future__ import annotations

import asyncio
import signal
import socket
import time
from contextlib import AsyncExitStack, contextmanager, suppress
from functools import partial
from typing import TYPE_CHECKING, Any, Final, Literal, Self

from loguru import logger

from leveret import Client, workflow
from leveret.client.shared import SharedClient
from leveret.interceptors import TaskInterceptor, WorkflowInterceptor
from leveret.url import Url
from leveret_actors.backends import backends
from leveret_actors.bridge import Bridge, BridgeRunner, Crossing
from leveret_actors.collecting import rarely_collecting
from leveret_actors.egress import ListenerRunner, Wanted
from leveret_actors.ingress import AnswerRouter, CommandRouter, Contracts, Sender, body_limit
from leveret_actors.jobs import Jobs
from leveret_actors.mailbox.cache import ActorCache
from leveret_actors.mailbox.directory import Directory
from leveret_actors.mailbox.host import Host
from leveret_actors.mailbox.loop import MailboxLoop
from leveret_actors.mailbox.stepper import Stepper, ThreadStepper
from leveret_actors.mailbox.wake import keep_awake
from leveret_actors.registrations import by_group, by_name, check_lists, crossings
from leveret_actors.router import DeadLetterRouter
from leveret_actors.service import LeaseKeeper, LeaseSweeper, Lifespan, Pauses, ServiceRunner
from leveret_actors.service.telling import TaskTeller
from leveret_actors.settings import Settings
from leveret_actors.tag import TagActors
from leveret_actors.voice import Voice
from leveret_actors.workflow.actors import WorkflowActors
from leveret_actors.workflow.house import EngineSettings
from leveret_broker.codec import PAYLOAD_LIMIT, Codec, make_codec
from leveret_broker.errors import BrokerUnavailable, ConfigurationError, StoreUnavailable
from leveret_broker.ids import check_id, new_id

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Coroutine, Generator, Sequence
    from types import TracebackType

    from leveret.definition import ServiceInstance
    from leveret_actors.actor import Actors
    from leveret_actors.store.contract import Store
    from leveret_broker.payload_codec import PayloadCodecs
    from leveret_broker.transport import Transport


PAUSE: Final = 1.0
"""Seconds before broker or store are asked again."""
SIGNALS: Final = (signal.SIGTERM, signal.SIGINT)


class Node:
    """Hosts what it is given until it is told to stop.

    `workflows` are classes defined with `@workflow.define`, several versions of one name allowed. `services` are
    service objects, classes that need no arguments, or functions that make one when the node starts: plain or async
    ones, and those under `@asynccontextmanager`, which close it after its tasks have ended. `url` names broker and
    store (`LEVERET_URL` when None). Tests and embedders may hand in `transport` and `store` instead; the node opens and
    closes both. `clock` gives Unix time to what does not go by the store's. `listeners` are functions under
    `@leveret.listener`; `interceptors` run around what workflows and tasks do, see `leveret.interceptors`. `bridges`
    bind what others publish on RabbitMQ to workflows, see `leveret_actors.Bridge`. `payload_codec` wraps user data at
    rest and in flight; of several the first one writes, all read.

    Raises `ConfigurationError` at once for registrations that cannot work.
    """

    def __init__(
        self,
        url: str | None = None,
        *,
        workflows: Sequence[type[Any]] = (),
        services: Sequence[object] = (),
        name: str | None = None,
        settings: Settings | None = None,
        transport: Transport | None = None,
        store: Store | None = None,
        payload_codec: Codec | PayloadCodecs = None,
        stepper: Stepper | None = None,
        clock: Callable[[], float] = time.time,
        listeners: Sequence[Callable[..., Any]] = (),
        interceptors: Sequence[WorkflowInterceptor | TaskInterceptor] = (),
        bridges: Sequence[Bridge] = (),
    ) -> None:
        """Check the registrations; nothing is opened yet."""
        self.settings = settings or Settings()
        self.name = f"{check_id('the name of the node', name or socket.gethostname())}-{new_id()[:8]}"
        check_lists(workflows, services)
        self._workflows = by_name([workflow.definition_of(cls) for cls in workflows])
        self._crossings = crossings(bridges, self._workflows)
        self._lifespan = Lifespan(services)
        self._services: list[ServiceInstance] = []
        if (transport is None) != (store is None):
            text = "give Node both transport and store, or neither and a url"
            raise ConfigurationError(text)
        if transport is not None and store is not None:
            self._transport, self._store = transport, store
            self._codec = make_codec(payload_codec, PAYLOAD_LIMIT)
        else:
            parsed = Url.parse(url)
            self._transport, self._store = backends(parsed)
            self._codec = make_codec(payload_codec, parsed.payload_limit)
        self._stepper = stepper or ThreadStepper(self.settings.step_budget)
        self._clock = clock
        self._listeners = by_group(listeners)
        self._wanted = Wanted(self._store, self.settings.events.publish)
        self._teller = TaskTeller(self._transport, partial(self._voice, "service"), worker=self.name, clock=clock)
        self._around_workflows = tuple(one for one in interceptors if isinstance(one, WorkflowInterceptor))
        self._around_tasks = tuple(one for one in interceptors if isinstance(one, TaskInterceptor))
        self._leases = LeaseKeeper(self._store, holder=self.name, settings=self.settings.leases)
        self._pauses = Pauses(self._store, self._transport)
        self._stop = asyncio.Event()
        self._runners: list[ServiceRunner] = []
        self._listening: list[ListenerRunner] = []
        self._exit = AsyncExitStack()
        self._serving: asyncio.Task[None] | None = None

    async def run(self) -> None:
        """Serve until SIGTERM, SIGINT or `stop`; then finish what runs, within the grace period.

        Waits for servers that are not up. Raises `BrokerRefused` or `StoreRefused` for what waiting cannot mend.
        """
        stopping = asyncio.ensure_future(self._stop.wait())
        with self._signals(), rarely_collecting():
            opening = asyncio.ensure_future(self.__aenter__())
            await asyncio.wait((opening, stopping), return_when=asyncio.FIRST_COMPLETED)
            if not opening.done():
                opening.cancel()
                await asyncio.wait((opening,))
            if opening.cancelled():
                logger.info("node {} stopped before its servers were up", self.name)
                return
            opening.result()
            try:
                assert self._serving is not None
                await asyncio.wait((self._serving, stopping), return_when=asyncio.FIRST_COMPLETED)
            finally:
                stopping.cancel()
                await self.__aexit__(None, None, None)

    def stop(self) -> None:
        """Begin to stop: `run` returns once everything has been handed over."""
        self._stop.set()

    async def __aenter__(self) -> Self:
        """Open transport and store, and serve in the background."""
        async with AsyncExitStack() as stack:
            stack.callback(self._stepper.close)
            stack.push_async_callback(self._store.close)  # what refuses may have connected
            await self._store.open()
            await self._transport.open()
            stack.push_async_callback(self._transport.close)
            client = SharedClient(Client(transport=self._transport, payload_codec=self._codec))
            stack.push_async_callback(client.close)
            self._services = await self._lifespan.open()
            stack.push_async_callback(self._lifespan.close, self.settings.grace)
            await self._begin_to_listen()
            host = self._host()
            jobs = await self._jobs(host, client)
            self._serving = asyncio.create_task(self._serve(jobs), name=f"node {self.name}")
            self._exit = stack.pop_all()
        logger.info("node {} serves {}", self.name, self._offer())
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Stop gracefully, close everything, and raise what made serving end, if anything did."""
        self._stop.set()
        async with self._exit:
            if self._serving is not None:
                await self._serving
        logger.info("node {} stopped", self.name)

    # -- serving ------------------------------------------------------------------------------------------------------

    def _host(self) -> Host:
        return Host(
            node=self.name,
            info={"workflows": ",".join(self._workflows), "services": ",".join(self._service_names())},
            transport=self._transport,
            store=self._store,
            stepper=self._stepper,
            cache=ActorCache(actors=self.settings.cache_actors, size=self.settings.cache_bytes),
            directory=Directory(self._transport, self._store, self.settings.mailboxes),
            settings=self.settings,
        )

    def _actors(self) -> list[Actors]:
        keep = self.settings.retention
        found: list[Actors] = [TagActors(self._store, partial(self._voice, "workflow"))]
        found += [
            WorkflowActors(
                name,
                versions,
                self._codec,
                settings=EngineSettings(
                    retention=keep.closed_seconds,
                    failed_retention=keep.failed_seconds,
                    fold_after=self.settings.fold_after,
                ),
                read_journal=self._store.read_journal,
                voice=self._voice("workflow", name),
                interceptors=self._around_workflows,
            )
            for name, versions in self._workflows.items()
        ]
        return found

    async def _jobs(self, host: Host, client: SharedClient) -> Jobs:
        loops = [
            MailboxLoop(queue, actors, host)
            for actors in self._actors()
            for queue in await host.directory.queues(actors.kind)
        ]
        self._runners = [self._runner(instance) for instance in self._services]
        router = DeadLetterRouter(self._transport, self._store, teller=self._teller, clock=self._clock)
        leases = self.settings.leases
        sweeper = LeaseSweeper(
            self._transport, self._store, node=self.name, settings=leases, teller=self._teller, clock=self._clock
        )
        wanted = self.settings.ingress
        ingress = self._ingress(host) if (bool(self._workflows) if wanted is None else wanted) else []
        return Jobs(
            loops,
            [*self._runners, *self._listening],
            [
                router.run(),
                keep_awake(host, loops),
                self._wanted.run(),
                self._lifespan.watch(),
                sweeper.run(),
                self._pauses.run(),
                *(runner.run() for crossing in self._crossings for runner in self._bridge(crossing, host)),
                *ingress,
            ],
            client,
            grace=self.settings.grace,
        )

    def _ingress(self, host: Host) -> list[Coroutine[Any, Any, None]]:
        return [
            CommandRouter(self._transport, self._sender(host), limit=body_limit(self._codec.limit)).run(),
            AnswerRouter(self._transport, host.directory, self._codec, clock=self._clock).run(),
        ]

    def _bridge(self, crossing: Crossing, host: Host) -> list[BridgeRunner]:
        return [
            BridgeRunner(crossing, self._transport, self._sender(host)),
            BridgeRunner(crossing, self._transport, self._sender(host), again=True),
        ]

    def _sender(self, host: Host) -> Sender:
        contracts = Contracts(self._workflows, self._codec)
        return Sender(self._transport, self._store, host.directory, contracts, clock=self._clock)

    def _runner(self, instance: ServiceInstance) -> ServiceRunner:
        return ServiceRunner(
            instance,
            self._transport,
            self._store,
            self._codec,
            worker=self.name,
            concurrency=self.settings.concurrency,
            settings=self.settings.services.get(instance.definition.name),
            registration=instance.settings,
            clock=self._clock,
            interceptors=self._around_tasks,
            leases=self._leases,
            pauses=self._pauses,
            outcomes_kept=self.settings.retention.called_seconds,
            teller=self._teller,
        )

    async def _begin_to_listen(self) -> None:
        """Register the listeners before anything runs here, so that they miss nothing of this node."""
        for definition in self._listeners:
            listener = ListenerRunner(definition, self._transport, self._store)
            await _patiently(listener.register)
            self._listening.append(listener)
        await _patiently(self._wanted.look)

    def _voice(self, family: Literal["workflow", "service"], name: str) -> Voice:
        return Voice(lambda: self._wanted.types(family, name), name, self._transport.namespace)

    async def _serve(self, jobs: Jobs) -> None:
        try:
            await jobs.run(self._stop)
        finally:
            with suppress(StoreUnavailable):  # then the other nodes find out when its last sign of life is over
                await self._store.heartbeat(self.name, {}, lifetime=0)

    @contextmanager
    def _signals(self) -> Generator[None]:
        """Stop on SIGTERM and SIGINT meanwhile."""

        def stop(number: signal.Signals) -> None:
            logger.info("node {}: {}, stopping", self.name, number.name)
            self._stop.set()

        loop = asyncio.get_running_loop()
        for number in SIGNALS:
            loop.add_signal_handler(number, stop, number)
        try:
            yield
        finally:
            for number in SIGNALS:
                loop.remove_signal_handler(number)

    def _service_names(self) -> list[str]:
        return [instance.definition.name for instance in self._services]

    def _offer(self) -> str:
        workflows = ", ".join(f"{name} v{max(versions)}" for name, versions in self._workflows.items())
        services = ", ".join(self._service_names())
        offer = f"workflows: {workflows or 'none'}; services: {services or 'none'}"
        bridges = ", ".join(crossing.bridge.name for crossing in self._crossings)
        groups = ", ".join(definition.group for definition in self._listeners)
        return offer + (f"; bridges: {bridges}" if bridges else "") + (f"; listeners: {groups}" if groups else "")


async def _patiently(call: Callable[[], Awaitable[None]]) -> None:
    """Await a call, again while broker or store do not answer."""
    while True:
        try:
            await call()
        except (BrokerUnavailable, StoreUnavailable) as error:
            logger.warning("the node cannot begin yet, trying again: {}", error)
            await asyncio.sleep(PAUSE)
        else:
            return
