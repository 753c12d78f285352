"""Lag in `show backends`: by position of both sides, and never a zero that may be a lie."""
from __future__ import annotations

import os
import signal
from typing import Any

from lib.case import Case, test
from lib.servers import Server
from lib.sluice import Sluice
from lib.util import wait_until

SHARED_DOMAIN = {"mariadb": ["--gtid-domain-id=0"], "mysql": []}


def applier(server: Server, word: str) -> None:
    server.sql(f"{word} {'SLAVE' if server.family == 'mariadb' else 'REPLICA'} SQL_THREAD")


def insert(server: Server, first: int, count: int) -> None:
    for i in range(first, first + count):
        server.sql(f"INSERT INTO app.lag VALUES ({i})")


def backend(sluice: Sluice, name: str) -> dict[str, Any]:
    rows = sluice.ctl_json("show", "backends")["backends"]
    return next(r for r in rows if r["name"] == name)


def wait_lag(sluice: Sluice, what: str, **wanted: Any) -> None:
    def fits() -> bool:
        row = backend(sluice, "b1")
        assert all(row[key] == value for key, value in wanted.items()), row
        return True
    wait_until(fits, 15, f"{what}: {wanted}", every=0.2)


def watched_pair(t: Case, both_ways: bool) -> tuple[Server, Server, Sluice]:
    family = t.params["family"]
    first, second = t.pair(both_ways=both_ways, extra=SHARED_DOMAIN[family])
    first.sql("CREATE TABLE app.lag (i INT PRIMARY KEY)")
    return first, second, t.sluice(first, second)


@test(own=True, family=("mariadb", "mysql"))
def test_by_position(t: Case) -> None:
    """One way: a stopped applier, and a source that hangs while the replica says 0 seconds."""
    first, second, sluice = watched_pair(t, both_ways=False)
    insert(first, 0, 3)
    wait_lag(sluice, "caught up", lag_transactions=0, lag_bytes=0, lag_ms=0)
    applier(second, "STOP")
    insert(first, 10, 4)
    wait_lag(sluice, "four behind", lag_transactions=4, lag_ms=None, sql_running=False)
    assert backend(sluice, "b1")["lag_bytes"] > 0
    applier(second, "START")
    wait_lag(sluice, "caught up again", lag_transactions=0, lag_bytes=0, lag_ms=0)
    os.kill(first.process.pid, signal.SIGSTOP)
    try:
        wait_until(lambda: not backend(sluice, "b0")["reachable"], 20, "the source to be missed")
        wait_lag(sluice, "unknown", lag_transactions=None, lag_ms=None, io_running=True)
    finally:
        os.kill(first.process.pid, signal.SIGCONT)
    wait_lag(sluice, "known again", lag_transactions=0, lag_ms=0)


@test(own=True, family=("mariadb", "mysql"))
def test_of_two_masters(t: Case) -> None:
    """MariaDB with one domain: the source's last number is lower than what the target lacks.

    Both masters use the number 3 there, so that the estimate is 2 where 3 are missing."""
    first, second, sluice = watched_pair(t, both_ways=True)
    wait_until(lambda: second.sql("SHOW TABLES FROM app LIKE 'lag'"), 10, "the table")
    insert(second, 0, 1)
    wait_lag(sluice, "caught up", lag_transactions=0, lag_ms=0)
    applier(second, "STOP")
    insert(first, 10, 3)
    insert(second, 20, 1)
    wait_until(lambda: first.sql("SELECT 1 FROM app.lag WHERE i = 20"), 10, "the other's row")
    wait_lag(sluice, "three behind", lag_ms=None,
             lag_transactions=2 if t.params["family"] == "mariadb" else 3)
    applier(second, "START")
    wait_lag(sluice, "caught up again", lag_transactions=0, lag_ms=0)
