"""The clients of a working day, in threads, and the ledger that judges what they were told.

    web       transactions by text: a ledger row, a counter, a job for the queue; then it reads back
    prepared  single inserts and reads by the binary protocol, its own session variable in each row
    queue     SELECT ... FOR UPDATE SKIP LOCKED, thinks, marks the job as done
    report    one read of more than a second after the other
    aggregate INSERT ... SELECT that may be killed at any time; begins anew

Each notes what the server has acknowledged. Nobody but the last may see an error, or lose its
session.
"""
from __future__ import annotations

import collections
import threading
import time
from typing import Any, Callable, Optional, Sequence

import pymysql

from lib.db import one, run
from lib.servers import Server
from lib.sluice import Sluice
from lib.talk import RawSession
from lib.util import Background, wait_until

USER, PASSWORD = "plain", "plain-secret"        # may not pass read_only
JOB_USER = "aggregator"
RULE = {"match": {"user": JOB_USER}, "wait": "0s", "then": "kill"}
TABLES = ("ledger", "totals", "jobs", "finished", "sums")
REPORT_ROWS = 130
KILLED = 1053
# The lock of an INSERT ... SELECT on all that it reads would hold up everybody else.
LOOSE = "SET SESSION TRANSACTION ISOLATION LEVEL READ COMMITTED"


def make_tables(server: Server) -> None:
    """Nothing unique that the clients choose: what is doubled shows instead of failing."""
    server.sql("CREATE TABLE app.ledger (seq BIGINT PRIMARY KEY AUTO_INCREMENT,"
               " id BIGINT NOT NULL, note VARCHAR(60), KEY (id))")
    server.sql("CREATE TABLE app.totals (worker INT PRIMARY KEY, n INT NOT NULL)")
    server.sql("INSERT INTO app.totals SELECT id, 0 FROM app.nums WHERE id <= 1000")
    server.sql("CREATE TABLE app.jobs (seq BIGINT PRIMARY KEY AUTO_INCREMENT, id BIGINT NOT NULL,"
               " done INT NOT NULL DEFAULT 0, KEY (done))")
    server.sql("CREATE TABLE app.finished (seq BIGINT PRIMARY KEY AUTO_INCREMENT, job BIGINT)")
    server.sql("CREATE TABLE app.sums (worker INT PRIMARY KEY, n INT NOT NULL)")
    server.sql(f"CREATE USER {JOB_USER}@'%' IDENTIFIED BY '{PASSWORD}'")
    server.sql(f"GRANT SELECT, INSERT, UPDATE ON app.* TO {JOB_USER}@'%'")


class Worker:
    """One client in a thread. `units` counts what it has done; `longest` is its longest wait for
    one answer, in seconds."""
    kind = "?"

    def __init__(self, port: int, number: int):
        self.port, self.number = port, number
        self.units = 0
        self.longest = 0.0
        self.stop = threading.Event()
        self.thread: Optional[Background] = None
        self.acknowledged: set[int] = set()     # rows of the ledger
        self.jobs: set[int] = set()             # jobs that were made
        self.finished: set[int] = set()         # jobs that were done
        self.transactions = 0
        self.sequence = 0

    def start(self) -> None:
        self.thread = Background(self._work)

    def next_id(self) -> int:
        self.sequence += 1
        return self.number * 1000000 + self.sequence

    def timed(self, call: Callable[..., Any], *args: Any) -> Any:
        began = time.monotonic()
        try:
            return call(*args)
        finally:
            self.longest = max(self.longest, time.monotonic() - began)

    def _work(self) -> None:
        self.open()
        while not self.stop.is_set():
            self.unit()
            self.units += 1
            self.stop.wait(0.02)
        self.close()

    def open(self) -> None:
        self.link = pymysql.connect(host="127.0.0.1", port=self.port, user=USER, password=PASSWORD,
                                    database="app", autocommit=True, connect_timeout=60,
                                    read_timeout=120)

    def ask(self, sql: str, args: Any = None) -> list[tuple[Any, ...]]:
        return self.timed(run, self.link, sql, args)

    def unit(self) -> None:
        raise NotImplementedError

    def close(self) -> None:
        self.link.close()


