"""Pause and resume: what is held, what goes on, what a held client sees."""
from __future__ import annotations

import time
from typing import Any

from lib.case import Case, test
from lib.db import expect_error, one, run, table
from lib.raw import BASIC, CLOSE, EXECUTE, LONG_DATA, PING, PREPARE, QUERY, Raw, packet
from lib.util import Background, wait_until

FAMILIES = ("mariadb", "mysql")
HELD = (1053,)
REFUSED = (1040,)


def prime(t: Case) -> None:
    """Warms caching_sha2_password's cache, for the raw client."""
    t.server.connect().close()


@test(family=FAMILIES)
def test_pause_resume(t: Case) -> None:
    """A new unit of work and a new connection wait; both go on at resume as if nothing was."""
    database = t.database()
    sluice = t.sluice()
    client = sluice.connect(database=database)
    table(client, "p")
    sluice.ok("pause")
    held = Background(run, client, "INSERT INTO p (v) VALUES (1)")
    late = Background(sluice.connect, database=database)
    sluice.wait_count("held", 1)
    sluice.wait_count("waiting", 1)
    assert held.running() and late.running()
    assert t.server.one(f"SELECT COUNT(*) FROM {database}.p") == 0, "a held command was executed"
    sluice.ok("resume")
    held.result()
    assert one(late.result(), "SELECT COUNT(*) FROM p") == 1
    assert one(client, "SELECT COUNT(*) FROM p") == 1


@test(family=FAMILIES)
def test_transaction_goes_on(t: Case) -> None:
    """A transaction that is open at pause runs to its end; only then is the session held."""
    database = t.database()
    sluice = t.sluice()
    client = sluice.connect(database=database, autocommit=False)
    table(client, "p")
    run(client, "INSERT INTO p (v) VALUES (1)")
    sluice.ok("pause")
    run(client, "INSERT INTO p (v) VALUES (2)")
    assert one(client, "SELECT COUNT(*) FROM p") == 2
    client.commit()
    assert t.server.one(f"SELECT COUNT(*) FROM {database}.p") == 2
    held = Background(run, client, "SELECT 1")
    sluice.wait_count("held", 1)
    sluice.ok("resume")
    assert held.result() == [(1,)]


@test()
def test_running_read_finishes(t: Case) -> None:
    sluice = t.sluice()
    client = sluice.connect()
    reading = Background(one, client, "SELECT SLEEP(1.5)")
    sluice.wait_count("busy", 1)
    begin = time.monotonic()
    sluice.ok("pause")
    assert time.monotonic() - begin < 1, "pause waited for a running read"
    assert reading.result() == 0
    sluice.ok("resume")


@test()
def test_pause_for(t: Case) -> None:
    """--for ends by itself."""
    sluice = t.sluice()
    client = sluice.connect()
    begin = time.monotonic()
    sluice.ok("pause", "--for", "800ms")
    held = Background(one, client, "SELECT 5")
    assert held.result(10, "pause --for to end by itself") == 5
    assert time.monotonic() - begin > 0.7, "was not held"
    assert sluice.ctl("resume").code == 1, "nothing was left to resume"


@test()
def test_reasons(t: Case) -> None:
    """Ending one reason never ends another's."""
    sluice = t.sluice()
    client = sluice.connect()
    sluice.ok("pause", "--reason", "backup")
    sluice.ok("pause", "--reason", "failover")
    held = Background(one, client, "SELECT 6")
    sluice.wait_count("held", 1)
    shown = sluice.ok("show", "status").out
    assert "backup" in shown and "failover" in shown, shown
    sluice.ok("resume", "--reason", "backup")
    assert sluice.count("held") == 1 and held.running()
    missing = sluice.ctl("resume", "--reason", "backup")
    assert missing.code == 1 and "backup" in missing.err, repr(missing)
    sluice.ok("resume", "--reason", "failover")
    assert held.result() == 6


@test(how=("close", "reset", "half"))
def test_hang_up_while_held(t: Case) -> None:
    """The command of a held client that hung up is never executed."""
    database = t.database()
    sluice = t.sluice()
    setup = sluice.connect(database=database)
    table(setup, "h")
    raw = Raw(sluice.port).login("app", "app-secret", database)
    sluice.ok("pause")
    whole = packet(0, bytes([QUERY]) + b"INSERT INTO h (v) VALUES (1)")
    raw.send(whole[:12] if t.how == "half" else whole)
    if t.how == "half":
        # Half a command is not a unit of work that anybody could finish.
        wait_until(lambda: len(sluice.sessions()) == 2, 5, "both sessions to be shown")
    else:
        sluice.wait_count("held", 1)
    raw.reset() if t.how == "reset" else raw.close()
    wait_until(lambda: len(sluice.sessions()) == 1, 10, "the session to be gone")
    sluice.ok("resume")
    assert one(setup, "SELECT COUNT(*) FROM h") == 0, "the command of a dead client was executed"


