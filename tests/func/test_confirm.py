"""Locks and prepared statements confirmed by the server: what is gone does not keep a session, and
what no text showed is found.

    the control account asks:  METADATA_LOCK_INFO (MariaDB), performance_schema (MySQL)
"""
from __future__ import annotations

from typing import Any

from lib import servers
from lib.case import Case, test
from lib.db import one, run
from lib.relay import RELEASES, Relay
from lib.servers import Server
from lib.sluice import Sluice, table_of
from lib.states import USERS
from lib.talk import PyMySQL, RawSession
from lib.util import BUILD, Skip, wait_until

FAMILIES = ("mariadb", "mysql")
PLUGINS = BUILD / "plugins"
TELLS = {"mariadb": [f"--plugin-dir={PLUGINS}", "--plugin-load-add=metadata_lock_info"],
         "mysql": []}
HIDDEN = (
    "CREATE FUNCTION app.take(n VARCHAR(64)) RETURNS INT NOT DETERMINISTIC NO SQL"
    " RETURN GET_LOCK(n, 0)",
    "CREATE FUNCTION app.give(n VARCHAR(64)) RETURNS INT NOT DETERMINISTIC NO SQL"
    " RETURN RELEASE_LOCK(n)",
    "CREATE PROCEDURE app.drop_it() DROP TEMPORARY TABLE tt",
    "CREATE TABLE app.o (id INT PRIMARY KEY AUTO_INCREMENT, v INT) ENGINE=InnoDB",
)
# Taken, given up in a way that the text scan does not see, and the obstacle.
GONE = (
    ("SELECT GET_LOCK('one', 0)", "SELECT RELEASE_LOCK('one')", "user_lock"),
    ("SELECT GET_LOCK('two', 0)", "SELECT give('two')", "user_lock"),
    ("SELECT GET_LOCK('three', 0), GET_LOCK('four', 0)",
     "SELECT RELEASE_ALL_LOCKS() + 0", "user_lock"),
    ("SELECT take('five') + GET_LOCK('six', 0)", "SELECT give('five') + give('six')", "user_lock"),
    ("LOCK TABLES o WRITE", "BEGIN", "lock_tables"),
    ("FLUSH TABLES o WITH READ LOCK", "UNLOCK TABLES; SELECT 1", "lock_tables"),
    ("HANDLER o OPEN", "HANDLER o CLOSE", "handler_open"),
)
KEPT = (
    ("SELECT GET_LOCK('kept one', 0)", "SELECT RELEASE_LOCK('another')", "user_lock"),
    ("SELECT GET_LOCK('kept two', 0), GET_LOCK('kept two', 0)", "SELECT RELEASE_LOCK('kept two')",
     "user_lock"),
    ("LOCK TABLES o READ", "SELECT COUNT(*) FROM o", "lock_tables"),
    ("HANDLER o OPEN", "SELECT 1", "handler_open"),
    ("CREATE TEMPORARY TABLE tt (a INT)", "CALL drop_it()", "temporary_table"),
)


def need_told(t: Case) -> None:
    if t.family == "mariadb" and not (PLUGINS / "metadata_lock_info.so").exists():
        raise Skip("no metadata_lock_info in build/plugins (tests/deps plugins)")


def prepare(server: Server) -> None:
    for statement in HIDDEN:
        server.sql(statement)


def learn(sluice: Sluice) -> Sluice:
    """sluice knows the account's secret: its sessions could move."""
    def known() -> bool:
        PyMySQL(sluice.port, "app", USERS["app"], None).close()
        rows = table_of(sluice.ctl_json("show", "accounts"), "accounts")
        return any(row["user"] == "app" and row["movable"] for row in rows)
    wait_until(known, 10, "the account to be known", every=0.1)
    wait_until(lambda: sluice.sessions() == [], 5, "the first logins to be over")
    return sluice


def begin(t: Case, **settings: Any) -> Sluice:
    need_told(t)
    server = t.own_server(extra=[*TELLS[t.family], "--log-bin-trust-function-creators=1"])
    prepare(server)
    return learn(t.sluice(server, **settings))


def begin_pair(t: Case) -> tuple[Sluice, Server, Server]:
    need_told(t)
    old, new = t.pair(extra=[*TELLS[t.family], "--log-bin-trust-function-creators=1"])
    prepare(old)
    servers.caught_up(new, old)
    return learn(t.sluice(old, new, hold={"max": "60s"})), old, new


def session(sluice: Sluice) -> RawSession:
    return RawSession(sluice.port, "app", USERS["app"], "app")


