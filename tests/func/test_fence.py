"""Fence and hand on real servers: who is locked out, what is undone, what a time-out means."""
from __future__ import annotations

import os
import pathlib
import signal
import threading
import time

import pymysql

from lib import servers
from lib.case import Case, test
from lib.db import expect_error, run
from lib.probe import Probe, words
from lib.servers import Server
from lib.util import Background, wait_until

FAMILIES = ("mariadb", "mysql")
LOCKED = (4151, 3118)          # MariaDB, MySQL
READ_ONLY = (1290,)
NAMES = ("o''brien", "back\\slash", "sp ace", "ünï", 'quo"te', "back`tick")


def fenced(t: Case) -> tuple[Server, Probe]:
    server = t.own_server()
    probe = Probe(server)
    t.defer(probe.close)
    return server, probe


def locked_accounts(server: Server) -> set[str]:
    if server.family == "mysql":
        rows = server.sql("SELECT User, Host FROM mysql.user WHERE account_locked = 'Y'")
    else:
        rows = server.sql("SELECT User, Host FROM mysql.global_priv"
                          " WHERE JSON_VALUE(Priv, '$.account_locked') = 1")
    return {f"{u}@{h}" for u, h in rows}


def settings_of(server: Server) -> tuple[object, ...]:
    names = ["@@global.read_only", "@@global.event_scheduler"]
    if server.family == "mysql":
        names.append("@@global.super_read_only")
    return server.sql("SELECT " + ", ".join(names))[0]


def binlog_of(server: Server) -> object:
    show = "SHOW BINARY LOG STATUS" if server.family == "mysql" else "SHOW MASTER STATUS"
    return server.sql(show)[0][:2]


def only_applications_are_locked(t: Case, server: Server, probe: Probe) -> None:
    server.sql("CREATE USER dba@'%' IDENTIFIED BY 'x'")
    server.sql("GRANT SUPER ON *.* TO dba@'%'" if t.family == "mariadb" else
               "GRANT SYSTEM_VARIABLES_ADMIN ON *.* TO dba@'%'")
    server.sql("CREATE USER gone@'%' IDENTIFIED BY 'x' ACCOUNT LOCK")
    server.sql("CREATE ROLE somerole")
    server.sql("CREATE USER monitor@'10.%' IDENTIFIED BY 'x'")
    plan = probe.plan(keep=["monitor"])
    assert "plain@%" in plan and "nopass@%" in plan, plan
    for user in ("dba", "gone", "somerole", "monitor", "sluice", "root", "mysql.sys",
                 "mariadb.sys", "mysql.session", "app"):
        assert not any(p.startswith(user + "@") for p in plan), f"{user} in {plan}"
    # An application with rights like an administrator's is one all the same.
    assert "app@%" in probe.plan(keep=["monitor"], seen=["app"])


def undone_exactly(server: Server, probe: Probe) -> None:
    server.sql("CREATE USER asleep@'%' IDENTIFIED BY 'x' ACCOUNT LOCK")
    server.sql("SET GLOBAL event_scheduler = ON")
    before, was, log = locked_accounts(server), settings_of(server), binlog_of(server)
    plan = probe.plan(seen=["app"])
    probe("lock")
    probe("lock")
    assert locked_accounts(server) - before == plan, "just the plan"
    expect_error(LOCKED, server.connect)
    probe.refused("holds", "not read-only")
    probe("read_only")
    probe("holds")
    assert "OFF" in settings_of(server)
    probe("open")
    probe("open")
    assert (locked_accounts(server), settings_of(server)) == (before, was)
    assert binlog_of(server) == log, "nothing of it is in the binary log"
    server.connect().close()


def what_was_read_only_stays_so(t: Case, server: Server, probe: Probe) -> None:
    server.sql("SET GLOBAL super_read_only = 1" if t.family == "mysql" else
               "SET GLOBAL read_only = 1")
    was = settings_of(server)
    probe.plan(seen=["app"])
    probe("lock")
    probe("read_only")
    probe("holds")
    probe("open")
    assert settings_of(server) == was
    server.connect().close()
    server.sql("SET GLOBAL read_only = 0")


