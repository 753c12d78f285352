"""One command: `cutover start`, on one-way replication and master-master, both families."""
from __future__ import annotations

import subprocess
import threading
from typing import Any, Callable

import pymysql

from lib import servers
from lib.case import Case, test
from lib.db import one, run
from lib.servers import Server
from lib.sluice import Sluice
from lib.util import Background, wait_until

FAMILIES = ("mariadb", "mysql")
SHAPES = ("one-way", "both-ways")


class Writers:
    """Sessions through sluice that each insert numbers, one transaction after the other."""

    def __init__(self, sluice: Sluice, count: int):
        self.sluice = sluice
        self.stop = threading.Event()
        self.acknowledged: list[set[int]] = [set() for _ in range(count)]
        self.errors: list[str] = []
        self.threads = [Background(self._work, i) for i in range(count)]

    def _work(self, number: int) -> None:
        client = self.sluice.connect()
        sequence = 0
        while not self.stop.is_set():
            sequence += 1
            try:
                run(client, "BEGIN")
                run(client, "INSERT INTO app.ledger VALUES (%s, %s)", (number, sequence))
                run(client, "COMMIT")
                self.acknowledged[number].add(sequence)
            except pymysql.MySQLError as error:
                self.errors.append(repr(error))
                return

    def wait_for_more(self, more: int = 20) -> None:
        goals = [len(a) + more for a in self.acknowledged]
        wait_until(lambda: self.errors or all(len(a) >= g for a, g in
                                              zip(self.acknowledged, goals)), 30, "writes go on")
        assert not self.errors, self.errors

    def verdict(self, *on: Server) -> None:
        """Nothing lost, nothing doubled, no error, on each of these servers."""
        self.stop.set()
        for thread in self.threads:
            thread.result()
        assert not self.errors, self.errors
        for server in on:
            rows = server.sql("SELECT a, b FROM app.ledger")
            assert len(rows) == len(set(rows)), "doubled"
            there = {number: {b for a, b in rows if a == number}
                     for number in range(len(self.acknowledged))}
            for number, acknowledged in enumerate(self.acknowledged):
                assert acknowledged <= there[number], f"lost by {server.folder.name}"


def stage(t: Case, **settings: Any) -> tuple[Server, Server, Sluice]:
    old, new = t.pair(both_ways=t.shape == "both-ways")
    old.sql("CREATE TABLE app.ledger (a INT, b INT, PRIMARY KEY (a, b))")
    servers.caught_up(new, old)
    return old, new, t.sluice(old, new, **settings)


def is_read_only(server: Server) -> bool:
    return bool(server.one("SELECT @@global.read_only"))


@test(deadline=120, own=True, family=FAMILIES, shape=SHAPES)
def test_there_and_back(t: Case) -> None:
    old, new, sluice = stage(t, cutover={"watch": "0s"})
    writers = Writers(sluice, 6)
    writers.wait_for_more()
    client = sluice.connect()
    run(client, "SET @mine = 7")
    for target, active, other in (("b1", new, old), ("b0", old, new)):
        answer = sluice.ctl_json("cutover", "start", target, deadline=60)
        assert answer["ended"] == "done", answer
        assert sluice.ctl_json("show", "status")["active"] == target
        assert not is_read_only(active) and is_read_only(other)
        assert one(client, "SELECT @mine") == 7
        writers.wait_for_more()
    writers.verdict(old)
    servers.caught_up(new, old)
    writers.verdict(old, new)


def as_before(old: Server, new: Server, sluice: Sluice) -> None:
    """Traffic is on the old server, and the target is what it was."""
    status = sluice.ctl_json("show", "status")
    assert (status["active"], status["gate"]["closed"]) == ("b0", False), status
    assert not is_read_only(old)
    for server in (old, new):
        server.connect().close()