class Web(Worker):
    kind = "web"

    def unit(self) -> None:
        number = self.next_id()
        job = number if self.sequence % 3 == 0 else 0
        self.ask("BEGIN")
        self.ask("INSERT INTO ledger (id, note) VALUES (%s, %s)", (number, f"w{number}"))
        self.ask("UPDATE totals SET n = n + 1 WHERE worker = %s", (self.number,))
        if job:
            self.ask("INSERT INTO jobs (id) VALUES (%s)", (job,))
        self.ask("COMMIT")
        self.acknowledged.add(number)
        self.transactions += 1
        if job:
            self.jobs.add(job)
        found = self.ask("SELECT note FROM ledger WHERE id = %s", (number,))
        assert found == [(f"w{number}",)], f"{number}: read back {found}"


class Prepared(Worker):
    kind = "prepared"

    def open(self) -> None:
        self.session = RawSession(self.port, USER, PASSWORD, "app")
        self.session.link.sock.settimeout(120)
        self.tell(f"SET @mine = 'v{self.number}'")
        self.tell(("prepare", "put", "INSERT INTO ledger (id, note) VALUES (?, CONCAT(@mine, ?))"))
        self.tell(("prepare", "get", "SELECT note FROM ledger WHERE id = ?"))

    def tell(self, action: Any) -> bytes:
        answer = self.timed(self.session.do, action)
        assert answer.error is None, f"{action}: {answer.error}"
        return b"".join(p if isinstance(p, bytes) else repr(p).encode() for p in answer.value)

    def unit(self) -> None:
        number = self.next_id()
        self.tell(("execute", "put", number, f"-{number}"))
        self.acknowledged.add(number)
        note = f"v{self.number}-{number}".encode()
        found = self.tell(("execute", "get", number))
        assert note in found, f"{number}: read back {found!r}, not {note!r}"

    def close(self) -> None:
        self.session.close()


class Queue(Worker):
    kind = "queue"

    def open(self) -> None:
        super().open()
        self.ask(LOOSE)

    def unit(self) -> None:
        self.ask("BEGIN")
        found = self.ask("SELECT id FROM jobs WHERE done = 0 ORDER BY seq LIMIT 1"
                         " FOR UPDATE SKIP LOCKED")
        if found:
            self.stop.wait(0.03)
            self.ask("UPDATE jobs SET done = done + 1 WHERE id = %s", found[0])
            self.ask("INSERT INTO finished (job) VALUES (%s)", found[0])
        self.ask("COMMIT")
        self.finished |= {row[0] for row in found}
        assert self.ask("SELECT @@transaction_isolation" if self.is_mysql() else
                        "SELECT @@tx_isolation") == [("READ-COMMITTED",)], "the isolation is gone"

    def is_mysql(self) -> bool:
        return "MariaDB" not in self.link.get_server_info()


class Report(Worker):
    kind = "report"

    def unit(self) -> None:
        found = self.ask(f"SELECT COUNT(*), SUM(SLEEP(0.01)) FROM (SELECT id FROM nums WHERE id <="
                         f" {REPORT_ROWS}) few, (SELECT COUNT(*) FROM ledger) all_of_it")
        assert found[0][0] == REPORT_ROWS, f"the report says {found}"


