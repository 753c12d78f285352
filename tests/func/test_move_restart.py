"""The active server goes away and comes back: idle sessions go on, and nothing is made up."""
from __future__ import annotations

from typing import Any, Callable, Sequence

from lib.case import Case, test
from lib.moving import OPTIONS
from lib.servers import Server
from lib.sluice import Sluice, table_of
from lib.states import USERS
from test_confirm import TELLS, need_told
from lib.talk import Action, Answer, MySQLdbSession, PyMySQL, RawSession, Session
from lib.util import wait_until

FAMILIES = ("mariadb", "mysql")
INTERACTIVE = 0x400


REMEMBER = {"remember_per_second": 50}  # off unless asked for


def options(t: Case) -> list[str]:
    """A server that tells of user locks: else who may have run a routine is not remembered."""
    need_told(t)
    return [*OPTIONS[t.family], *TELLS[t.family]]


def begin(t: Case, **settings: Any) -> tuple[Server, Sluice]:
    server = t.own_server(extra=options(t))
    server.sql("CREATE TABLE app.log (id INT PRIMARY KEY AUTO_INCREMENT, v INT) ENGINE=InnoDB")
    sluice = t.sluice(server, **{"hold": {"max": "60s"}, "migrate": REMEMBER, **settings})

    def learned() -> bool:
        PyMySQL(sluice.port, "app", USERS["app"], None).close()
        known = table_of(sluice.ctl_json("show", "accounts"), "accounts")
        return any(row["user"] == "app" and row["movable"] for row in known)
    wait_until(learned, 10, "the account to be known", every=0.1)
    wait_until(lambda: sluice.sessions() == [], 5, "the first logins to be over")
    return server, sluice


def restart(t: Case, server: Server, sig: int = 9, between: Callable[[], None] = lambda: None
            ) -> None:
    port = server.port
    server.stop(sig)
    between()
    server.start(options(t), port=port)


def session(sluice: Sluice, caps: int = 0) -> RawSession:
    return RawSession(sluice.port, "app", USERS["app"], "app", caps)


def stat(sluice: Sluice, name: str) -> int:
    return int(sluice.ctl_json("show", "stats")[name])


def remembered(sluice: Sluice, number: int) -> None:
    """As many sessions would outlive a restart now."""
    wait_until(lambda: sum(row["remembered"] for row in sluice.sessions()) >= number, 20,
               f"{number} idle sessions to be remembered", every=0.1)


def value(answer: Answer) -> Any:
    """The first row of a text result, as bytes."""
    return answer.value[-2]


def good(answer: Answer) -> Answer:
    assert answer.error is None, answer.shown()
    return answer


def honest(answer: Answer, right: bytes) -> None:
    """The right answer, or an end that says so."""
    if answer.error is None:
        assert value(answer) == right, f"a wrong answer in silence: {answer.shown()}"
    else:
        assert answer.lost, answer.shown()


@test(deadline=90, own=True, family=FAMILIES, sig=(9, 15))
def test_idle_survive(t: Case) -> None:
    server, sluice = begin(t)
    clients = [session(sluice) for _ in range(20)]
    for client in clients:
        client.do("SET time_zone = '+03:00', NAMES latin1")
        client.do(("init_db", "mysql"))
        client.do(("prepare", "p", "SELECT ? + 1"))
        client.do(("execute", "p", 4))
    untouched = session(sluice)
    remembered(sluice, 21)
    restart(t, server, t.sig)
    for client in clients:
        answer = client.do("SELECT @@time_zone, @@character_set_client, DATABASE()")
        assert answer.error is None, f"did not survive the restart: {answer.shown()}"
        assert value(answer) == b"\x06+03:00\x06latin1\x05mysql", answer.shown()
        answer = client.do(("execute", "p", 6))
        assert answer.error is None and value(answer).endswith(b"\x07" + b"\0" * 7), answer.shown()
    assert untouched.do("SELECT 1").error is None
    assert stat(sluice, "lost") == stat(sluice, "reestablished") == 21