def a_restart_forgets_read_only(server: Server, probe: Probe) -> None:
    """What was read-only is so again before anybody is let in."""
    servers.read_only(server, True)
    before = settings_of(server)
    probe.plan()
    probe("lock")
    probe("read_only")
    servers.read_only(server, False)    # as a restart leaves it
    probe("open")
    assert settings_of(server) == before
    servers.read_only(server, False)


def awkward_names(server: Server, probe: Probe) -> None:
    for name in NAMES:
        server.sql("CREATE USER %s@'%%' IDENTIFIED BY 'x'", (name,))
    probe.plan()
    probe("lock")
    for name in NAMES:
        assert f"{name}@%" in locked_accounts(server), name
    probe("open")
    assert not any(f"{name}@%" in locked_accounts(server) for name in NAMES)


def one_account_unlocked_by_hand_is_seen(t: Case, server: Server, probe: Probe) -> None:
    probe.plan(seen=["app"])
    probe("lock")
    probe("read_only")
    if t.family == "mysql":
        server.sql("SET GLOBAL super_read_only = 0")
    server.sql("ALTER USER plain@'%' ACCOUNT UNLOCK")
    if t.family == "mysql":
        server.sql("SET GLOBAL super_read_only = 1")
    probe.refused("holds", "'plain'@'%' is not locked")
    server.sql("SET GLOBAL read_only = 0")
    server.sql("DROP USER plain@'%'")
    probe("read_only")
    probe("holds")
    probe("open")


@test(deadline=60, own=True, family=FAMILIES)
def test_accounts(t: Case) -> None:
    server, probe = fenced(t)
    only_applications_are_locked(t, server, probe)
    undone_exactly(server, probe)
    what_was_read_only_stays_so(t, server, probe)
    a_restart_forgets_read_only(server, probe)
    awkward_names(server, probe)
    one_account_unlocked_by_hand_is_seen(t, server, probe)
    server.sql("CREATE USER weak@'%' IDENTIFIED BY 'weak-secret'")
    weak = Probe(server, "weak", "weak-secret")
    t.defer(weak.close)
    weak.refused("plan - -", "weak")


@test(deadline=60, own=True, family=FAMILIES)
def test_direct_clients_go_and_do_not_come_back(t: Case) -> None:
    """A client that writes in a tight loop, connecting anew each time it is thrown out."""
    server, probe = fenced(t)
    ours, own_app = server.connect("plain", "plain-secret"), server.connect()
    run(own_app, "CREATE TABLE app.loop_t (id INT AUTO_INCREMENT PRIMARY KEY)")
    stop = threading.Event()
    written: list[float] = []

    def hammer() -> None:
        while not stop.is_set():
            try:
                client = server.connect(connect_timeout=5)
                while not stop.is_set():
                    run(client, "INSERT INTO app.loop_t VALUES ()")
                    written.append(time.monotonic())
            except pymysql.MySQLError:
                pass

    loop = Background(hammer)
    t.defer(stop.set)
    wait_until(lambda: len(written) > 50, 10, "some writes")
    keep = [ours.thread_id(), own_app.thread_id()]
    probe.plan(seen=["app"])
    probe("lock")
    wait_until(lambda: probe(f"kill {words(sorted(keep))}") == "0", 10, "the last direct client")
    count = server.one("SELECT COUNT(*) FROM app.loop_t")
    run(ours, "SELECT 1")
    run(own_app, "SELECT 1")
    probe("read_only")
    expect_error(READ_ONLY, lambda: run(ours, "INSERT INTO app.loop_t VALUES ()"))
    assert server.one("SELECT COUNT(*) FROM app.loop_t") == count >= len(written)
    probe("open")
    wait_until(lambda: len(written) > count, 10, "the client is let in again")
    stop.set()
    loop.result()
    ours.close()
    own_app.close()


@test(deadline=60, own=True, family=FAMILIES)
def test_a_fence_that_blocks_names_the_blocker(t: Case) -> None:
    server, probe = fenced(t)
    holder = server.connect()
    run(holder, "CREATE TABLE app.held (id INT)")
    probe.plan()
    probe("lock")
    write = Background(run, holder, "INSERT INTO app.held SELECT SLEEP(60)")
    wait_until(lambda: server.sql("SELECT 1 FROM information_schema.PROCESSLIST WHERE"
                                  " INFO LIKE 'INSERT INTO app.held%%'"), 10, "the long write")
    reason = probe.refused("read_only", "waits behind another connection")
    assert f" {holder.thread_id()} (app@" in reason, reason
    probe.refused("holds", "not read-only")
    server.sql(f"KILL {holder.thread_id()}")
    write.wait()
    probe("read_only")
    probe("holds")