def smoke_checks(sluice: Sluice, refused: Callable[..., None]) -> None:
    """Those that fail stop the release, all are run, and what they said is told."""
    good = {"name": "table", "sql": "SELECT COUNT(*) >= 0 FROM app.ledger", "expect": "1"}
    for bad, words in (
            ({"name": "value", "sql": "SELECT 6 * 7", "expect": "43"}, "it gave 42, expected 43"),
            ({"name": "sql", "sql": "SELECT * FROM app.missing"}, "doesn't exist"),
            ({"name": "status", "command": "echo $SLUICE_BACKEND; exit 3"}, "exit status 3"),
            ({"name": "slow", "command": "sleep 600", "timeout": "100ms"}, "deadline")):
        sluice.settings["cutover"]["checks"] = [good, bad]
        sluice.write_config()
        sluice.ok("reload")
        refused(words)
    sluice.settings["cutover"]["checks"] = [good, {"name": "true", "command": "true"}]
    sluice.write_config()
    sluice.ok("reload")


@test(deadline=120, own=True, family=FAMILIES, shape=("one-way",))
def test_undone(t: Case) -> None:
    """What an operator or a server can put in the way: traffic goes on where it was."""
    old, new, sluice = stage(t, cutover={"watch": "0s", "approach": "5s"})
    was = is_read_only(new)
    writers = Writers(sluice, 3)
    writers.wait_for_more()

    def refused(words: str, *options: str) -> None:
        answer = sluice.ctl("cutover", "start", "b1", *options)
        assert answer.code == 1 and words in answer.err, answer
        as_before(old, new, sluice)
        assert is_read_only(new) == was
        writers.wait_for_more()

    answer = sluice.ctl("cutover", "start", "b1", "--dry-run")
    assert answer.code == 0, answer
    as_before(old, new, sluice)
    refused("nobody said go", "--ask", "--budget", "4s")
    for word, reason in (("no-go", "no-go"), ("abort", "aborted")):
        asking = sluice.ctl_start("cutover", "start", "b1", "--ask")
        wait_until(lambda: sluice.ctl_json("cutover", "status")["state"] == "asking", 30,
                   "the question")
        assert sluice.ctl("resume", "--all").code == 1, "the gate is the cutover's"
        sluice.ok("cutover", word)
        out, err = asking.communicate(timeout=30)
        assert asking.returncode == 1 and reason in err, (out, err)
        as_before(old, new, sluice)
        writers.wait_for_more()
    new.sql("STOP SLAVE SQL_THREAD" if t.family == "mariadb" else "STOP REPLICA SQL_THREAD")
    refused("does not run")
    new.sql("START SLAVE SQL_THREAD" if t.family == "mariadb" else "START REPLICA SQL_THREAD")
    smoke_checks(sluice, refused)
    answer = sluice.ctl("cutover", "go")
    assert answer.code == 1 and "no cutover" in answer.err, answer
    writers.verdict(old)
    assert sluice.ctl_json("cutover", "start", "b1")["ended"] == "done"


PATIENT = {"watch": "0s", "budget": "60s", "catch_up": "30s", "max_lag": "60s"}


def until_it_asks(sluice: Sluice) -> "subprocess.Popen[str]":
    """Both servers are fenced, and the target is the active one. On a machine that is too slow for
    the limits of a step it is tried again."""
    run(sluice.connect(), "SELECT 1")  # known as an application from here on
    for _ in range(5):
        asking = sluice.ctl_start("cutover", "start", "b1", "--ask")
        wait_until(lambda: asking.poll() is not None
                   or sluice.ctl_json("cutover", "status")["state"] == "asking", 60,
                   "the question")
        if asking.poll() is None:
            return asking
        print("again:", asking.communicate()[1].splitlines()[-1:], flush=True)
    raise AssertionError("it never asked")


def kill_while_asking(sluice: Sluice) -> None:
    asking = until_it_asks(sluice)
    sluice.kill()
    asking.communicate(timeout=30)