# Setups and a probe, whose answer must be what it is without a restart. What a setup leaves behind
# that differs between two sessions (numbers of rows) is none of the probe's.
STATES: tuple[tuple[Sequence[Action], Action], ...] = (
    (["SET @a = 18446744073709551615, @b = -1.50, @c = 2e0, @d = x'00ff', @e = NULL"],
     "SELECT @a, @b, @c, @d, @e, @f"),
    (["SET @t = _latin1'x' COLLATE latin1_german1_ci", "SELECT @u := 'set in a SELECT'"],
     "SELECT @t, COLLATION(@t), @u"),
    (["SELECT LAST_INSERT_ID(55)"], "SELECT LAST_INSERT_ID()"),
    (["SET SESSION sql_mode = 'ANSI_QUOTES,PIPES_AS_CONCAT'"], 'SELECT "a" || 1 FROM log'),
    (["SET autocommit = 0"], "SELECT @@autocommit"),
    (["SET SESSION TRANSACTION ISOLATION LEVEL READ COMMITTED"],
     "SHOW VARIABLES LIKE 't%isolation'"),
    (["SET NAMES utf8mb4 COLLATE utf8mb4_unicode_ci", "USE mysql"],
     "SELECT @@collation_connection, DATABASE(), COLLATION('x')"),
    (["SET SESSION wait_timeout = 1234, SESSION sort_buffer_size = 65536"],
     "SELECT @@wait_timeout, @@sort_buffer_size"),
    (["SET group_concat_max_len = 5", ("prepare", "p", "SELECT GROUP_CONCAT(id), ? FROM nums"),
      ("execute", "p", 1)], ("execute", "p", 2)),
    (["SET @v = 7", ("prepare", "p", "SELECT ?, @v"), ("execute", "p", "text")],
     ("execute", "p", "other")),
    ([("prepare", "a", "SELECT 1"), ("prepare", "b", "SELECT 2"), ("close", "a")],
     ("execute", "b")),
    (["SET @x = 1", ("reset_connection",), "SET @y = 2"], "SELECT @x, @y"),
    (["BEGIN", "INSERT INTO log (v) VALUES (1)", "ROLLBACK"], "SELECT COUNT(*) FROM nums"),
)


def set_up(sluice: Sluice) -> list[RawSession]:
    clients = [session(sluice) for _ in STATES]
    for client, (actions, _) in zip(clients, STATES):
        for action in actions:
            assert client.do(action).error is None, action
        good(client.do("SELECT 1"))     # who has warnings is not asked
    return clients


@test(deadline=90, own=True, family=FAMILIES)
def test_states_come_back(t: Case) -> None:
    """What sessions have after a restart, and after a second one, is what they had before it."""
    server, sluice = begin(t)
    right = [client.do(probe) for client, (_, probe) in zip(set_up(sluice), STATES)]
    wait_until(lambda: sluice.sessions() == [], 5, "the first ones to be over")
    clients = set_up(sluice)
    remembered(sluice, len(clients))
    for _ in range(2):
        restart(t, server)
        wait_until(lambda: "" not in {row["backend"] for row in sluice.sessions()}, 20,
                   "all to have a link")
    for client, expected, (_, probe) in zip(clients, right, STATES):
        answer = client.do(probe)
        assert answer == expected, f"{probe}: {answer.shown()}, not {expected.shown()}"


@test(deadline=90, own=True, family=FAMILIES)
def test_drivers_and_pools(t: Case) -> None:
    """Pools of several drivers whose connections rest: none of them has to connect again."""
    server, sluice = begin(t)
    pool: list[Session] = []
    for kind in (PyMySQL, MySQLdbSession, RawSession):
        pool += [kind(sluice.port, "app", USERS["app"], "app") for _ in range(5)]
    for number, client in enumerate(pool):
        good(client.do(f"SET @who = {number}"))
        good(client.do("INSERT INTO log (v) VALUES (1)"))
    remembered(sluice, len(pool))
    restart(t, server, 15)
    for number, client in enumerate(pool):
        good(client.do(f"INSERT INTO log (v) SELECT 2 FROM DUAL WHERE @who = {number}"))
    assert server.one("SELECT COUNT(*) FROM app.log WHERE v = 2") == len(pool)
    assert server.one("SELECT COUNT(*) FROM app.log") == 2 * len(pool)


