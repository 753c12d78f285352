"""Testers: let in on the new master while all others are held; go, no-go, and what they wrote."""
from __future__ import annotations

import subprocess
from typing import Any

import pymysql

from lib.case import Case, test
from lib.db import one, run
from lib.servers import Server
from lib.sluice import Sluice
from lib.util import Background, wait_until
from test_report import report
from test_switch import FAMILIES, Writers, as_before, stage

TESTERS = {"watch": "0s", "testers": [{"user": "plain"}]}


def ask(sluice: Sluice, *options: str) -> "subprocess.Popen[str]":
    asking = sluice.ctl_start("cutover", "start", "b1", "--ask", "--budget", "45s", *options)

    wait_until(lambda: asking.poll() is not None
               or sluice.ctl_json("cutover", "status")["state"] == "asking", 40, "the question")
    assert asking.poll() is None, asking.communicate()
    return asking


def server_of(client: "pymysql.Connection[Any]") -> Any:
    return one(client, "SELECT @@server_id")


def at(client: "pymysql.Connection[Any]", server: Any, what: str) -> None:
    """The session answers, soon, from that server."""
    assert Background(server_of, client).result(15, what) == server, what


@test(deadline=120, own=True, family=FAMILIES, shape=("one-way", "both-ways"))
def test_go(t: Case) -> None:
    """Testers work on the new server while the others wait; after go all do."""
    old, new, sluice = stage(t, cutover=TESTERS, hold={"max": "60s"})
    tester = sluice.connect("plain", "plain-secret")
    other = sluice.connect()
    assert server_of(tester) == server_of(other) == old.one("SELECT @@server_id")
    there = new.one("SELECT @@server_id")
    asking = ask(sluice)
    at(tester, there, "the tester's session has moved")
    run(tester, "INSERT INTO app.ledger VALUES (77, 1)")
    fresh = sluice.connect("plain", "plain-secret")
    at(fresh, there, "a new connection of a tester")
    held = Background(server_of, other)
    newcomer = Background(sluice.connect)
    sluice.wait_count("held", 1)
    sluice.wait_count("waiting", 1)
    try:
        new.connect().close()
        raise AssertionError("an account that is no tester's is open on the target")
    except pymysql.MySQLError:
        pass
    run(fresh, "INSERT INTO app.ledger VALUES (77, 2)")
    assert sluice.count("held") == 1 and sluice.count("waiting") == 1
    sluice.ok("cutover", "go")
    out, err = asking.communicate(timeout=60)
    assert asking.returncode == 0, (out, err)
    assert held.result() == there
    late = newcomer.result()
    assert server_of(late) == there, "who was greeted and had to wait"
    assert server_of(other) == server_of(tester) == there
    assert set(new.sql("SELECT b FROM app.ledger WHERE a = 77")) == {(1,), (2,)}
    document = report(sluice)
    assert document["testers"]["accounts_unlocked"] >= 1, document["testers"]
    assert "wrote_what_is_undone" not in document["testers"], document["testers"]
    assert document["sessions"]["ended"] == 0, document["sessions"]


def no_go(sluice: Sluice, asking: "subprocess.Popen[str]", word: str = "no-go") -> str:
    sluice.ok("cutover", word)
    out, err = asking.communicate(timeout=60)
    assert asking.returncode == 1, (out, err)
    return err


@test(deadline=120, own=True, family=FAMILIES, shape=("one-way",))
def test_no_go(t: Case) -> None:
    """All is undone: testers' sessions go back; a transaction of theirs is rolled back; direct
    connections of theirs end; what they wrote is named."""
    old, new, sluice = stage(t, cutover=TESTERS, hold={"max": "60s"})
    here = old.one("SELECT @@server_id")
    writers = Writers(sluice, 2)
    writers.wait_for_more()
    tester = sluice.connect("plain", "plain-secret")
    idle = sluice.connect("plain", "plain-secret")
    asking = ask(sluice)
    at(idle, new.one("SELECT @@server_id"), "an idle tester has moved")
    direct = new.connect("plain", "plain-secret")
    assert "does not have" not in no_go(sluice, asking), "nobody wrote"
    as_before(old, new, sluice)
    assert server_of(tester) == server_of(idle) == here, "their sessions are back"
    try:
        run(direct, "SELECT 1")
        raise AssertionError("a tester's direct connection is left on the target")
    except pymysql.MySQLError:
        pass
    writers.wait_for_more()
    asking = ask(sluice)
    run(tester, "BEGIN")
    run(tester, "INSERT INTO app.ledger VALUES (78, 1)")
    run(idle, "INSERT INTO app.ledger VALUES (78, 2)")
    err = no_go(sluice, asking, "abort")
    assert "testers wrote on b1 what b0 does not have" in err, err
    as_before(old, new, sluice)
    try:
        run(tester, "COMMIT")
        raise AssertionError("the tester's transaction was rolled back")
    except pymysql.MySQLError as error:
        assert error.args[0] == 1213, error
    assert server_of(tester) == server_of(idle) == here
    assert new.sql("SELECT b FROM app.ledger WHERE a = 78") == [(2,)]
    document = report(sluice)
    assert document["testers"]["wrote_what_is_undone"], document["testers"]
    assert document["verdict"] == "undone"
    writers.verdict(old)
    answer = sluice.ctl("cutover", "start", "b1")
    assert answer.code == 1 and "errant" in answer.err, "what they wrote is on the target still"


