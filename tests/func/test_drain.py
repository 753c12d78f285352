"""The ladder, kill, and KILL by a client's own connection id."""
from __future__ import annotations

import json
import os
import signal
import subprocess
from typing import Any

import pymysql

from lib import clients
from lib.case import Case, test
from lib.clients import Target
from lib.db import expect_error, one, run, table
from lib.raw import Raw
from lib.sluice import Sluice, find_keys
from lib.util import Background, wait_until

FAMILIES = ("mariadb", "mysql")
ENDED = (1053,)
GONE = (1053, 2006, 2013)      # what PyMySQL says when the connection closes under it
COUNTS = ("sessions", "settled", "ended_well", "aborted", "killed", "gone", "reading", "left")


def drain(sluice: Sluice, *more: str) -> dict[str, Any]:
    """The counts of a drain, which must add up."""
    return checked(sluice.ctl_json("drain", *more))


def finished(work: "subprocess.Popen[str]") -> dict[str, Any]:
    """The counts of a drain that was started with ctl_start."""
    output, problem = work.communicate(timeout=30)
    assert work.returncode == 0, problem
    return checked(json.loads(output.splitlines()[-1]))


def checked(document: Any) -> dict[str, Any]:
    counts = find_keys(document, *COUNTS)
    assert counts, f"no counts in {document}"
    numbers = {key: int(counts[key]) for key in COUNTS}
    total = sum(numbers[key] for key in COUNTS[1:])
    assert total == numbers["sessions"], f"the counts do not add up: {numbers}"
    return numbers


@test(family=FAMILIES)
def test_ladder(t: Case) -> None:
    """Idle, reading, a transaction that ends in time, one that does not: each has its place."""
    database = t.database()
    sluice = t.sluice()
    idle, reading, good, late = (sluice.connect(database=database) for _ in range(4))
    table(idle, "d")
    read = Background(one, reading, "SELECT SLEEP(2.5)")
    for client, value in ((good, 1), (late, 2)):
        client.begin()
        run(client, "INSERT INTO d (v) VALUES (%s)", (value,))
    sluice.wait_count("busy", 3)
    sluice.ok("pause")
    work = sluice.ctl_start("--json", "drain", "--wait", "1s", "--then", "abort")
    assert work.stderr is not None and "progress" in work.stderr.readline(), "no progress shown"
    run(good, "UPDATE d SET v = v + 10 WHERE id = 1")   # not the row that `late` has locked
    good.commit()
    numbers = finished(work)
    assert numbers == {"sessions": 4, "settled": 1, "ended_well": 1, "aborted": 1, "killed": 0,
                       "gone": 0, "reading": 1, "left": 0}, numbers
    text = expect_error((1213,), lambda: run(late, "UPDATE d SET v = 99 WHERE id = 2"))
    assert "sluice" in text.lower() or "deadlock" in text.lower(), text
    sluice.ok("resume")
    assert run(late, "SELECT v FROM d") == [(11,)], "the session does not live on, or no rollback"
    assert read.result() == 0
    assert one(idle, "SELECT 1") == 1


@test(family=FAMILIES)
def test_abort_state(t: Case) -> None:
    """The error of an aborted transaction is 1213 with SQLSTATE 40001."""
    t.server.connect().close()
    database = t.database()
    sluice = t.sluice()
    raw = Raw(sluice.port).login("app", "app-secret", database)
    raw.query("CREATE TABLE a (v INT) ENGINE=InnoDB")
    raw.query("BEGIN")
    raw.query("INSERT INTO a VALUES (1)")
    sluice.ok("pause")
    assert drain(sluice, "--wait", "0s", "--then", "abort")["aborted"] == 1
    raw.command(3, b"COMMIT")
    answer = raw.read()[1]
    assert answer[:9] == b"\xff\xbd\x04#40001", f"{answer!r}"
    sluice.ok("resume")
    assert raw.query("SELECT COUNT(*) FROM a") == [["0"]]


