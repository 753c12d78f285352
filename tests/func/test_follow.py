"""Replication turned round, and the scheduler's events, on real servers."""
from __future__ import annotations

from lib import servers
from lib.case import Case, test
from lib.probe import Probe, Refused
from lib.servers import Server
from lib.util import wait_until

FAMILIES = ("mariadb", "mysql")


def sides(t: Case, **settings: object) -> tuple[Server, Server, Probe, Probe]:
    """The old master, its replica, and a probe on each."""
    old, new = t.pair(both_ways=False, **settings)
    probes = Probe(old), Probe(new)
    for probe in probes:
        t.defer(probe.close)
    return old, new, *probes


def binlog(server: Server) -> tuple[str, int]:
    show = "SHOW BINARY LOG STATUS" if server.family == "mysql" else "SHOW MASTER STATUS"
    name, offset = server.sql(show)[0][:2]
    return str(name), int(offset)


def running(probe: Probe, port: int) -> bool:
    try:
        probe(f"follow_check 127.0.0.1,{port}")
    except Refused as reason:
        assert "not running yet" in reason.text, reason.text
        return False
    return True


def turn(old: Server, new: Server, hands: tuple[Probe, Probe], place: str = "") -> None:
    """`old`, which is quiet, follows `new`, which has all of it."""
    on_old, on_new = hands
    on_new(f"leave 127.0.0.1,{old.port}")
    on_new(f"leave 127.0.0.1,{old.port}")
    on_old(f"follow 127.0.0.1,{new.port},repl,repl-secret{place}")
    wait_until(lambda: running(on_old, new.port), 30, "the old master follows")


def both_equal(first: Server, second: Server, table: str) -> None:
    rows = f"SELECT * FROM {table} ORDER BY 1"
    wait_until(lambda: first.sql(rows) == second.sql(rows), 20, "the same rows on both")


@test(deadline=90, own=True, family=FAMILIES)
def test_turned_round_and_back(t: Case) -> None:
    old, new, on_old, on_new = sides(t)
    old.sql("CREATE TABLE app.f (id INT PRIMARY KEY)")
    old.sql("INSERT INTO app.f VALUES (1)")
    servers.caught_up(new, old)
    on_new(f"follow 127.0.0.1,{old.port},repl,repl-secret")  # it does already
    on_new.refused(f"follow 127.0.0.1,{new.port},repl,repl-secret", "replicates from")
    # The new one is at work before the old one follows.
    new.sql("INSERT INTO app.f VALUES (2)")
    turn(old, new, (on_old, on_new))
    new.sql("INSERT INTO app.f VALUES (3)")
    servers.caught_up(old, new)
    assert len(old.sql("SELECT * FROM app.f")) == 3
    # ... and back again.
    old.sql("INSERT INTO app.f VALUES (4)")
    turn(new, old, (on_new, on_old))
    old.sql("INSERT INTO app.f VALUES (5)")
    servers.caught_up(new, old)
    both_equal(old, new, "app.f")


@test(deadline=90, own=True, family=FAMILIES)
def test_by_file_and_offset(t: Case) -> None:
    old, new, on_old, on_new = sides(t)
    old.sql("CREATE TABLE app.f (id INT PRIMARY KEY)")
    servers.caught_up(new, old)
    name, offset = binlog(new)
    new.sql("INSERT INTO app.f VALUES (2)")
    turn(old, new, (on_old, on_new), f",{name},{offset}")
    both_equal(old, new, "app.f")
    assert len(old.sql("SELECT * FROM app.f")) == 1


@test(deadline=90, own=True, family=FAMILIES)
def test_what_does_not_run_is_named(t: Case) -> None:
    old, new, on_old, on_new = sides(t)
    on_old.refused(f"follow_check 127.0.0.1,{new.port}", "does not replicate from")
    on_new(f"leave 127.0.0.1,{old.port}")
    on_old(f"follow 127.0.0.1,{new.port},repl,wrong-password")

    def said() -> str:
        try:
            on_old(f"follow_check 127.0.0.1,{new.port}")
        except Refused as reason:
            return reason.text if "not running yet" not in reason.text else ""
        raise AssertionError("it runs with a wrong password")
    reason = wait_until(said, 30, "the reason")
    assert "Access denied" in reason or "error connecting" in reason, reason
    assert "wrong-password" not in reason


@test(deadline=90, own=True, family=FAMILIES)
def test_events_wake_up_with_their_definers(t: Case) -> None:
    old, new, on_old, on_new = sides(t)
    every = "ON SCHEDULE EVERY 1 DAY STARTS '2030-01-01' DO SELECT 1"
    old.sql("CREATE USER 'ev@home'@'%' IDENTIFIED BY 'x'")
    old.sql("GRANT ALL ON app.* TO 'ev@home'@'%'")
    old.sql(f"CREATE DEFINER='ev@home'@'%' EVENT app.`e``1` {every}")
    old.sql(f"CREATE EVENT app.plain_one {every}")
    old.sql(f"CREATE EVENT app.off_one {every}")
    old.sql("ALTER EVENT app.off_one DISABLE")
    servers.caught_up(new, old)
    names = sorted(on_old("events").split())
    assert names == ["app.e`1", "app.plain_one"], names
    assert on_new("events") == "", "on a replica they sleep"
    assert on_new(f"enable {','.join(names)},app.gone") == "2"
    assert sorted(on_new("events").split()) == names
    assert new.one("SELECT DEFINER FROM information_schema.EVENTS WHERE EVENT_NAME = 'e`1'") \
        == "ev@home@%"
    turn(old, new, (on_old, on_new))
    servers.caught_up(old, new)
    assert on_old("events") == "", "now they sleep on the old one"