@test(deadline=90, own=True, family=FAMILIES)
def test_open_transaction_is_told(t: Case) -> None:
    """A transaction went down with the server: an error, not a silent new beginning."""
    server, sluice = begin(t)
    clients = [session(sluice) for _ in range(3)]
    clients[0].do("BEGIN")
    clients[1].do("BEGIN")
    clients[1].do("INSERT INTO log (v) VALUES (1)")
    clients[2].do("SET autocommit = 0")
    clients[2].do("INSERT INTO log (v) VALUES (2)")
    clients.append(session(sluice))             # one that is remembered, and then begins
    remembered(sluice, 1)
    clients[3].do("BEGIN")
    restart(t, server)
    for client in clients:
        answer = client.do("INSERT INTO log (v) VALUES (3)")
        assert answer.error is not None, f"the second half of a transaction: {answer.shown()}"
    assert server.one("SELECT COUNT(*) FROM app.log") == 0


@test(deadline=90, own=True, family=FAMILIES, rested=(False, True))
def test_what_only_the_server_knew(t: Case) -> None:
    """User variables, LAST_INSERT_ID(), temporary tables and locks: right, or an honest end."""
    server, sluice = begin(t)
    server.sql("CREATE PROCEDURE app.take() DO GET_LOCK('deep', 0)")
    server.sql("CREATE FUNCTION app.take_lock() RETURNS INT NOT DETERMINISTIC NO SQL"
               " RETURN GET_LOCK('function', 0)")
    server.sql("CREATE TABLE app.o (id INT)")
    server.sql("CREATE TRIGGER app.tr BEFORE INSERT ON app.o FOR EACH ROW"
               " SET @l = GET_LOCK('trigger', 0)")
    server.sql("CREATE VIEW app.w AS SELECT GET_LOCK('view', 0) AS l")
    server.sql("CREATE PROCEDURE app.harmless() SELECT 5")
    states = (("SET @a = 'x'", "SELECT @a", b"\x01x"),
              ("SELECT @a := 'y'", "SELECT @a", b"\x01y"),
              ("INSERT INTO log (v) VALUES (1)", "SELECT LAST_INSERT_ID()", b"\x011"),
              ("SELECT LAST_INSERT_ID(55)", "SELECT LAST_INSERT_ID()", b"\x0255"),
              ("SELECT GET_LOCK('l', 0)", "SELECT IS_USED_LOCK('l') = CONNECTION_ID()", b"\x011"),
              ("CREATE TEMPORARY TABLE tt AS SELECT 5 AS a", "SELECT a FROM tt", b"\x015"),
              ("CALL take()", "SELECT IS_USED_LOCK('deep') = CONNECTION_ID()", b"\x011"),
              ("SELECT take_lock()", "SELECT IS_USED_LOCK('function') = CONNECTION_ID()",
               b"\x011"),
              ("INSERT INTO o VALUES (1)", "SELECT IS_USED_LOCK('trigger') = CONNECTION_ID()",
               b"\x011"),
              ("SELECT * FROM w", "SELECT IS_USED_LOCK('view') = CONNECTION_ID()", b"\x011"),
              ("CALL harmless()", "SELECT 1", b"\x011"),
              ("SET ROLE NONE", "SELECT IFNULL(CURRENT_ROLE(), 'NONE') = 'NONE'", b"\x011"))
    clients = [session(sluice) for _ in states]
    for client, (setup, _, _) in zip(clients, states):
        assert client.do(setup).error is None
    if t.rested:
        remembered(sluice, 5)       # the others cannot be (on MySQL := warns)
    restart(t, server)
    for client, (_, probe, right) in zip(clients, states):
        honest(client.do(probe), right)


@test(deadline=90, own=True, family=FAMILIES)
def test_command_under_way(t: Case) -> None:
    """A statement that was running when the server died is not sent again."""
    server, sluice = begin(t)
    client = session(sluice)
    client.begin("INSERT INTO log (v) SELECT SLEEP(60)")
    sluice.wait_count("busy", 1)
    restart(t, server)
    assert client.end().lost
    assert server.one("SELECT COUNT(*) FROM app.log") == 0
    assert session(sluice).do("SELECT 1").error is None


