"""Under load and at scale: the cutover by hand with 500 sessions, a pause with 5,000."""
from __future__ import annotations

import threading
import time
from typing import Any, Optional

import pymysql

from lib import servers
from lib.case import Case, test
from lib.db import Idlers, one, run
from lib.raw import Raw
from lib.sluice import Sluice, find_keys
from lib.util import Background, wait_until
from test_drain import COUNTS

RETRY = (1213, 1205)
LOST = (1053, 2006, 2013, 0)


class Ledger:
    """What the clients were told, and what they saw."""

    def __init__(self) -> None:
        self.lock = threading.Lock()
        self.acknowledged: set[tuple[int, int]] = set()
        self.refused: list[str] = []        # connects that failed
        self.surprises: list[str] = []      # errors of an unexpected kind
        self.counts: dict[int, int] = {}
        self.longest = 0.0

    def acknowledge(self, worker: int, number: int, seconds: float) -> None:
        with self.lock:
            self.acknowledged.add((worker, number))
            self.longest = max(self.longest, seconds)

    def error(self, code: int) -> None:
        with self.lock:
            self.counts[code] = self.counts.get(code, 0) + 1


class Worker(threading.Thread):
    """One session: small transactions with pauses; connects again when its session ends."""

    def __init__(self, sluice: Sluice, ledger: Ledger, number: int, stop: threading.Event,
                 ready: threading.Semaphore):
        super().__init__(daemon=True)
        self.sluice, self.ledger, self.number, self.stop = sluice, ledger, number, stop
        self.ready = ready
        self.sequence = 0
        self.client: Optional[pymysql.Connection] = None

    def run(self) -> None:
        first = True
        while not self.stop.is_set():
            if self.client is None and not self._connect():
                return
            if first:
                self.ready.release()
                first = False
            self._transaction()
            self.stop.wait(0.4 + (self.number % 10) / 20)
        if self.client is not None:
            self.client.close()

    def _connect(self) -> bool:
        try:
            self.client = self.sluice.connect("plain", "plain-secret", database="app",
                                              autocommit=False)
            return True
        except (pymysql.MySQLError, OSError) as error:
            self.ledger.refused.append(repr(error))
            return False

    def _transaction(self) -> None:
        assert self.client is not None
        self.sequence += 1
        begin = time.monotonic()
        try:
            run(self.client, "INSERT INTO ledger (worker, number) VALUES (%s, %s)",
                (self.number, self.sequence))
            run(self.client, "UPDATE totals SET n = n + 1 WHERE worker = %s", (self.number,))
            self.client.commit()
            self.ledger.acknowledge(self.number, self.sequence, time.monotonic() - begin)
        except pymysql.MySQLError as error:
            self._failed(error)
        except (OSError, AttributeError):
            self.client = None

    def _failed(self, error: pymysql.MySQLError) -> None:
        assert self.client is not None
        code = int(error.args[0])
        self.ledger.error(code)
        if code in RETRY:
            return
        if code not in LOST:
            self.ledger.surprises.append(repr(error))
        try:
            self.client.close()
        except pymysql.MySQLError:
            pass
        self.client = None


def start_load(sluice: Sluice, ledger: Ledger, count: int,
               stop: threading.Event) -> list[Worker]:
    ready = threading.Semaphore(0)
    workers = [Worker(sluice, ledger, n, stop, ready) for n in range(count)]
    threading.stack_size(512 * 1024)
    for worker in workers:
        worker.start()
    for _ in workers:
        assert ready.acquire(timeout=60), "not all sessions came up"
    return workers


def cutover(sluice: Sluice, old: servers.Server, new: servers.Server) -> dict[str, Any]:
    """The operator's steps; the drain's counts."""
    sluice.ok("pause")
    counts = find_keys(sluice.ctl_json("drain", "--wait", "2s", "--then", "abort"), *COUNTS)
    servers.read_only(old, True)
    servers.caught_up(new, old)
    servers.read_only(new, False)
    sluice.ok("repoint", "b1")
    sluice.ok("resume")
    return counts


