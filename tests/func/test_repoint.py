"""Which backend is active: durable, refused while traffic flows, waited for when it is away."""
from __future__ import annotations

import time

import pymysql

from lib.case import Case, test
from lib.db import expect_error, one, run
from lib.raw import Raw
from lib.util import Background, free_port, wait_until

ENDED = (1053, 2006, 2013)


def servers_two(t: Case) -> tuple:
    return t.own_server(server_id=101), t.own_server(server_id=102)


@test(own=True, family=("mariadb", "mysql"))
def test_by_hand(t: Case) -> None:
    """Pause, repoint, resume: held new connections and old sessions go to the new server."""
    first, second = servers_two(t)
    sluice = t.sluice(first, second)
    old, busy = sluice.connect(), sluice.connect()
    assert one(old, "SELECT @@server_id") == 101
    sluice.ok("pause")
    late = Background(sluice.connect)
    sluice.wait_count("waiting", 1)
    held = Background(one, busy, "SELECT @@server_id")
    sluice.wait_count("held", 1)
    sluice.ok("repoint", "b1")
    assert late.running() and held.running(), "repoint let somebody go"
    sluice.ok("resume")
    assert one(late.result(), "SELECT @@server_id") == 102
    assert held.result() == 102 and one(old, "SELECT @@server_id") == 102
    assert one(sluice.connect(), "SELECT @@server_id") == 102
    wait_until(lambda: first.connections_of("app") == 0, 10, "no link to the old server")
    assert "b1" in sluice.ok("show", "status").out


@test(own=True)
def test_survives_kill9(t: Case) -> None:
    first, second = servers_two(t)
    sluice = t.sluice(first, second)
    sluice.ok("pause")
    sluice.ok("repoint", "b1")
    sluice.kill9()
    sluice.start()
    assert one(sluice.connect(), "SELECT @@server_id") == 102, "kill -9 undid the repoint"
    sluice.ok("pause")
    sluice.ok("repoint", "b0")
    sluice.ok("resume")
    sluice.stop()
    sluice.start()
    assert one(sluice.connect(), "SELECT @@server_id") == 101


@test(own=True)
def test_refused_while_open(t: Case) -> None:
    first, second = servers_two(t)
    sluice = t.sluice(first, second)
    client = sluice.connect()
    refused = sluice.ctl("repoint", "b1")
    assert refused.code == 1 and refused.err.strip(), repr(refused)
    assert one(sluice.connect(), "SELECT @@server_id") == 101 and one(client, "SELECT 1") == 1
    assert sluice.ctl("repoint", "nowhere", "--force").code == 1
    sluice.ok("repoint", "b1", "--force")
    assert one(sluice.connect(), "SELECT @@server_id") == 102


@test(own=True)
def test_transaction_on_old_ends_well(t: Case) -> None:
    """With --force, a transaction on the old server still commits there; then the session moves."""
    first, second = servers_two(t)
    sluice = t.sluice(first, second)
    client = sluice.connect(database="app")
    run(client, "CREATE TABLE f (v INT) ENGINE=InnoDB")
    client.begin()
    run(client, "INSERT INTO f VALUES (1)")
    sluice.ok("repoint", "b1", "--force")
    run(client, "INSERT INTO f VALUES (2)")
    client.commit()
    assert first.one("SELECT COUNT(*) FROM app.f") == 2
    assert one(client, "SELECT @@server_id") == 102


@test(own=True)
def test_backend_late(t: Case) -> None:
    """A backend that is away at the start: clients wait, and go on when it comes."""
    server = t.own_server()
    port = server.port
    server.stop()
    sluice = t.sluice(server, hold={"max": "20s"})
    late = Background(sluice.connect)
    wait_until(lambda: len(sluice.sessions()) == 1, 10, "the client to be shown")
    assert late.running()
    server.start(port=port)
    assert one(late.result(), "SELECT 1") == 1


@test()
def test_backend_never(t: Case) -> None:
    """No backend within hold.max: a clear error, and not before."""
    sluice = t.prepare(hold={"max": "1s"})
    sluice.settings["backends"]["b0"]["address"] = f"127.0.0.1:{free_port()}"
    sluice.start()
    begin = time.monotonic()
    answer = Raw(sluice.port).read()[1]
    waited = time.monotonic() - begin
    assert 0.8 < waited < 6, f"waited {waited:.1f} s instead of 1 s"
    assert answer[:3] in (b"\xff\x10\x04", b"\xff\x1d\x04"), f"{answer!r}"
    assert b"sluice" in answer and b"backend" in answer, f"unclear: {answer!r}"
    shown = sluice.ok("show", "backends").out
    assert "b0" in shown


@test(own=True)
def test_back_after_nobody_waited(t: Case) -> None:
    """A backend that failed, and comes back when no client is waiting, is tried again."""
    server = t.own_server()
    port = server.port
    server.stop(9)
    sluice = t.sluice(server, hold={"max": "300ms"})
    for _ in range(6):      # both workers see it fail, and all their clients give up
        expect_error((1040, 1053), sluice.connect)
    wait_until(lambda: sluice.sessions() == [], 5, "no session to be left")
    server.start(port=port)

    def works() -> bool:
        try:
            return one(sluice.connect(), "SELECT 1") == 1
        except pymysql.MySQLError:
            return False
    for _ in range(6):
        wait_until(works, 5, "a connection after the backend has come back", every=0.1)


@test(own=True)
def test_backend_dies(t: Case) -> None:
    """The server is killed: its sessions get a clear end, new ones work when it is back."""
    server = t.own_server()
    port = server.port
    sluice = t.sluice(server, hold={"max": "20s"})
    busy, idle = sluice.connect(), sluice.connect()
    raw = Raw(sluice.port).login("app", "app-secret")
    running = Background(one, busy, "SELECT SLEEP(60)")
    sluice.wait_count("busy", 1)
    server.stop(9)
    expect_error(ENDED, running.result)
    expect_error(ENDED, lambda: run(idle, "SELECT 1"))
    assert raw.is_closed(), "an idle session of a dead server was kept"
    late = Background(sluice.connect)
    server.start(port=port)
    assert one(late.result(), "SELECT 1") == 1


@test(own=True)
def test_monitor(t: Case) -> None:
    """show backends: role, version, read only; reachable or not."""
    first, second = servers_two(t)
    second.sql("SET GLOBAL read_only = 1")
    sluice = t.sluice(first, second)
    wait_until(lambda: sluice.ok("show", "backends").out.count("10.11") >= 2, 10,
               "both versions to be seen")
    second.stop(9)
    before = sluice.ok("--json", "show", "backends").out
    wait_until(lambda: sluice.ok("--json", "show", "backends").out != before
               and "10.11" in sluice.ok("show", "backends").out, 10, "the loss to be seen")
    assert one(sluice.connect(), "SELECT 1") == 1