@test(deadline=90, own=True, family=FAMILIES)
def test_command_meets_the_gap(t: Case) -> None:
    """A command that comes while the server is away waits for it, and is executed once."""
    server, sluice = begin(t)
    client, reader = session(sluice), session(sluice)
    client.do("SET time_zone = '+01:00'")
    remembered(sluice, 2)

    def ask() -> None:
        client.begin("INSERT INTO log (v) VALUES (9)")
        reader.begin("SHOW WARNINGS")       # what goes to the old link otherwise
        sluice.wait_count("moving", 2)
    restart(t, server, 9, ask)
    good(client.end())
    answer = reader.end()
    assert answer.error is None or answer.error[0] == 1105, answer.shown()
    good(reader.do("SELECT 1"))
    assert server.one("SELECT COUNT(*) FROM app.log") == 1
    assert value(good(client.do("SELECT @@time_zone"))) == b"\x06+01:00"


@test(deadline=90, own=True, family=FAMILIES)
def test_a_kill_is_not_undone(t: Case) -> None:
    """A link that the server closes while it lives stays closed: KILL, wait_timeout."""
    server, sluice = begin(t)
    killed, waits, other = (session(sluice) for _ in range(3))
    good(waits.do("SET SESSION wait_timeout = 4"))
    remembered(sluice, 3)
    server.sql(f"KILL {killed.thread_id}")
    wait_until(killed.is_answered, 10, "the killed session's end")
    assert killed.do("SELECT 1").lost
    wait_until(waits.is_answered, 20, "the end by wait_timeout")
    assert waits.do("SELECT 1").error is not None
    good(other.do("SELECT 1"))
    assert stat(sluice, "reestablished") == 0
    assert len(sluice.sessions()) == 1


@test(deadline=90, own=True, family=FAMILIES)
def test_gap_longer_than_hold_max(t: Case) -> None:
    """Only who asks for something has a limit; who hangs up is forgotten."""
    server, sluice = begin(t, hold={"max": "1s"})
    asks, rests, leaves, asks_and_leaves, quits = (session(sluice) for _ in range(5))
    remembered(sluice, 5)

    def wait() -> None:
        wait_until(lambda: stat(sluice, "lost") == 5, 10, "all links to be lost")
        asks.begin("INSERT INTO log (v) VALUES (1)")
        asks_and_leaves.begin("INSERT INTO log (v) VALUES (2)")
        quits.link.send(b"\1\0\0\0\1")
        asks_and_leaves.close()
        leaves.close()
        answer = asks.end()
        assert answer.error is not None and answer.error[0] == 1053, answer.shown()
        assert "hold.max" in answer.error[1], answer.shown()
        wait_until(lambda: len(sluice.sessions()) == 1, 10, "the others to be forgotten")
    restart(t, server, 9, wait)
    good(rests.do("SELECT 1"))
    assert server.one("SELECT COUNT(*) FROM app.log") == 0


@test(deadline=90, own=True, family=FAMILIES)
def test_pause_and_restart(t: Case) -> None:
    """Maintenance as it should be: pause, restart, resume. Held commands are sent once."""
    server, sluice = begin(t)
    held, idle, late = session(sluice), session(sluice), session(sluice)
    remembered(sluice, 3)
    sluice.ok("pause")
    held.begin("INSERT INTO log (v) VALUES (1)")
    sluice.wait_count("held", 1)
    restart(t, server, 15)
    wait_until(lambda: stat(sluice, "lost") == 3, 5, "three lost sessions")
    assert sluice.ctl_json("show", "status")["sessions"]["lost"] == 3
    waits = {row["waits_for"] for row in sluice.sessions()}
    assert waits == {"its server to come back"}, waits
    late.begin(f"KILL QUERY {idle.thread_id}")  # a KILL and a SHOW WARNINGS pass a closed gate
    sluice.wait_count("held", 2)
    assert not held.is_answered()
    sluice.ok("resume")
    good(held.end())
    good(late.end())
    good(idle.do("INSERT INTO log (v) VALUES (2)"))
    assert server.one("SELECT COUNT(*) FROM app.log") == 2


@test(deadline=90, own=True, family=FAMILIES)
def test_kill_of_a_lost_session(t: Case) -> None:
    """Who waits for its server has no thread there: KILL QUERY has nothing to do, KILL ends it. The
    number must not go to the new server, where it may be somebody else's."""
    server, sluice = begin(t)
    lost = [session(sluice) for _ in range(2)]
    remembered(sluice, 2)
    server.stop(9)
    wait_until(lambda: stat(sluice, "lost") == 2, 10, "two lost sessions")
    server.start(OPTIONS[t.family], port=server.port)
    taken = {one.thread_id for one in lost}     # the server counts from the beginning again
    killer = next(one for one in (session(sluice) for _ in range(99)) if one.thread_id not in taken)
    # Both have a new link by now, or not: the answers are the same.
    good(killer.do(f"KILL QUERY {lost[0].thread_id}"))
    good(killer.do(f"KILL {lost[1].thread_id}"))
    good(lost[0].do("SELECT 1"))
    assert lost[1].do("SELECT 1").lost
    good(killer.do("SELECT 1"))