@test()
def test_new_connection_hangs_up(t: Case) -> None:
    sluice = t.sluice()
    sluice.ok("pause")
    raws = [Raw(sluice.port) for _ in range(5)]
    sluice.wait_count("waiting", 5)
    for i, raw in enumerate(raws):
        raw.reset() if i % 2 else raw.close()
    sluice.wait_count("waiting", 0)
    sluice.ok("resume")
    sluice.connect().close()


@test(family=FAMILIES)
def test_hold_max(t: Case) -> None:
    """Held for longer than hold.max: 1053 for sessions, 1040 for new connections."""
    prime(t)
    sluice = t.sluice(hold={"max": "700ms"})
    client = sluice.connect()
    raw = Raw(sluice.port).login("app", "app-secret")
    sluice.ok("pause")
    held = Background(run, client, "SELECT 1")
    late = Background(sluice.connect)
    raw.command(QUERY, b"SELECT 2")
    expect_error(HELD, held.result, "sluice")
    expect_error(REFUSED, late.result)
    answer = raw.read()[1]
    assert answer[:1] == b"\xff" and answer[3:9] == b"#08S01", f"not 08S01: {answer!r}"
    fresh = Raw(sluice.port)
    answer = fresh.read()[1]
    # Before the greeting a server's error has no SQLSTATE, so sluice's has none either.
    assert answer[:3] == b"\xff\x10\x04" and b"sluice" in answer, f"{answer!r}"
    sluice.ok("resume")
    assert one(sluice.connect(), "SELECT 1") == 1


@test()
def test_hold_max_sessions(t: Case) -> None:
    """Too many held: the next gets the error at once."""
    sluice = t.sluice(hold={"max": "30s", "max_sessions": 2})
    clients = [sluice.connect() for _ in range(3)]
    sluice.ok("pause")
    held = [Background(run, c, "SELECT 1") for c in clients[:2]]
    sluice.wait_count("held", 2)
    begin = time.monotonic()
    expect_error(HELD, lambda: run(clients[2], "SELECT 1"), "sluice")
    expect_error(REFUSED, sluice.connect)
    assert time.monotonic() - begin < 5, "waited before it refused"
    sluice.ok("resume")
    for item in held:
        item.result()


@test()
def test_max_sessions(t: Case) -> None:
    sluice = t.sluice(max_sessions=3)
    clients = [sluice.connect() for _ in range(3)]
    expect_error(REFUSED, sluice.connect)
    clients.pop().close()
    wait_until(lambda: len(sluice.sessions()) == 2, 5, "the session to be gone")
    sluice.connect().close()


def prepare(raw: Raw, sql: bytes) -> int:
    raw.command(PREPARE, sql)
    first = raw.answer()
    columns, parameters = (int.from_bytes(first[a:a + 2], "little") for a in (5, 7))
    for count in (parameters, columns):
        for _ in range(count + 1 if count else 0):
            raw.read()
    return int.from_bytes(first[1:5], "little")


@test(family=FAMILIES)
def test_cursor_is_not_held(t: Case) -> None:
    """An open cursor is part of a unit of work: fetches go on while the gate is closed."""
    prime(t)
    sluice = t.sluice()
    raw = Raw(sluice.port).login("app", "app-secret", "app", BASIC)
    number = prepare(raw, b"SELECT id FROM nums WHERE id <= 20 ORDER BY id").to_bytes(4, "little")
    raw.command(EXECUTE, number + b"\x01\x01\0\0\0")
    first = raw.answer()
    for _ in range(first[0]):
        raw.read()
    status = raw.read()[1]
    assert status[:1] == b"\xfe" and status[3] & 0x40, f"no cursor: {status!r}"
    sluice.ok("pause")
    rows = 0
    done = False
    while not done:
        raw.command(0x1C, number + (7).to_bytes(4, "little"))
        while True:
            payload = raw.answer()
            if payload[:1] == b"\xfe" and len(payload) < 9:
                done = bool(payload[3] & 0x80)
                break
            rows += 1
    assert rows == 20
    raw.command(CLOSE, number)
    raw.command(PING)
    sluice.wait_count("held", 1)
    sluice.ok("resume")
    assert raw.answer()[:1] == b"\0"