@test(deadline=120, own=True, family=FAMILIES, shape=("one-way",))
def test_killed_in_the_middle(t: Case) -> None:
    """sluice undoes what it had done before it was killed, and clients wait for that."""
    old, new, sluice = stage(t, cutover=PATIENT)
    was = is_read_only(new)
    kill_while_asking(sluice)
    sluice.start()
    client = sluice.connect()
    run(client, "INSERT INTO app.ledger VALUES (1, 1)")
    # Clients do not wait for the target.
    wait_until(lambda: sluice.ctl_json("cutover", "status")["state"] == "idle", 30, "the end")
    as_before(old, new, sluice)
    assert is_read_only(new) == was
    status = sluice.ctl_json("cutover", "status")
    assert status["ended"] == "undone" and "killed in the middle" in status["why"], status
    assert sluice.ctl("cutover", "forget").code == 1, "there is nothing to forget"
    assert sluice.ctl_json("cutover", "start", "b1")["ended"] == "done"
    run(sluice.connect(), "INSERT INTO app.ledger VALUES (1, 2)")
    assert new.one("SELECT COUNT(*) FROM app.ledger") == 2


@test(deadline=120, own=True, family=("mariadb",), shape=("one-way",))
def test_killed_and_asks(t: Case) -> None:
    """What it cannot know it does not guess: it stays closed until the operator has looked."""
    _, new, sluice = stage(t, cutover=PATIENT)
    kill_while_asking(sluice)
    address = sluice.settings["backends"]["b0"]["address"]
    sluice.settings["backends"]["b0"]["address"] = "127.0.0.1:1"
    for words in ("b0 is configured with another address", "is damaged"):
        sluice.start()
        status = sluice.ctl_json("show", "status")
        assert status["gate"]["closed"] and words in status["needs"], status
        assert "cutover forget" in sluice.ctl_json("cutover", "status")["needs"]
        answer = sluice.ctl("cutover", "start", "b0")
        assert answer.code == 1 and words in answer.err, answer
        sluice.kill()
        sluice.settings["backends"]["b0"]["address"] = address
        journal = max((sluice.folder / "state").glob("journal-*.jsonl"),
                      key=lambda p: int(p.stem[8:]))
        journal.write_bytes(journal.read_bytes().replace(b"before", b"behind", 1))
    sluice.start()
    # The operator goes forward.
    new.sql("ALTER USER app@'%' ACCOUNT UNLOCK")
    sluice.ok("cutover", "forget")
    status = sluice.ctl_json("show", "status")
    assert not status["gate"]["closed"] and status["needs"] is None, status
    run(sluice.connect(), "INSERT INTO app.ledger VALUES (1, 1)")
    assert new.one("SELECT COUNT(*) FROM app.ledger") == 1
    assert sluice.ctl("cutover", "forget").code == 1


@test(deadline=120, own=True, family=("mariadb",), shape=("one-way",))
def test_stuck_until_forgotten(t: Case) -> None:
    """The old server dies while it is fenced: no undo works, and it is the operator's turn."""
    old, new, sluice = stage(t, cutover=PATIENT)
    asking = until_it_asks(sluice)
    assert sluice.ctl("cutover", "forget").code == 1, "it is not stuck"
    old.stop(9)
    sluice.ok("cutover", "abort")
    wait_until(lambda: sluice.ctl_json("show", "status")["cutover"] == "stuck", 30, "stuck")
    needs = sluice.ctl_json("show", "status")["needs"]
    assert "fence: b0" in needs and "cutover forget" in needs, needs
    sluice.ok("cutover", "forget")
    wait_until(lambda: sluice.ctl_json("show", "status")["cutover"] == "idle", 30, "it lets go")
    asking.communicate(timeout=30)
    status = sluice.ctl_json("show", "status")
    assert status["gate"]["closed"] and "See to both servers" in status["needs"], status
    # The operator goes forward.
    new.sql("SET GLOBAL read_only = 0")
    new.sql("ALTER USER app@'%' ACCOUNT UNLOCK")
    sluice.ok("repoint", "b1")
    sluice.ok("cutover", "forget")
    run(sluice.connect(), "INSERT INTO app.ledger VALUES (1, 1)")
    assert new.one("SELECT COUNT(*) FROM app.ledger") == 1
    status = sluice.ctl_json("show", "status")
    assert status["needs"] is None and status["cutover"] == "idle", status
    sluice.kill()
    sluice.start()
    assert not sluice.ctl_json("show", "status")["gate"]["closed"], "it is forgotten for good"