@test(deadline=90, own=True, family=FAMILIES)
def test_another_server_takes_over(t: Case) -> None:
    """The active server dies and the operator makes another one active: the same sessions go on."""
    old, new = t.pair(t.family, extra=OPTIONS[t.family])
    sluice = t.sluice(old, new, hold={"max": "60s"}, migrate=REMEMBER)

    def learned() -> bool:
        PyMySQL(sluice.port, "app", USERS["app"], None).close()
        known = table_of(sluice.ctl_json("show", "accounts"), "accounts")
        return any(row["user"] == "app" and row["movable"] for row in known)
    wait_until(learned, 10, "the account to be known", every=0.1)
    clients = [session(sluice) for _ in range(3)]
    for client in clients:
        good(client.do("SET @a = 5"))
    remembered(sluice, 3)
    old.stop(9)
    clients[0].begin("SELECT @a")
    sluice.wait_count("moving", 1)
    sluice.ok("repoint", "b1", "--force")
    assert value(good(clients[0].end())) == b"\x015"
    for client in clients[1:]:
        assert value(good(client.do("SELECT @a"))) == b"\x015"


@test(deadline=90, own=True, family=FAMILIES)
def test_refused_after_the_restart(t: Case) -> None:
    """An account that is gone does not come back; its sessions are told why."""
    server, sluice = begin(t)
    client = session(sluice)
    remembered(sluice, 1)
    server.sql("RENAME USER 'app'@'%' TO 'gone'@'%'")
    restart(t, server, 15)
    answer = client.do("SELECT 1")
    assert answer.lost, answer.shown()
    sluice.wait_log("NOT_REESTABLISHED")


@test(deadline=90, own=True, family=FAMILIES)
def test_kill_by_its_own_number(t: Case) -> None:
    """The number that the client knows is the lost link's; KILL finds the present one."""
    server, sluice = begin(t)
    client, other = session(sluice), session(sluice)
    remembered(sluice, 2)
    restart(t, server)
    good(other.do("SELECT 1"))
    client.begin("SELECT SLEEP(60)")
    sluice.wait_count("busy", 1)
    good(other.do(f"KILL QUERY {client.thread_id}"))
    answer = client.end()
    assert answer.error is None or answer.error[0] == 1317, answer.shown()
    good(client.do("SELECT 1"))


@test(deadline=90, own=True, family=FAMILIES)
def test_who_is_not_asked(t: Case) -> None:
    """Questions of ours are felt by who reads diagnostics late: people, and who has warnings."""
    _, sluice = begin(t)
    person, warned, plain = session(sluice, INTERACTIVE), session(sluice), session(sluice)
    for client in (person, warned):
        good(client.do("INSERT INTO log (v) VALUES (1), (2)"))
    good(warned.do("SELECT CAST('x' AS SIGNED)"))
    good(plain.do("INSERT INTO log (v) VALUES (1), (2)"))
    remembered(sluice, 1)
    # One of the three was asked once: two more rounds would have come in this time.
    wait_until(lambda: min(row["state_age_ms"] for row in sluice.sessions()) > 4000, 20,
               "them to rest for a while", every=0.2)
    assert stat(sluice, "remembered") == 1
    assert value(good(person.do("SELECT ROW_COUNT()"))) == b"\x012"
    assert b"1292" in value(good(warned.do("SHOW WARNINGS")))
    answer = plain.do("SELECT ROW_COUNT()")
    assert answer.error is not None and answer.error[0] == 1105, answer.shown()


@test(deadline=60, own=True, family=FAMILIES)
def test_remembering_can_be_off(t: Case) -> None:
    server, sluice = begin(t, migrate={"remember_per_second": 0})
    client = session(sluice)
    restart(t, server)
    assert client.do("SELECT 1").lost
    assert stat(sluice, "remembered") == stat(sluice, "lost") == 0
