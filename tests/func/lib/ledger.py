"""Moving the master back and forth under applications, and the ledger that judges it.

An application writes its own ids and notes each one that the server has acknowledged:

    A <id> <worker> <T|S>    acknowledged: a transaction (also counted in `totals`), a single write
    E <text>                 an error that the driver reported
    W <text>                 a wrong answer: a write or a session's variable was not what it was
"""
from __future__ import annotations

import collections
import json
import pathlib
import time
from typing import Any, Optional, Sequence

from lib import servers
from lib.clients import Target
from lib.servers import Server
from lib.sluice import Sluice, find_keys
from lib.util import Process, tail, wait_until

WORKERS_MAX = 64
DRAINED = ("reached", "aborted", "killed", "open")


def make_tables(server: Server) -> None:
    """Nothing unique but the sequence: a doubled write shows instead of failing."""
    server.sql("CREATE TABLE app.ledger (seq BIGINT PRIMARY KEY AUTO_INCREMENT,"
               " id BIGINT NOT NULL, note VARCHAR(60), KEY (id))")
    server.sql("CREATE TABLE app.totals (worker INT PRIMARY KEY, n INT NOT NULL)")
    server.sql(f"INSERT INTO app.totals SELECT id - 1, 0 FROM app.nums WHERE id <= {WORKERS_MAX}")


class Shuttle:
    """Two masters b0 and b1 behind sluice; `move` makes the other one the master."""

    def __init__(self, sluice: Sluice, first: Server, second: Server):
        self.sluice = sluice
        self.sides = [first, second]
        self.at = 0                         # the side that is active
        self.warm = sluice.ctl("help", "warm").code == 0
        self.closed: list[float] = []       # seconds that the gate was closed, for each move

    @property
    def active(self) -> Server:
        return self.sides[self.at]

    def move(self) -> dict[str, Any]:
        """The operator's steps; the drain's counts."""
        old, new, name = self.sides[self.at], self.sides[1 - self.at], f"b{1 - self.at}"
        if self.warm:
            self.sluice.ok("warm", name)
        begin = time.monotonic()
        self.sluice.ok("pause")
        counts = find_keys(self.sluice.ctl_json("drain", "--wait", "10s", "--then", "wait"),
                           "sessions")
        servers.read_only(old, True)
        servers.caught_up(new, old)
        servers.read_only(new, False)
        self.sluice.ok("repoint", name)
        self.sluice.ok("resume")
        self.closed.append(time.monotonic() - begin)
        self.at = 1 - self.at
        return counts

    def settle(self) -> None:
        """Both servers hold the same."""
        servers.caught_up(self.sides[1 - self.at], self.active)


class Sessions:
    """Which sessions there are: whether the same clients are still there later."""

    def __init__(self, sluice: Sluice, user: str):
        self.sluice = sluice
        self.user = user
        self.accepted = self._accepted()
        self.before = self._sessions()

    def _accepted(self) -> int:
        return int(self.sluice.ctl_json("show", "stats")["accepted"])

    def _sessions(self) -> dict[int, Any]:
        """The numbers that sluice gives, and the client's socket: neither changes by a move."""
        return {row["id"]: row["client"] for row in self.sluice.sessions("--user", self.user)}

    def check_same(self) -> None:
        now = self._sessions()
        gone = sorted(set(self.before) - set(now))
        assert now == self.before, f"sessions {gone} of {len(self.before)} are gone, new ones: " \
                                   f"{sorted(set(now) - set(self.before))}"
        more = self._accepted() - self.accepted
        assert more == 0, f"{more} connections were accepted meanwhile"


