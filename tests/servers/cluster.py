"""A private Redis Cluster."""

from collections.abc import Mapping
from types import TracebackType
from typing import Self

from tests.servers.home import free_port, wait_until
from tests.servers.redis import RedisServer


class RedisCluster:
    """Three masters on loopback that share the 16 384 slots. `nodes` may be stopped, killed and started one by one."""

    def __init__(self, options: Mapping[str, str] | None = None) -> None:
        self.nodes = [RedisServer({**_member_options(), **(options or {})}) for _ in range(3)]
        self._formed = False

    @property
    def url(self) -> str:
        """The address of the first node, from which a client learns the others."""
        return self.nodes[0].url

    def start(self, seconds: float = 30) -> Self:
        """Start the masters, form the cluster the first time, and wait until all of them call it healthy."""
        for node in self.nodes:
            node.start()
        if not self._formed:
            addresses = [f"127.0.0.1:{node.port}" for node in self.nodes]
            self.nodes[0].cli("--cluster", "create", *addresses, "--cluster-yes")
            self._formed = True
        wait_until(lambda: all(map(_is_healthy, self.nodes)), seconds, "cluster_state:ok")
        return self

    def stop(self) -> None:
        """End all masters gracefully."""
        for node in self.nodes:
            node.stop()

    def close(self) -> None:
        """End the masters and remove their folders."""
        for node in self.nodes:
            node.close()

    def __enter__(self) -> Self:
        return self.start()

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self.close()


def _member_options() -> dict[str, str]:
    return {
        "cluster-enabled": "yes",
        "cluster-config-file": "nodes.conf",
        "cluster-node-timeout": "2000",
        "cluster-port": str(free_port()),
    }


def _is_healthy(node: RedisServer) -> bool:
    info = node.cli("cluster", "info").splitlines()
    return "cluster_state:ok" in info and "cluster_known_nodes:3" in info