@test(deadline=60, own=True, family=FAMILIES)
def test_late_statements(t: Case) -> None:
    """What timed out is killed and gone before anything else is sent to that server."""
    server, probe = fenced(t)
    server.sql("CREATE TABLE app.late (id INT PRIMARY KEY)")
    server.sql("INSERT INTO app.late VALUES (1)")
    holder = server.connect()
    run(holder, "BEGIN")
    run(holder, "SELECT * FROM app.late FOR UPDATE")
    probe.refused("hand 300 UPDATE app.late SET id = 2", "does not answer")
    assert probe("hand 10000 SELECT COUNT(*) FROM information_schema.PROCESSLIST"
                 " WHERE INFO LIKE 'UPDATE app.late%'") == "0"
    run(holder, "COMMIT")
    assert server.one("SELECT id FROM app.late") == 1, "it did not happen after all"
    holder.close()
    # A connection that is lost is as unsure, and the errand is done again on a new one.
    first = probe("hand 10000 SELECT CONNECTION_ID()")
    server.sql(f"KILL {first}")
    wait_until(lambda: not server.sql("SELECT 1 FROM information_schema.PROCESSLIST WHERE ID ="
                                      f" {first}"), 10, "the kill")
    assert probe("hand 10000 SELECT CONNECTION_ID()") != first
    stands_still(server, probe)


@test(deadline=60, own=True, family=FAMILIES)
def test_statements_of_a_process_before(t: Case) -> None:
    """One that was killed may have left a statement behind: it is gone before anything is sent."""
    server, probe = fenced(t)
    server.sql("CREATE TABLE app.late (id INT PRIMARY KEY)")
    server.sql("INSERT INTO app.late VALUES (1)")
    holder = server.connect()
    run(holder, "BEGIN")
    run(holder, "SELECT * FROM app.late FOR UPDATE")
    before = Probe(server)
    before.refused("hand 300 UPDATE app.late SET id = 2", "does not answer")
    before.process.kill()
    before.process.wait()
    late = "SELECT COUNT(*) FROM information_schema.PROCESSLIST WHERE INFO LIKE 'UPDATE app.late%'"
    assert probe(f"hand 10000 {late}") == "1", "it goes on without its client"
    assert probe(f"doubt 10000 {late}") == "0"
    assert probe("hand 10000 SELECT 7") == "7"
    run(holder, "COMMIT")
    assert server.one("SELECT id FROM app.late") == 1, "it did not happen after all"
    holder.close()


@test(deadline=60, own=True, family=FAMILIES)
def test_number_of_before_a_restart(t: Case) -> None:
    """A server that restarts counts from the beginning again: the lost connection's number is
    somebody else's, who must not be killed to make sure of it."""
    server, probe = fenced(t)
    number = int(probe("hand 10000 SELECT CONNECTION_ID()"))
    server.stop(9)
    server.start(server.extra, port=server.port)
    others = [server.connect()]
    while others[-1].thread_id() < number:
        others.append(server.connect())
    assert number in {other.thread_id() for other in others}, "nobody has the number"
    assert probe("hand 10000 SELECT 7") == "7"
    for other in others:
        run(other, "SELECT 1")


def stands_still(server: Server, probe: Probe) -> None:
    """A stopped process: the hand is back in time, and sure only when the server answers again."""
    assert server.process is not None
    os.kill(server.process.pid, signal.SIGSTOP)
    tasks = pathlib.Path(f"/proc/{server.process.pid}/task")
    wait_until(lambda: all(") T " in (t / "stat").read_text() for t in tasks.iterdir()), 10,
               "every thread of the server to stand still")
    began = time.monotonic()
    probe.refused("hand 300 UPDATE app.late SET id = 3", "does not answer")
    probe.refused("hand 300 SELECT 1", "does not answer")
    assert time.monotonic() - began < 5
    os.kill(server.process.pid, signal.SIGCONT)
    # It may have come through before it was killed; but it is decided now.
    now = probe("hand 20000 SELECT id FROM app.late")
    assert now in ("1", "3") and now == probe("hand 10000 SELECT id FROM app.late")