def do(client: RawSession, *statements: Any) -> None:
    for statement in statements:
        answer = client.do(statement)
        assert answer.error is None, f"{statement}: {answer.shown()}"


def confirmed(sluice: Sluice) -> str:
    """What is shown once the servers have told; a busy machine takes too long now and then."""
    def told() -> str:
        out = sluice.ok("show", "obstacles").out
        return "" if "take too long" in out else out
    return wait_until(told, 10, "the servers to tell")


def obstacles(sluice: Sluice, client: RawSession) -> list[str]:
    """What keeps the session from moving, once the diagnostics of its last statement are over."""
    found = sluice.session_of(client.thread_id).get("obstacles") or []
    return [name for name in found if name != "diagnostics_pending"]


@test(own=True, family=FAMILIES)
def test_gone(t: Case) -> None:
    sluice = begin(t)
    for take, give, obstacle in GONE:
        client = session(sluice)
        do(client, take, give)
        assert obstacle in obstacles(sluice, client), f"{give}: the test shows nothing"
        confirmed(sluice)
        assert obstacle not in obstacles(sluice, client), f"{take}; {give}: still {obstacle}"
        do(client, "SELECT 1")
        client.close()
    for take, give, obstacle in KEPT:
        client = session(sluice)
        do(client, take, give)
        confirmed(sluice)
        assert obstacle in obstacles(sluice, client), f"{take}; {give}: lost {obstacle}"
        client.close()


@test(own=True, family=FAMILIES)
def test_sql_prepare(t: Case) -> None:
    """MySQL tells which statements were prepared by SQL; MariaDB never does."""
    sluice = begin(t)
    client, other = session(sluice), session(sluice)
    do(client, "PREPARE s FROM 'SELECT 1'", "EXECUTE s", "DEALLOCATE PREPARE s")
    do(other, "PREPARE s FROM 'SELECT 1'")
    confirmed(sluice)
    told = t.family == "mysql"
    assert ("sql_prepare" in obstacles(sluice, client)) != told
    assert "sql_prepare" in obstacles(sluice, other)


@test(own=True, family=FAMILIES)
def test_reset_clears(t: Case) -> None:
    """COM_RESET_CONNECTION and COM_CHANGE_USER end on the server what they end in sluice."""
    sluice = begin(t)
    for reset in (("reset_connection",), ("change_user", "app", USERS["app"], "app")):
        for take in ("SELECT GET_LOCK('r', 0)", "SELECT take('r')", "LOCK TABLES o WRITE",
                     "HANDLER o OPEN", "CREATE TEMPORARY TABLE tt (a INT)",
                     "PREPARE s FROM 'SELECT 1'"):
            client = session(sluice)
            do(client, take, reset)
            assert obstacles(sluice, client) == [], f"{take}, {reset}"
            confirmed(sluice)
            assert obstacles(sluice, client) == [], f"{take}, {reset}: the server disagrees"
            client.close()


@test(deadline=90, own=True, family=FAMILIES)
def test_moves(t: Case) -> None:
    """Sessions whose locks are gone move, asked when the gate closes, and while it is closed."""
    sluice, old, new = begin_pair(t)
    early, late, keeps = session(sluice), session(sluice), session(sluice)
    do(early, "SELECT GET_LOCK('early', 0)", "SELECT give('early')")
    do(late, "BEGIN", "SELECT GET_LOCK('late', 0)")
    do(keeps, "SELECT GET_LOCK('keeps', 0)")
    sluice.ok("pause")
    do(late, "SELECT give('late')", "COMMIT")
    wait_until(lambda: obstacles(sluice, late) == [], 10, "the second question")
    assert obstacles(sluice, keeps) == ["user_lock"]
    sluice.ok("repoint", "b1")
    sluice.ok("resume")
    for client in (early, late):
        answer = client.do("SELECT @@port")
        assert answer.error is None, answer.shown()
        assert str(new.port).encode() in answer.value[-2], answer.shown()
    assert keeps.do("SELECT 1").lost
    assert "obstacles: user_lock" in sluice.log_text()