class Aggregate(Worker):
    kind = "aggregate"

    def __init__(self, port: int, number: int):
        super().__init__(port, number)
        self.killed = 0

    def open(self) -> None:
        self.link = pymysql.connect(host="127.0.0.1", port=self.port, user=JOB_USER,
                                    password=PASSWORD, database="app", autocommit=True,
                                    connect_timeout=60, read_timeout=120)
        self.ask(LOOSE)

    def unit(self) -> None:
        try:
            self.ask("INSERT INTO sums SELECT id DIV 1000000, COUNT(*) + SUM(SLEEP(0.0002))"
                     " FROM ledger GROUP BY 1 ON DUPLICATE KEY UPDATE n = VALUES(n)")
        except pymysql.MySQLError as error:
            assert error.args[0] == KILLED, f"killed by rule is 1053, this is {error!r}"
            self.killed += 1
            self.link.close()
            self.open()


KINDS: dict[str, type[Worker]] = {c.kind: c for c in (Web, Prepared, Queue, Report, Aggregate)}


class Crew:
    """All of them together."""

    def __init__(self, sluice: Sluice, **counts: int):
        kinds = [kind for kind, count in counts.items() for _ in range(count)]
        self.sluice = sluice
        self.workers = [KINDS[kind](sluice.port, n + 1) for n, kind in enumerate(kinds)]
        for worker in self.workers:
            worker.start()

    def of(self, kind: str) -> Sequence[Any]:
        return [w for w in self.workers if w.kind == kind]

    def check(self) -> None:
        """Raises what one of them ran into."""
        for worker in self.workers:
            assert worker.thread is not None
            if not worker.thread.running():
                worker.thread.result()
                raise AssertionError(f"{worker.kind} {worker.number} has ended")

    def progress(self, units: int = 3) -> None:
        """Until each has done so many more; a report, which is slow, one."""
        goals = [w.units + (units if w.kind not in ("report", "aggregate") else 1)
                 for w in self.workers]

        def further() -> bool:
            return self.stopped() or all(w.units >= g for w, g in zip(self.workers, goals))
        wait_until(further, 30, f"{units} more units of work of everybody")
        self.check()

    def stopped(self) -> bool:
        return any(w.thread is not None and not w.thread.running() for w in self.workers)

    def longest(self, *kinds: str) -> float:
        """The longest wait for one answer since the last call."""
        chosen = [w for w in self.workers if w.kind in (kinds or ("web", "prepared", "queue"))]
        longest = max(w.longest for w in chosen)
        for worker in chosen:
            worker.longest = 0.0
        return longest

    def end(self) -> None:
        self.check()
        for worker in self.workers:
            worker.stop.set()
        for worker in self.workers:
            assert worker.thread is not None
            worker.thread.result(60, f"the end of {worker.kind} {worker.number}")

    def verify(self, server: Server) -> None:
        """What was acknowledged is there once, and nothing else is."""
        self._same(server, "SELECT id FROM app.ledger", "acknowledged")
        self._same(server, "SELECT id FROM app.jobs", "jobs")
        self._same(server, "SELECT job FROM app.finished", "finished")
        totals = dict(server.sql("SELECT worker, n FROM app.totals WHERE n > 0"))
        told = {w.number: w.transactions for w in self.workers if w.transactions}
        assert totals == told, f"totals {totals}, acknowledged {told}"
        assert not server.sql("SELECT id FROM app.jobs WHERE done > 1"), "a job was done twice"

    def _same(self, server: Server, sql: str, what: str) -> None:
        found = collections.Counter(row[0] for row in server.sql(sql))
        told: set[int] = set().union(*(getattr(w, what) for w in self.workers))
        name = server.folder.name
        assert told <= found.keys(), f"{what}: {name} lacks {sorted(told - found.keys())[:5]}"
        more = found.keys() - told
        assert not more, f"{what}: {name} has what nobody acknowledged: {sorted(more)[:5]}"
        doubled = [number for number, times in found.items() if times > 1]
        assert not doubled, f"{what}: {name} has twice {sorted(doubled)[:5]}"


def checksums(server: Server) -> list[tuple[Any, ...]]:
    return server.sql("CHECKSUM TABLE " + ", ".join(f"app.{t}" for t in TABLES))


__all__ = ["Crew", "Worker", "make_tables", "checksums", "RULE", "one"]