@test(deadline=150, own=True, alone=True, family=("mariadb", "mysql"), order=90)
def test_under_load(t: Case) -> None:
    """500 sessions: nobody refused, in-time transactions commit, nothing acknowledged lost."""
    old, new = t.pair()
    old.sql("CREATE TABLE app.ledger (id INT PRIMARY KEY AUTO_INCREMENT, worker INT, number INT)")
    old.sql("CREATE TABLE app.totals (worker INT PRIMARY KEY, n INT)")
    old.sql("INSERT INTO app.totals SELECT id - 1, 0 FROM app.nums WHERE id <= 500")
    servers.caught_up(new, old)
    servers.read_only(new, True)
    old.connect("plain", "plain-secret").close()
    new.connect("plain", "plain-secret").close()
    sluice = t.sluice(old, new, hold={"max": "30s"}, variant="asan")
    stop = threading.Event()
    ledger = Ledger()
    workers = start_load(sluice, ledger, 500, stop)
    in_time, too_long = (sluice.connect(database="app", autocommit=False) for _ in range(2))
    for client, number in ((in_time, 1), (too_long, 2)):
        run(client, "INSERT INTO ledger (worker, number) VALUES (9999, %s)", (number,))
    wait_until(lambda: len(ledger.acknowledged) > 500, 30, "the load to run")
    moving = Background(cutover, sluice, old, new)
    in_time.commit()
    counts = moving.result(90, "the cutover by hand")
    numbers = {key: int(counts[key]) for key in COUNTS}
    assert sum(numbers[k] for k in COUNTS[1:]) == numbers["sessions"], f"{numbers}"
    assert numbers["sessions"] >= 500, f"{numbers}"
    assert numbers["aborted"] >= 1, f"{numbers}"
    at_move = len(ledger.acknowledged)
    wait_until(lambda: len(ledger.acknowledged) > at_move + 1000, 40, "the load on the new server")
    stop.set()
    for worker in workers:
        worker.join(30)
    assert not ledger.refused, f"{len(ledger.refused)} connects failed: {ledger.refused[:3]}"
    assert not ledger.surprises, f"surprising errors: {ledger.surprises[:5]}"
    there = set(new.sql("SELECT worker, number FROM app.ledger"))
    lost = ledger.acknowledged - there
    assert not lost, f"{len(lost)} acknowledged transactions are missing: {sorted(lost)[:5]}"
    assert (9999, 1) in there and (9999, 2) not in there, "the two transactions of the test"
    assert old.connections_of("plain") == 0, "sessions on the old server are left"
    print(f"counts {numbers}, errors {ledger.counts}, longest {ledger.longest:.2f} s")


@test(deadline=150, own=True, alone=True, order=95)
def test_pause_five_thousand(t: Case) -> None:
    """pause is acknowledged by every worker in under 50 ms with 5,000 idle sessions."""
    server = t.own_server(extra=["--thread-handling=pool-of-threads", "--max-connections=6000",
                                 "--thread-pool-max-threads=200"])
    sluice = t.sluice(server, variant="release")
    idlers = Idlers(lambda: Raw(sluice.port).login("nopass", ""), 5000)
    t.defer(idlers.close)
    assert len(idlers.items) == 5000
    best = []
    for _ in range(5):
        document = sluice.ctl_json("pause")
        best.append(took_ms(document))
        sluice.ok("resume")
    best.sort()
    assert best[2] < 50, f"acknowledged after {best} ms"
    client = Background(one, sluice.connect(), "SELECT 1")
    assert client.result() == 1


def took_ms(document: Any) -> float:
    """How long the workers took, in the unit that the key says."""
    for key, factor in (("took_us", 0.001), ("took_ms", 1.0), ("acknowledged_us", 0.001),
                        ("held_us", 0.001), ("elapsed_us", 0.001)):
        found = find_keys(document, key)
        if found:
            return float(found[key]) * factor
    raise AssertionError(f"pause does not say how long it took: {document}")