@test(deadline=120, own=True, family=("mariadb",), shape=("both-ways",))
def test_no_go_both_ways(t: Case) -> None:
    """What testers wrote comes to the old server by replication, so that nothing is lost."""
    old, new, sluice = stage(t, cutover=TESTERS, hold={"max": "60s"})
    tester = sluice.connect("plain", "plain-secret")
    asking = ask(sluice)
    run(tester, "INSERT INTO app.ledger VALUES (79, 1)")
    err = no_go(sluice, asking)
    assert "has it by replication" in err and "does not have" not in err, err
    assert old.sql("SELECT b FROM app.ledger WHERE a = 79") == [(1,)]
    as_before(old, new, sluice)
    assert server_of(tester) == old.one("SELECT @@server_id")


@test(deadline=120, own=True, family=FAMILIES, shape=("one-way",))
def test_killed_while_they_are_in(t: Case) -> None:
    """After a crash they are shut out before anybody is let back in on the old server, also by a
    configuration that has no testers any more."""
    old, new, sluice = stage(t, cutover=TESTERS, hold={"max": "60s"})
    tester = sluice.connect("plain", "plain-secret")
    asking = ask(sluice)
    run(tester, "INSERT INTO app.ledger VALUES (80, 1)")
    direct = new.connect("plain", "plain-secret")
    run(direct, "INSERT INTO app.ledger VALUES (80, 2)")
    sluice.kill()
    asking.communicate(timeout=60)
    sluice.settings["cutover"] = {"watch": "0s"}
    sluice.start()
    client = sluice.connect()
    assert server_of(client) == old.one("SELECT @@server_id")
    try:
        run(direct, "INSERT INTO app.ledger VALUES (80, 3)")
        raise AssertionError("a tester's direct connection writes beside the old server's clients")
    except pymysql.MySQLError as error:
        assert error.args[0] != 1290, "it was ended, not only kept from writing"
    run(client, "INSERT INTO app.ledger VALUES (81, 1)")
    wait_until(lambda: sluice.ctl_json("cutover", "status")["state"] == "idle", 30, "the end")
    as_before(old, new, sluice)
    status = sluice.ctl_json("cutover", "status")
    assert status["ended"] == "undone" and "nobody knows what" in status["why"], status


@test(deadline=120, own=True, family=("mariadb",), shape=("one-way",))
def test_networks_and_options(t: Case) -> None:
    """By network, from a unix socket; without --ask testers have no effect, and that is said."""
    old, new, sluice = stage(t, cutover={"watch": "0s", "testers": [{"host": "unix"}]},
                             hold={"max": "60s"})
    there = new.one("SELECT @@server_id")
    by_unix = sluice.connect(unix_socket=str(sluice.unix))
    by_tcp = sluice.connect()
    rows = {row["name"]: row for row in sluice.ctl_json("cutover", "check", "b1")["rows"]}
    assert rows["testers"]["verdict"] == "GO", rows["testers"]
    asking = ask(sluice)
    at(by_unix, there, "a tester by its network")
    fresh = sluice.connect(unix_socket=str(sluice.unix))
    assert server_of(fresh) == there
    held = Background(server_of, by_tcp)
    newcomer = Background(sluice.connect)
    sluice.wait_count("held", 1)
    sluice.wait_count("waiting", 1)
    sluice.ok("pause", "--reason", "also")
    third = Background(server_of, fresh)
    sluice.wait_count("held", 2)
    sluice.ok("resume", "--reason", "also")
    assert third.result() == there, "another reason's end lets the tester go on"
    assert sluice.count("held") == 1
    no_go(sluice, asking)
    assert held.result() == server_of(newcomer.result()) == old.one("SELECT @@server_id")
    answer = sluice.ctl_start("cutover", "start", "b1")
    out, err = answer.communicate(timeout=60)
    assert answer.returncode == 0 and "WARN testers" in err and "--ask" in err, (out, err)
    assert "testers" not in report(sluice), "nobody was let in first"