@test(deadline=90, own=True, family=FAMILIES)
def test_told_at_the_last_moment(t: Case) -> None:
    """Paused, repointed and resumed before the old server has answered: its word is waited for."""
    need_told(t)
    old, new = t.pair(extra=[*TELLS[t.family], "--log-bin-trust-function-creators=1"])
    prepare(old)
    servers.caught_up(new, old)
    relay = Relay(old.port)
    t.defer(relay.close)
    sluice = learn(t.sluice(relay, new, hold={"max": "60s"},    # type: ignore[arg-type]
                            backend={"tls": {"mode": "disabled"}}))
    gone, holds, comes = session(sluice), session(sluice), session(sluice)
    do(gone, "SELECT GET_LOCK('gone', 0)", "SELECT give('gone')")
    do(comes, "SELECT GET_LOCK('comes', 0)", "SELECT give('comes')")
    do(holds, "SELECT GET_LOCK('holds', 0)")
    relay.keep()
    sluice.ok("pause")
    assert relay.answered.wait(20), "the server was not asked"
    gone.begin("SELECT @@port")
    sluice.wait_count("held", 1)
    sluice.ok("repoint", "b1")
    sluice.ok("resume")
    comes.begin("SELECT @@port")
    sluice.wait_count("moving", 2)
    assert len(sluice.sessions()) == 3, "ended before the server had told"
    relay.let_go()
    for client in (gone, comes):
        answer = client.end()
        assert answer.error is None, answer.shown()
        assert str(new.port).encode() in answer.value[-2], answer.shown()
    assert holds.do("SELECT 1").lost


@test(deadline=90, own=True, family=FAMILIES)
def test_taken_again_meanwhile(t: Case) -> None:
    """What was true when the server answered is not any more: the session's own commands count."""
    need_told(t)
    server = t.own_server(extra=[*TELLS[t.family], "--log-bin-trust-function-creators=1"])
    prepare(server)
    relay = Relay(server.port)
    t.defer(relay.close)
    sluice = learn(t.sluice(relay, backend={"tls": {"mode": "disabled"}}))  # type: ignore[arg-type]
    again, busy, quiet = session(sluice), session(sluice), session(sluice)
    for client, name in ((again, "again"), (busy, "busy"), (quiet, "quiet")):
        do(client, f"SELECT GET_LOCK('{name}', 0)", f"SELECT give('{name}')")
    relay.keep()
    shown = sluice.ctl_start("show", "obstacles")
    assert relay.answered.wait(20), "the server was not asked"
    do(again, "SELECT GET_LOCK('again', 0)")
    busy.begin("SELECT GET_LOCK('busy', 0), SLEEP(3)")
    sluice.wait_count("busy", 1)
    out, _ = shown.communicate(timeout=30)
    assert "take too long" in out, out
    assert "user_lock" in obstacles(sluice, quiet), "the answer came through"
    relay.let_go()
    wait_until(lambda: obstacles(sluice, quiet) == [], 10, "the answer to count")
    assert "user_lock" in obstacles(sluice, again)
    assert busy.end().error is None
    assert "user_lock" in obstacles(sluice, busy)
    confirmed(sluice)
    assert "user_lock" in obstacles(sluice, again) and "user_lock" in obstacles(sluice, busy)


@test(deadline=90, own=True, family=FAMILIES)
def test_hidden_lock_is_found(t: Case) -> None:
    """A lock taken in a function: shown before the night, and kept when nothing moves."""
    sluice, old, new = begin_pair(t)
    client = session(sluice)
    do(client, "SELECT take('hidden')")
    assert obstacles(sluice, client) == []
    shown = confirmed(sluice)
    assert "user_lock" in shown, shown
    held_by = "SELECT IS_USED_LOCK('hidden')"
    assert old.one(held_by) == client.thread_id
    sluice.ok("warm", "b1")
    sluice.ok("pause")
    sluice.ok("resume")
    do(client, "SELECT 1")
    assert old.one(held_by) == client.thread_id, "the pause has released its lock"
    sluice.ok("pause")
    sluice.ok("repoint", "b1")
    sluice.ok("resume")
    assert client.do("SELECT 1").lost
    sluice.wait_log("session_ended.*obstacles: user_lock")


@test(deadline=90, own=True, family=FAMILIES)
def test_hidden_lock_at_the_gate(t: Case) -> None:
    """The same, taken after the links are warm: asked about before its locks would be released. A
    server that needs more than 100 ms to tell, on a busy machine, is not waited for."""
    sluice, old, new = begin_pair(t)
    for _ in range(5):
        client = session(sluice)
        do(client, "SELECT 1")
        sluice.ok("warm", "b1")
        do(client, "SELECT take('late')")
        sluice.ok("pause")
        sluice.wait_log(rf"(obstacle_found|session_ended).* thread={client.thread_id} ")
        sluice.ok("resume")
        answer = client.do("SELECT 1")
        if answer.error is None:
            assert old.one("SELECT IS_USED_LOCK('late')") == client.thread_id
            return
        assert answer.lost and "taken inside a stored routine" in sluice.log_text()
    raise AssertionError("no session has kept its lock")


