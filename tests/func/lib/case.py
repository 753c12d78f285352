"""The decorator that makes a function a test, and the object every test gets."""
from __future__ import annotations

import dataclasses
import pathlib
from typing import Any, Callable, Optional

from lib import servers
from lib.servers import Server
from lib.sluice import Sluice
from lib.util import Skip


@dataclasses.dataclass(frozen=True)
class Spec:
    """One test: a function with one combination of its parameters."""
    module: str
    name: str
    function: Callable[["Case"], None]
    params: dict[str, Any]
    deadline: float
    alone: bool              # nothing else may run at the same time
    group: str               # never at the same time as another of this group
    shared: tuple[str, ...]  # families of shared servers it uses
    order: int               # smaller ones first

    @property
    def full_name(self) -> str:
        inner = ",".join(str(v) for v in self.params.values())
        return f"{self.module}.{self.name}" + (f"[{inner}]" if inner else "")


REGISTRY: list[Spec] = []


def _combinations(table: dict[str, tuple[Any, ...]]) -> list[dict[str, Any]]:
    rows: list[dict[str, Any]] = [{}]
    for key, values in table.items():
        rows = [{**row, key: value} for row in rows for value in values]
    return rows


def test(deadline: float = 60.0, alone: bool = False, group: str = "", own: bool = False,
         order: int = 50, **table: tuple[Any, ...]) -> Callable[[Any], Any]:
    """Registers a function once for each combination of the parameter table.

    `family` is an ordinary parameter that also names the shared server the test uses; with
    own=True the test starts its own servers. Without a family a test uses MariaDB."""
    def register(function: Callable[["Case"], None]) -> Callable[["Case"], None]:
        for params in _combinations(table):
            family = params.get("family", "mariadb")
            families = servers.FAMILIES if family == "both" else (family,)
            REGISTRY.append(Spec(
                module=function.__module__.removeprefix("test_"),
                name=function.__name__.removeprefix("test_"), function=function, params=params,
                deadline=deadline, alone=alone, group=group,
                shared=() if own else families, order=order))
        return function
    return register


class Case:
    """What one running test has: a folder, servers, daemons, and their orderly end."""

    def __init__(self, spec: Spec, folder: pathlib.Path, shared: dict[str, Server], number: int):
        self.spec = spec
        self.params = spec.params
        self.dir = folder
        self.shared = shared
        self.number = number
        self.daemons: list[Sluice] = []
        self.servers: list[Server] = []
        self.cleanups: list[Callable[[], None]] = []

    def __getattr__(self, name: str) -> Any:
        try:
            return self.__dict__["params"][name]
        except KeyError:
            raise AttributeError(name) from None

    @property
    def server(self) -> Server:
        """The shared server of this test's family."""
        return self.shared[self.params.get("family", "mariadb")]

    def database(self) -> str:
        """An empty database on the shared server that no other test uses."""
        return self.server.fresh_database(f"t{self.number}")

    def need(self, found: object, what: str) -> None:
        if not found:
            raise Skip(what)

    def own_server(self, family: Optional[str] = None, server_id: int = 1,
                   **kwargs: Any) -> Server:
        name = f"d{len(self.servers)}"
        server = Server.create(family or self.params.get("family", "mariadb"), self.dir / name,
                               server_id)
        self.servers.append(server)
        return server.start(**kwargs)

    def pair(self, family: Optional[str] = None, **kwargs: Any) -> tuple[Server, Server]:
        first, second = servers.pair(family or self.params.get("family", "mariadb"), self.dir,
                                     **kwargs)
        self.servers += [first, second]
        return first, second

    def prepare(self, *backends: Server, variant: str = "asan", **settings: Any) -> Sluice:
        """A daemon that is configured but not started. Backends are named b0, b1, ..."""
        chosen = backends or (self.server,)
        table = {f"b{i}": {"address": f"127.0.0.1:{s.port}"} for i, s in enumerate(chosen)}
        extra = settings.pop("backend", None)
        if extra:
            table = {name: {**value, **extra} for name, value in table.items()}
        sluice = Sluice(self.dir / f"s{len(self.daemons)}", table, "b0", variant, **settings)
        self.daemons.append(sluice)
        return sluice

    def sluice(self, *backends: Server, variant: str = "asan", **settings: Any) -> Sluice:
        """A running daemon in front of these servers, or of the shared one."""
        return self.prepare(*backends, variant=variant, **settings).start()

    def defer(self, action: Callable[[], None]) -> None:
        self.cleanups.append(action)

    def finish(self) -> None:
        """Orderly end of a test that has passed so far: daemons give their verdict."""
        self._cleanup()
        for daemon in self.daemons:
            daemon.stop()
        for server in self.servers:
            server.stop(9)

    def _cleanup(self) -> None:
        while self.cleanups:
            self.cleanups.pop()()

    def abandon(self) -> None:
        """The end of a test that has failed: no verdicts, nothing left running."""
        for daemon in self.daemons:
            daemon.kill()
        for server in self.servers:
            server.stop(9)