@test(family=FAMILIES)
def test_long_data_is_not_held(t: Case) -> None:
    prime(t)
    sluice = t.sluice()
    raw = Raw(sluice.port).login("app", "app-secret", "app", BASIC)
    number = prepare(raw, b"SELECT LENGTH(?)").to_bytes(4, "little")
    raw.command(LONG_DATA, number + b"\0\0" + b"z" * 1000)
    raw.command(LONG_DATA, number + b"\0\0" + b"z" * 500)
    wait_until(lambda: "long_data_pending" in sluice.ok("show", "obstacles").out, 5,
               "the obstacle long_data_pending")
    sluice.ok("pause")
    raw.command(EXECUTE, number + b"\0\x01\0\0\0" + b"\0" + b"\x01" + b"\xfc\0")
    first = raw.answer()
    assert first[0] == 1, f"{first!r}"
    sluice.ok("resume")
    raw.close()


@test()
def test_diagnostics_pass(t: Case) -> None:
    """SHOW WARNINGS while the gate is closed still belongs to the statement before."""
    sluice = t.sluice()
    client = sluice.connect()
    run(client, "SELECT CAST('12x' AS SIGNED)")
    sluice.ok("pause")
    warnings = Background(run, client, "SHOW WARNINGS").result(5, "SHOW WARNINGS while paused")
    assert warnings and warnings[0][1] == 1292, warnings
    held = Background(run, client, "SELECT 1")
    sluice.wait_count("held", 1)
    sluice.ok("resume")
    held.result()


@test(family=FAMILIES)
def test_pipelining(t: Case) -> None:
    """Commands sent without waiting: answered in order, held from the first that must wait."""
    prime(t)
    sluice = t.sluice()
    raw = Raw(sluice.port).login("app", "app-secret")
    many = b"".join(packet(0, bytes([QUERY]) + f"SELECT {i}, REPEAT('p', 3000)".encode())
                    for i in range(60))
    raw.send(many)
    for i in range(60):
        assert raw.result()[0][0] == str(i)
    sluice.ok("pause")
    raw.send(b"".join(packet(0, bytes([QUERY]) + f"SELECT {i}".encode()) for i in range(9)))
    sluice.wait_count("held", 1)
    sluice.ok("resume")
    for i in range(9):
        assert raw.result()[0][0] == str(i)
    raw.send(packet(0, bytes([QUERY]) + b"SELECT SLEEP(0.3)") + packet(0, bytes([QUERY])
             + b"SELECT 'second'") + packet(0, b"\x01"))
    assert raw.result() == [["0"]]
    assert raw.result() == [["second"]]
    assert raw.is_closed(), "QUIT at the end of a pipeline was lost"


@test()
def test_big_command_held(t: Case) -> None:
    """A 20 MiB statement that arrives while the gate is closed: memory does not take it all."""
    from lib.util import resident_kib
    database = t.database()
    sluice = t.sluice(variant="release")
    client = sluice.connect(database=database, max_allowed_packet=64 << 20)
    run(client, "CREATE TABLE big (v LONGBLOB)")
    sluice.ok("pause")
    before = resident_kib(sluice.process.pid)   # type: ignore[union-attr]
    held = Background(run, client, "INSERT INTO big VALUES (_binary %s)", (b"b" * (20 << 20),))
    sluice.wait_count("held", 1)
    grown = resident_kib(sluice.process.pid) - before   # type: ignore[union-attr]
    assert grown < 4096, f"the process grew by {grown} KiB for a held command"
    sluice.ok("resume")
    held.result(30)
    assert one(client, "SELECT LENGTH(v) FROM big") == 20 << 20


def obstacles_of(sluice: Any, client: Any) -> list[str]:
    return list(sluice.session_of(client.thread_id()).get("obstacles") or [])


@test(family=FAMILIES)
def test_obstacles_shown(t: Case) -> None:
    """show sessions and show obstacles name why a session cannot stop or move."""
    database = t.database()
    sluice = t.sluice()
    table(sluice.connect(database=database), "o")
    cases = {
        "in_transaction": ("BEGIN", "ROLLBACK"),
        "temporary_table": ("CREATE TEMPORARY TABLE tt (a INT)", ""),
        "user_lock": ("SELECT GET_LOCK('sluice-test', 0)", ""),
        "lock_tables": ("LOCK TABLES o READ", "UNLOCK TABLES"),
        "handler_open": ("HANDLER o OPEN", ""),
        "sql_prepare": ("PREPARE s FROM 'SELECT 1'", ""),
        "next_transaction_set": ("SET TRANSACTION READ ONLY", "COMMIT"),
    }
    for name, (begin, end) in cases.items():
        client = sluice.connect(database=database)
        run(client, begin)
        assert name in obstacles_of(sluice, client), f"{begin}: {obstacles_of(sluice, client)}"
        assert name in sluice.ok("show", "obstacles").out
        found = sluice.sessions("--obstacle", name)
        assert len(found) == 1, f"--obstacle {name}: {found}"
        if end:
            run(client, end)
            wait_until(lambda: name not in obstacles_of(sluice, client), 5, f"{end} to clear it")
        client.close()