@test(deadline=90, own=True, family=("mariadb",))
def test_released_by_a_capture_that_nobody_wants(t: Case) -> None:
    """The gate opens while the question that released a hidden lock is under way: its client goes
    on, and must not go on without its lock."""
    old, new = t.pair(extra=["--log-bin-trust-function-creators=1"])   # does not tell
    prepare(old)
    servers.caught_up(new, old)
    relay = Relay(old.port)
    t.defer(relay.close)
    sluice = learn(t.sluice(relay, new, hold={"max": "60s"},    # type: ignore[arg-type]
                            backend={"tls": {"mode": "disabled"}}))
    client, free = session(sluice), session(sluice)
    do(client, "SELECT take('lost')")
    do(free, "SELECT 1")
    sluice.ok("warm", "b1")
    relay.keep(RELEASES)
    sluice.ok("pause")
    assert relay.answered.wait(20), "its locks were not asked for"
    wait_until(lambda: old.one("SELECT IS_USED_LOCK('lost')") is None, 10, "the lock's release")
    sluice.ok("resume")
    client.begin("SELECT 1")
    free.begin("SELECT 1")
    relay.let_go()
    answer = client.end()
    assert answer.lost, f"it goes on without its lock: {answer.shown()}"
    assert "user_lock" in answer.shown()
    assert free.end().error is None


@test(deadline=90, own=True, family=FAMILIES)
def test_told_with_the_gate_open(t: Case) -> None:
    """A session that cannot move and need not stays, whatever its server tells and when."""
    sluice, old, new = begin_pair(t)
    client = session(sluice)
    do(client, "SELECT take('stays')", "CREATE TEMPORARY TABLE tt (a INT)")
    sluice.ok("warm", "b1")
    for _ in range(3):
        assert "user_lock" in confirmed(sluice)
        do(client, "SELECT 1 FROM DUAL WHERE 0")
        wait_until(lambda: sluice.session_of(client.thread_id)["state"] == "idle", 5, "its answer")
    assert old.one("SELECT IS_USED_LOCK('stays')") == client.thread_id


@test(own=True, family=FAMILIES)
def test_not_told(t: Case) -> None:
    """Without the privilege nothing is concluded, and it is said: in the log once."""
    need_told(t)
    server = t.own_server(extra=[*TELLS[t.family], "--log-bin-trust-function-creators=1"])
    prepare(server)
    server.sql("CREATE USER weak@'%' IDENTIFIED BY 'weak-secret'")
    sluice = t.sluice(server, control={"user": "weak", "password": "weak-secret"})
    client = session(sluice)
    do(client, "SELECT GET_LOCK('l', 0)", "SELECT give('l')")
    for _ in range(3):
        shown = confirmed(sluice)
        assert "user_lock" in shown and "not confirmed" in shown, shown
        assert ("PROCESS" if t.family == "mariadb" else "performance_schema") in shown, shown
    assert sluice.log_text().count("event=locks_not_confirmed") == 1


@test(own=True, family=("mariadb",))
def test_no_plugin(t: Case) -> None:
    """A MariaDB as it comes does not tell; installing the plugin is enough."""
    need_told(t)
    server = t.own_server(extra=[TELLS["mariadb"][0], "--log-bin-trust-function-creators=1"])
    prepare(server)
    sluice = t.sluice(server)
    client = session(sluice)
    do(client, "SELECT GET_LOCK('l', 0)", "SELECT give('l')")
    shown = confirmed(sluice)
    assert "user_lock" in shown and "metadata_lock_info" in shown, shown
    server.sql("INSTALL SONAME 'metadata_lock_info'")
    shown = confirmed(sluice)
    assert "user_lock" not in shown and "not confirmed" not in shown, shown


@test(own=True, family=FAMILIES)
def test_another_server_at_its_address(t: Case) -> None:
    """The backend has another address since a reload: the server there knows other sessions."""
    sluice = begin(t)
    client = session(sluice)
    do(client, "SELECT GET_LOCK('mine', 0)")
    other = t.own_server(extra=[*TELLS[t.family], "--log-bin-trust-function-creators=1"])
    strangers = [other.connect() for _ in range(40)]
    threads = {one(stranger, "SELECT CONNECTION_ID()") for stranger in strangers}
    assert client.thread_id in threads, f"{client.thread_id} is not among {threads}"
    sluice.settings["backends"]["b0"]["address"] = f"127.0.0.1:{other.port}"
    sluice.write_config()
    sluice.ok("reload")
    for _ in range(2):
        confirmed(sluice)
        assert "user_lock" in obstacles(sluice, client)
    for stranger in strangers:
        run(stranger, "SELECT 1")