class Application:
    """A client program with a pool, running against sluice; `finish` ends it in order."""

    def __init__(self, folder: pathlib.Path, argv: Sequence[str], target: Target, threads: int,
                 connections: int, **env: str):
        folder.mkdir(exist_ok=True)
        self.threads = threads
        self.path = folder / "ledger"
        self.stop_file = folder / "stop"
        self.position = 0
        self.acknowledged: dict[int, str] = {}      # id -> kind
        self.by_worker: collections.Counter[int] = collections.Counter()
        self.transactions: collections.Counter[int] = collections.Counter()
        self.complaints: list[str] = []
        full = dict(target.env(), LEDGER=str(self.path), STOP=str(self.stop_file),
                    THREADS=str(threads), CONNECTIONS=str(connections), **env)
        self.path.touch()
        self.process = Process(argv, folder / "output", folder.name, env=full)

    def read(self) -> None:
        """Takes in what has been noted since the last call."""
        with open(self.path, "rb") as notes:
            notes.seek(self.position)
            data = notes.read()
        whole = data[:data.rfind(b"\n") + 1]
        self.position += len(whole)
        for line in whole.decode(errors="replace").splitlines():
            self._note(line)

    def _note(self, line: str) -> None:
        word, _, rest = line.partition(" ")
        if word == "A":
            number, worker, kind = rest.split()
            if int(number) in self.acknowledged:
                self.complaints.append(f"{number} acknowledged twice")
            self.acknowledged[int(number)] = kind
            self.by_worker[int(worker)] += 1
            self.transactions[int(worker)] += kind == "T"
        elif word in ("E", "W"):
            self.complaints.append(line)

    def check(self) -> None:
        self.read()
        assert not self.complaints, f"{len(self.complaints)} complaints of the application: " \
                                    + "; ".join(self.complaints[:4])
        assert self.process.alive(), f"the application ended:\n{tail(self.process.log)}"

    def progress(self, each: int) -> None:
        """Waits until every worker has had `each` more writes acknowledged."""
        self.read()
        before = dict(self.by_worker)

        def further() -> bool:
            self.read()
            return bool(self.complaints) or not self.process.alive() or all(
                self.by_worker[n] >= before.get(n, 0) + each for n in range(self.threads))
        wait_until(further, 30, f"{each} more writes of each of {self.threads} workers")
        self.check()

    def finish(self) -> None:
        self.check()
        self.stop_file.touch()
        code = self.process.child.wait(60)
        self.read()
        assert code == 0, f"the application ended with {code}:\n{tail(self.process.log)}"
        assert not self.complaints, f"complaints: {self.complaints[:4]}"

    def verify(self, server: Server) -> None:
        """What was acknowledged is there once, and nothing else is."""
        found = collections.Counter(row[0] for row in server.sql("SELECT id FROM app.ledger"))
        lost = self.acknowledged.keys() - found.keys()
        assert not lost, f"{len(lost)} acknowledged writes are missing: {sorted(lost)[:5]}"
        doubled = [number for number, times in found.items() if times > 1]
        assert not doubled, f"{len(doubled)} writes are there twice: {sorted(doubled)[:5]}"
        more = found.keys() - self.acknowledged.keys()
        assert not more, f"{len(more)} writes that nobody acknowledged: {sorted(more)[:5]}"
        totals = {w: n for w, n in server.sql("SELECT worker, n FROM app.totals WHERE n > 0")}
        assert totals == {w: n for w, n in self.transactions.items() if n}, \
            f"totals {totals}, acknowledged {dict(self.transactions)}"


def wait_sessions(sluice: Sluice, user: str, count: int, app: Optional[Application] = None) -> None:
    """Until the pool is complete."""
    def complete() -> bool:
        if app is not None:
            app.check()
        return len(sluice.sessions("--user", user)) == count
    wait_until(complete, 30, f"{count} sessions of {user}", every=0.1)


def php_environment(argv: Sequence[str], how: str) -> dict[str, str]:
    return {"PHP_ARGV": json.dumps(list(argv)), "HOW": how}


__all__ = ["Shuttle", "Sessions", "Application", "make_tables", "wait_sessions",
           "php_environment"]