@test(family=FAMILIES)
def test_abort_running_statement(t: Case) -> None:
    """A statement that runs in a transaction is ended too; the session gets 1213 and lives."""
    database = t.database()
    sluice = t.sluice()
    client = sluice.connect(database=database)
    table(client, "d")
    client.begin()
    run(client, "INSERT INTO d (v) VALUES (1)")
    running = Background(one, client, "SELECT COUNT(*) FROM d WHERE SLEEP(60)")
    wait_until(lambda: t.server.one("SELECT COUNT(*) FROM information_schema.PROCESSLIST WHERE"
                                    " INFO LIKE %s", (f"%SLEEP(60)%{''}",)) >= 2, 10,
               "the statement to run on the server")
    sluice.ok("pause")
    numbers = drain(sluice, "--wait", "200ms", "--then", "abort")
    assert numbers["aborted"] == 1, numbers
    expect_error((1213,), running.result)
    sluice.ok("resume")
    assert one(client, "SELECT COUNT(*) FROM d") == 0


@test(family=FAMILIES)
def test_then_kill(t: Case) -> None:
    database = t.database()
    sluice = t.sluice()
    client = sluice.connect(database=database)
    table(client, "d")
    client.begin()
    run(client, "INSERT INTO d (v) VALUES (1)")
    sluice.ok("pause")
    numbers = drain(sluice, "--wait", "0s", "--then", "kill")
    assert numbers["killed"] == 1, numbers
    expect_error(GONE, lambda: run(client, "SELECT 1"))
    sluice.ok("resume")
    wait_until(lambda: t.server.one(f"SELECT COUNT(*) FROM {database}.d") == 0, 5, "the rollback")


@test()
def test_then_wait(t: Case) -> None:
    """`wait` never ends anybody; the command returns at its time-out with what is left."""
    sluice = t.sluice()
    client = sluice.connect()
    client.begin()
    one(client, "SELECT COUNT(*) FROM app.nums")
    sluice.ok("pause")
    result = sluice.ctl("drain", "--wait", "100ms", "--then", "wait", "--timeout", "700ms")
    assert result.code == 1, f"a drain with a session left is not done: {result!r}"
    assert one(client, "SELECT 3") == 3
    client.commit()
    assert drain(sluice, "--wait", "100ms", "--then", "wait")["left"] == 0
    sluice.ok("resume")


@test()
def test_needs_closed_gate(t: Case) -> None:
    sluice = t.sluice()
    result = sluice.ctl("drain")
    assert result.code == 1 and result.err, repr(result)


@test()
def test_rules(t: Case) -> None:
    """The first rule that matches decides: by user at once, by age, the rest as configured."""
    rules = [{"match": {"user": "plain"}, "wait": "0s", "then": "kill"},
             {"match": {"database": "app"}, "wait": "0s", "then": "abort"},
             {"match": {"older_than": "1h"}, "wait": "0s", "then": "kill"}]
    sluice = t.sluice(drain={"wait": "900ms", "then": "abort", "rules": rules})
    killed = sluice.connect("plain", "plain-secret")
    aborted = sluice.connect(database="app")
    patient = sluice.connect()
    for client in (killed, aborted, patient):
        client.begin()
        one(client, "SELECT COUNT(*) FROM app.nums")
    sluice.ok("pause")
    work = sluice.ctl_start("--json", "drain")
    assert work.stderr is not None and "progress" in work.stderr.readline(), "no progress shown"
    expect_error((1213,), lambda: wait_until(lambda: run(aborted, "SELECT 1") and False, 5, ""))
    patient.commit()
    numbers = finished(work)
    assert (numbers["killed"], numbers["aborted"], numbers["ended_well"]) == (1, 1, 1), numbers
    expect_error(GONE, lambda: run(killed, "SELECT 1"))
    sluice.ok("resume")
    assert one(patient, "SELECT 1") == 1 and one(aborted, "SELECT 1") == 1


def alive(client: pymysql.Connection) -> bool:
    try:
        return one(client, "SELECT 1") == 1
    except pymysql.MySQLError as error:
        assert error.args[0] in GONE + (0,), error.args
        return False
    except AttributeError:      # PyMySQL after a connection that it has closed
        return False


@test(by=("id", "user", "host", "older", "all"))
def test_kill(t: Case) -> None:
    """kill ends those that match and no others, also in the middle of a statement."""
    sluice = t.sluice()
    other = sluice.connect(bind_address="127.0.0.9")
    victim = sluice.connect("plain", "plain-secret", bind_address="127.0.0.5")
    running = Background(one, victim, "SELECT SLEEP(60)")
    sluice.wait_count("busy", 1)
    row = sluice.session_of(victim.thread_id())
    argument = {"id": [str(row["id"])], "user": ["--user", "plain"],
                "host": ["--host", "127.0.0.5"], "older": ["--older", "0s"],
                "all": ["--all"]}[t.by]
    sluice.ok("kill", *argument)
    expect_error(GONE, running.result)
    spared = t.by in ("id", "user", "host")
    assert alive(other) == spared, "the wrong session was ended"
    wait_until(lambda: t.server.one("SELECT COUNT(*) FROM information_schema.PROCESSLIST WHERE"
                                    " USER = 'plain' AND INFO LIKE '%SLEEP(60)%'") == 0, 10,
               "the server's statement to be ended")
    if t.by == "id":
        assert sluice.ctl("kill", *argument).code == 1, "killed a session that is gone"


@test()
def test_kill_idle_text(t: Case) -> None:
    """An idle session that is killed finds 1053 waiting for it."""
    sluice = t.sluice()
    raw = Raw(sluice.port).login("app", "app-secret")
    sluice.ok("kill", "--user", "app")
    answer = raw.read()[1]
    assert answer[:9] == b"\xff\x1d\x04#08S01" and b"sluice" in answer.lower(), f"{answer!r}"
    assert raw.is_closed()


@test(family=FAMILIES, how=("KILL QUERY", "KILL", "COM_PROCESS_KILL"))
def test_kill_by_connection_id(t: Case) -> None:
    """A client's KILL of the id that it knows from CONNECTION_ID() ends the right one."""
    if t.how == "COM_PROCESS_KILL" and t.family == "mysql":
        from lib.util import Skip
        raise Skip("MySQL 9 has no COM_PROCESS_KILL")
    sluice = t.sluice()
    victim, killer, bystander = (sluice.connect() for _ in range(3))
    number = one(victim, "SELECT CONNECTION_ID()")
    running = Background(one, victim, "SELECT SLEEP(60)")
    sluice.wait_count("busy", 1)
    if t.how == "COM_PROCESS_KILL":
        killer.kill(number)
    else:
        run(killer, f"{t.how} {number}")
    if t.how == "KILL QUERY":
        try:
            assert running.result() == 1
        except pymysql.MySQLError as error:
            assert error.args[0] == 1317, error.args
        assert one(victim, "SELECT 9") == 9, "the session does not go on"
    else:
        expect_error((1317, 1927, 2006, 2013, 1053), running.result)
    assert one(bystander, "SELECT 1") == 1 and one(killer, "SELECT 1") == 1
    unknown = expect_error((1094,), lambda: run(killer, "KILL 4000000"))
    assert "4000000" in unknown


def interrupted(argv: list[str], server: Any) -> str:
    """Runs a client, sends SIGINT while it sleeps on the server, and returns what it printed."""
    client = subprocess.Popen(argv, stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                              stderr=subprocess.STDOUT, text=True)
    assert client.stdin is not None
    client.stdin.write("SELECT SLEEP(55);\nSELECT CONCAT('went', ' on');\n")
    client.stdin.flush()
    wait_until(lambda: server.one("SELECT COUNT(*) FROM information_schema.PROCESSLIST WHERE"
                                  " INFO = 'SELECT SLEEP(55)'") == 1, 10, "the sleep to run")
    os.kill(client.pid, signal.SIGINT)
    client.stdin.close()
    client.stdin = None
    output, _ = client.communicate(timeout=20)
    return output


@test(family=FAMILIES, client=("mariadb", "mysql"))
def test_ctrl_c(t: Case) -> None:
    """Ctrl-C interrupts the statement and the session goes on."""
    t.server.connect().close()
    sluice = t.sluice()
    argv_of = clients.mysql_argv if t.client == "mysql" else clients.mariadb_argv
    argv = argv_of(Target(sluice.port, "", False), "--force", "--unbuffered", "-N")
    output = interrupted(argv, t.server)
    assert "went on" in output, output
