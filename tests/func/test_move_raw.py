"""What only a client of our own sees of a move: held, pipelined, lost commands, KILL, bytes."""
from __future__ import annotations

from typing import Any

import pymysql

from lib.case import Case, test
from lib.db import expect_error, one, run
from lib.moving import Trio, brief, same
from lib.raw import DEPRECATE_EOF, QUERY, packet
from lib.states import USERS
from lib.talk import SESSION_TRACK, Action, RawSession
from lib.util import Background, wait_until

FAMILIES = ("mariadb", "mysql")
LOG = "CREATE TABLE app.log (id INT, PRIMARY KEY (id)) ENGINE=InnoDB"


def trio(t: Case, **settings: Any) -> Trio:
    made = Trio(t, **settings)
    for server in (made.old, made.third):
        server.sql(LOG)
    return made


def session(stage: Trio, caps: int = 0) -> RawSession:
    return RawSession(stage.sluice.port, "app", USERS["app"], "app", caps)


def on_new(stage: Trio) -> list[int]:
    return [row[0] for row in stage.active[1].sql("SELECT id FROM app.log ORDER BY id")]


@test(deadline=60, own=True, family=FAMILIES)
def test_held_exactly_once(t: Case) -> None:
    """Forty held commands of three kinds, there and back: each is executed once."""
    stage = trio(t)
    clients = [session(stage, DEPRECATE_EOF if i % 2 else 0) for i in range(40)]
    for client in clients:
        assert client.do(("prepare", "p", "INSERT INTO log VALUES (?)")).error is None
    for number in range(2):
        stage.sluice.ok("pause")
        for i, client in enumerate(clients):
            value = 1000 * number + i
            client.begin(("execute", "p", value) if i % 3 else f"INSERT INTO log VALUES ({value})")
        stage.sluice.wait_count("held", len(clients))
        stage.repoint()
        for client in clients:
            answer = client.end()
            assert answer.error is None, f"a held command: {answer.shown()}"
    assert on_new(stage) == [*range(40), *range(1000, 1040)]
    assert stage.idle[1].connections_of("app") == 0


@test(deadline=60, own=True, family=FAMILIES, how=("close", "reset"))
def test_hang_up_while_held(t: Case) -> None:
    """A client that is gone at the release: its command reaches no server."""
    stage = trio(t)
    here, gone = session(stage), session(stage)
    for client in (here, gone):
        client.do("SET @a = 5")
    stage.sluice.ok("pause")
    here.begin("INSERT INTO log VALUES (1)")
    gone.begin("INSERT INTO log VALUES (2)")
    stage.sluice.wait_count("held", 2)
    gone.link.reset() if t.how == "reset" else gone.link.close()
    wait_until(lambda: len(stage.sluice.sessions()) == 1, 10, "the session to be gone")
    stage.repoint()
    assert here.end().error is None
    assert on_new(stage) == [1]
    assert stage.idle[1].one("SELECT COUNT(*) FROM app.log WHERE id = 2") == 0
    wait_until(lambda: stage.old.connections_of("app") == 0, 5, "no link to be left")


@test(deadline=60, own=True, family=FAMILIES)
def test_hang_up_in_the_move(t: Case) -> None:
    """Clients that close at the very moment of the move leave nothing behind."""
    stage = trio(t)
    clients = [session(stage) for _ in range(60)]
    for client in clients:
        client.do("SET @a = 5")
    stage.sluice.ok("pause")
    for i, client in enumerate(clients):
        client.begin(f"INSERT INTO log VALUES ({i})")
    stage.sluice.wait_count("held", len(clients))
    moving = Background(stage.repoint)
    for client in clients[::2]:
        client.link.reset()
    moving.result(40, "the move")
    for client in clients[1::2]:
        assert client.end().error is None
    assert set(range(1, 60, 2)) <= set(on_new(stage))
    wait_until(lambda: stage.old.connections_of("app") == 0, 5, "no link to the old server")
    wait_until(lambda: stage.new.connections_of("app") == 30, 5, "30 links to the new server")


def pipeline(count: int, begin: int) -> bytes:
    return b"".join(packet(0, bytes([QUERY]) + f"INSERT INTO log VALUES ({begin + i})".encode())
                    for i in range(count))


@test(deadline=60, own=True, family=FAMILIES)
def test_pipelined(t: Case) -> None:
    """Commands sent without waiting, before the gate closes and behind it: in order, once."""
    stage = trio(t)
    client = session(stage)
    client.do("SET @a = 'kept'")
    client.link.send(pipeline(150, 0))
    stage.sluice.ok("pause")
    client.link.send(pipeline(150, 150))
    stage.sluice.wait_count("held", 1)
    stage.repoint()
    for i in range(300):
        seq, payload = client.link.read()
        assert (seq, payload[:1]) == (1, b"\0"), f"answer {i}: {seq} {payload!r}"
    assert on_new(stage) == list(range(300))
    assert client.link.query("SELECT @a, COUNT(*) FROM log") == [["kept", "300"]]


@test(deadline=60, own=True, family=FAMILIES)
def test_pipelined_through_moves(t: Case) -> None:
    """A client that never stops sending, and three moves under it."""
    stage = trio(t)
    client = session(stage)
    total = 6000

    def write() -> None:
        for begin in range(0, total, 50):
            client.link.send(pipeline(50, begin))

    def read() -> None:
        for i in range(total):
            payload = client.link.read()[1]
            assert payload[:1] == b"\0", f"answer {i}: {payload!r}"
    writing, reading = Background(write), Background(read)
    for _ in range(3):
        stage.move()
    writing.result(40, "the writer")
    reading.result(40, "the reader")
    assert on_new(stage) == list(range(total))


@test(deadline=60, own=True, family=FAMILIES)
def test_pipelined_diagnostics(t: Case) -> None:
    """What a pipelined statement leaves is asked for behind it; the lost is refused in order."""
    stage = trio(t)
    client = session(stage)
    client.do("INSERT INTO log VALUES (1)")
    stage.move()
    client.link.send(packet(0, bytes([QUERY]) + b"INSERT INTO log VALUES (2), (3)")
                     + packet(0, bytes([QUERY]) + b"SELECT ROW_COUNT()")
                     + packet(0, bytes([QUERY]) + b"SELECT FOUND_ROWS()")
                     + packet(0, bytes([QUERY]) + b"SELECT id FROM log ORDER BY id LIMIT 2")
                     + packet(0, bytes([QUERY]) + b"SELECT FOUND_ROWS()"))
    assert client.link.answer()[:1] == b"\0"
    assert client.link.result() == [["2"]]
    error = client.link.read()[1]
    assert error[:3] == b"\xff" + (1105).to_bytes(2, "little"), error
    assert client.link.result() == [["1"], ["2"]]
    assert client.link.result() == [["2"]]


@test(deadline=60, own=True, family=FAMILIES)
def test_quit_behind_pipeline(t: Case) -> None:
    stage = trio(t)
    client = session(stage)
    stage.sluice.ok("pause")
    client.link.send(pipeline(3, 0) + packet(0, b"\x01"))
    stage.sluice.wait_count("held", 1)
    stage.repoint()
    for _ in range(3):
        assert client.link.read()[1][:1] == b"\0"
    assert client.link.is_closed(), "QUIT at the end was lost"
    assert on_new(stage) == [0, 1, 2]


@test(deadline=60, own=True, family=FAMILIES)
def test_half_a_command(t: Case) -> None:
    """Half a command has come when the server moves; the rest comes afterwards."""
    stage = trio(t)
    client = session(stage)
    client.do("SET @a = 7")
    whole = packet(0, bytes([QUERY]) + b"INSERT INTO log VALUES (@a)")
    stage.sluice.ok("pause")
    client.link.send(whole[:15])
    stage.repoint()
    client.link.send(whole[15:])
    assert client.link.answer()[:1] == b"\0"
    assert on_new(stage) == [7]


@test(deadline=90, own=True, family=FAMILIES)
def test_big_held(t: Case) -> None:
    """A 20 MiB statement, most of it not read while the gate is closed, arrives whole."""
    stage = trio(t)
    for server in (stage.old, stage.third):
        server.sql("CREATE TABLE app.big (v LONGBLOB)")
    client = stage.sluice.connect(database="app", max_allowed_packet=64 << 20)
    run(client, "SET @a = 'kept'")
    stage.sluice.ok("pause")
    held = Background(run, client, "INSERT INTO big VALUES (_binary %s)", (b"b" * (20 << 20),))
    stage.sluice.wait_count("held", 1)
    stage.repoint()
    held.result(60)
    assert run(client, "SELECT LENGTH(v), @a FROM big") == [(20 << 20, "kept")]


@test(deadline=60, own=True, family=FAMILIES)
def test_lost_commit(t: Case) -> None:
    """The old server dies under a COMMIT: the outcome is unknown, and it is not tried again."""
    stage = trio(t)
    client = stage.sluice.connect(database="app")
    client.begin()
    run(client, "INSERT INTO log VALUES (1)")
    number = one(client, "SELECT CONNECTION_ID()")
    block(stage)
    commit = Background(client.commit)
    wait_until(lambda: stage.old.one("SELECT COUNT(*) FROM information_schema.PROCESSLIST WHERE"
                                     " ID = %s AND INFO LIKE 'COMMIT%%'", (number,)) == 1, 10,
               "the COMMIT to run")
    stage.sluice.ok("pause")
    stage.sluice.ok("repoint", "b1")
    stage.old.stop(9)
    stage.sluice.ok("resume")
    text = expect_error((1180,), commit.result)
    assert "unknown" in text, text
    assert stage.new.one("SELECT COUNT(*) FROM app.log") == 0, "a COMMIT was repeated"


def block(stage: Trio) -> None:
    """No commit on the old server ends any more."""
    blocker = stage.old.connect()
    stage.sluice.blocker = blocker      # type: ignore[attr-defined]  # it must stay open
    if stage.family == "mariadb":
        for level in ("START", "FLUSH", "BLOCK_DDL", "BLOCK_COMMIT"):
            run(blocker, f"BACKUP STAGE {level}")
    else:
        run(blocker, "FLUSH TABLES WITH READ LOCK")


@test(deadline=60, own=True, family=FAMILIES)
def test_kill_by_own_number(t: Case) -> None:
    """The id that a client learned before the move still means its session, twice moved too."""
    stage = trio(t)
    killer, victim, bystander = (stage.sluice.connect() for _ in range(3))
    number = one(victim, "SELECT CONNECTION_ID()")
    run(victim, "SET @a = 'kept'")
    for _ in range(2):
        stage.move()
        running = Background(one, victim, "SELECT SLEEP(60)")
        stage.sluice.wait_count("busy", 1)
        run(killer, f"KILL QUERY {number}")
        interrupted(running)
        assert one(victim, "SELECT @a") == "kept"
        assert one(bystander, "SELECT 1") == 1
    running = Background(one, victim, "SELECT SLEEP(60)")
    stage.sluice.wait_count("busy", 1)
    run(killer, f"KILL {number}")
    expect_error((1317, 1927, 2006, 2013, 1053), running.result)
    assert one(bystander, "SELECT 1") == 1 and one(killer, "SELECT 1") == 1
    expect_error((1094,), lambda: run(killer, f"KILL {number}"))


def interrupted(running: Background) -> None:
    """KILL QUERY ends SLEEP with 1, or with an error."""
    try:
        assert running.result() == 1
    except pymysql.MySQLError as error:
        assert error.args[0] == 1317, error.args


@test(deadline=60, own=True, family=FAMILIES)
def test_kill_while_held(t: Case) -> None:
    """A held session is killed by its client's id as it waits for the move."""
    stage = trio(t)
    victim, other = session(stage), session(stage)
    victim.do("SET @a = 1")
    stage.sluice.ok("pause")
    victim.begin("INSERT INTO log VALUES (1)")
    stage.sluice.wait_count("held", 1)
    row = stage.sluice.session_of(victim.thread_id)
    stage.sluice.ok("kill", str(row["id"]))
    assert victim.end().lost
    stage.repoint()
    assert other.do("SELECT 1").error is None
    assert on_new(stage) == []


# Statements whose OK packets report, or would report, a change of the session's state.
REPORTING: tuple[Action, ...] = (
    "SET NAMES latin1", "SET NAMES utf8mb4", "SET sql_mode = 'ANSI'", "SET time_zone = '+02:00'",
    "SET autocommit = 0", "SET autocommit = 1", "USE mysql", ("init_db", "app"), "SET @a = 5",
    "INSERT INTO log VALUES (7)", "UPDATE log SET id = 8 WHERE id = 7", "DELETE FROM log",
    "BEGIN", "INSERT INTO log VALUES (9)", "ROLLBACK", "DO 0", ("ping",), "SELECT 1",
    "SET character_set_results = NULL", "SET NAMES utf8mb4", "SET @b = 6; USE mysql; SELECT 1",
    "USE app", "SELECT * FROM missing", "SET lc_time_names = 'de_DE'",
    ("prepare", "p", "SET NAMES latin1"), ("execute", "p"), "SET ROLE reader", "SET ROLE NONE",
    ("reset_connection",), "SET sql_mode = ''",
    "SET STATEMENT max_statement_time = 5 FOR SELECT 1", "CREATE TEMPORARY TABLE tmp (a INT)",
    "DROP TEMPORARY TABLE tmp", "SET TRANSACTION READ ONLY", "COMMIT", ("change_user", "app",
    USERS["app"], "app"), "SET NAMES latin1", "USE mysql", ("reset_connection",))
TRACKING: dict[str, tuple[Action, ...]] = {
    "default": (),
    "some": ("SET SESSION session_track_system_variables = 'sql_mode,lc_time_names'",),
    "all": ("SET SESSION session_track_system_variables = '*'",),
    "none": ("SET SESSION session_track_system_variables = ''",
             "SET SESSION session_track_schema = 0"),
    "state": ("SET SESSION session_track_state_change = 1",),
    "transaction": ("SET SESSION session_track_transaction_info = 'CHARACTERISTICS'",),
}
CAPS: dict[str, int] = {"plain": 0, "eof": DEPRECATE_EOF, "track": SESSION_TRACK,
                        "track-eof": SESSION_TRACK | DEPRECATE_EOF}


def compare_tracking(stage: Trio, first: tuple[Action, ...], caps: int,
                     then: tuple[Action, ...] = REPORTING) -> list[str]:
    """What differs between a session through sluice and a direct one."""
    through = session(stage, caps)
    direct = RawSession(stage.third.port, "app", USERS["app"], "app", caps)
    wrong = []
    for action in (*first, *then):
        a, b = through.do(action), direct.do(action)
        if not same(a, b):
            wrong.append(f"{brief(action)}\n  through {a.shown()}\n  direct  {b.shown()}")
    through.close()
    direct.close()
    return wrong


@test(deadline=60, own=True, family=FAMILIES)
def test_tracking_bytes(t: Case) -> None:
    """Every packet is what a direct connection gets, whatever the client asked to be told."""
    stage = trio(t)
    wrong: list[str] = []
    for asked, first in TRACKING.items():
        for name, caps in CAPS.items():
            found = compare_tracking(stage, first, caps)
            wrong += [f"{asked}, {name}, {len(found)} different: {text}" for text in found[:3]]
    assert not wrong, "\n".join(wrong)


SHOWS: tuple[Action, ...] = (
    "SELECT @@session.session_track_system_variables, @@session.session_track_schema,"
    " @@session.session_track_state_change", "SHOW VARIABLES LIKE 'session_track_s%'",
    "SHOW SESSION VARIABLES WHERE Variable_name IN ('session_track_schema', 'sql_mode')",
    "SELECT * FROM {table} WHERE VARIABLE_NAME LIKE 'session_track_s%' ORDER BY 1",
    ("prepare", "s", "SELECT @@session_track_state_change, @@session_track_system_variables"),
    ("execute", "s"), "SET time_zone = '+01:00'", ("execute", "s"), "SET lc_time_names = 'de_DE'",
    "SELECT 1 UNION SELECT 2", "SHOW VARIABLES LIKE 'session_track_schema'", "SELECT FOUND_ROWS()",
    "SET SESSION session_track_schema = 'x'", "SHOW WARNINGS",
    ("prepare", "f", "SELECT ROW_COUNT()"), ("execute", "f"),
    "INSERT INTO log VALUES (7)", "SELECT ROW_COUNT()", "DELETE FROM log", "SELECT ROW_COUNT()")
CHANGES: tuple[Action, ...] = (
    "SET sql_mode = 'ANSI', session_track_system_variables = 'sql_mode,time_zone'",
    "SET SESSION session_track_schema = 0, session_track_state_change = 1",
    "SET session_track_system_variables = @@session_track_system_variables",
    "SET session_track_system_variables = '', session_track_state_change = 0",
    "SET @@session.session_track_schema := 1, session_track_system_variables = '*'",
    ("reset_connection",))
TABLES = {"mariadb": "information_schema.SESSION_VARIABLES",
          "mysql": "performance_schema.session_variables"}


@test(deadline=60, own=True, family=FAMILIES)
def test_own_tracking_shows(t: Case) -> None:
    """A client that looks at its own session_track_* finds what it would find directly."""
    stage = trio(t)
    shows = [a.replace("{table}", TABLES[t.family]) if isinstance(a, str) else a for a in SHOWS]
    actions: list[Action] = [*shows]
    for change in CHANGES:
        actions += [change, *shows]
    wrong: list[str] = []
    for name, caps in CAPS.items():
        found = compare_tracking(stage, tuple(actions), caps, then=())
        wrong += [f"{name}, {len(found)} different: {text}" for text in found[:3]]
    assert not wrong, "\n".join(wrong)


@test(deadline=60, own=True, family=FAMILIES)
def test_own_tracking_pipelined(t: Case) -> None:
    """The same without waiting, among commands that report: each gets what is its own."""
    stage = trio(t)
    texts = ["SET sql_mode = 'ANSI'", "SELECT @@session_track_schema, @@session_track_state_change",
             "SET session_track_state_change = 1", "SET sql_mode = ''", "SET time_zone = '+02:00'",
             "SET session_track_system_variables = 'sql_mode'", "SET sql_mode = 'ANSI'",
             "SHOW VARIABLES LIKE 'session_track_s%'", "SET time_zone = '+03:00'",
             "SET session_track_system_variables = ''", "USE mysql", "USE app"] * 4
    for name, caps in CAPS.items():
        seen = []
        for port in (stage.sluice.port, stage.third.port):
            client = RawSession(port, "app", USERS["app"], "app", caps)
            client.link.send(b"".join(packet(0, bytes([QUERY]) + s.encode()) for s in texts))
            seen.append([])
            for _ in texts:
                client.packets = []
                client._results()
                seen[-1].append(client.packets)
            client.close()
        for text, through, direct in zip(texts, *seen):
            assert through == direct, f"{name}: {text}\n  {through}\n  {direct}"


@test(deadline=60, own=True, family=FAMILIES)
def test_unknown_command(t: Case) -> None:
    """A command no server knows: the client hears so, and its session is as good as before."""
    stage = trio(t)
    client = session(stage, SESSION_TRACK)
    client.do("SET @a = 'kept'")
    client.link.send(packet(0, b"\x7f") + packet(0, bytes([QUERY]) + b"SET @b = 2"))
    assert client.link.read()[1][:3] == b"\xff\x17\x04", "not error 1047"
    assert client.link.read()[1][:5] == b"\0\0\0\2\0", "our tracking shows"
    stage.move()
    assert client.link.query("SELECT @a, @b") == [["kept", "2"]]


@test(deadline=60, own=True, family=("mysql",), caps=(0, DEPRECATE_EOF))
def test_cursor_then_none(t: Case) -> None:
    """MySQL 9.7 answers an execute without a cursor, behind a first one with it, without rows: what
    comes after must not be taken for them, and the session says that it is not understood."""
    stage = trio(t)
    answers = []
    for port in (stage.sluice.port, stage.third.port):
        client = RawSession(port, "app", USERS["app"], "app", t.caps)
        client.link.send(packet(0, b"\x16SELECT 5"))
        first = [client.link.read()[1] for _ in range(2 + (t.caps == 0))][0]
        begin, end = b"\x17" + first[1:5], b"\1\0\0\0"
        client.link.send(packet(0, begin + b"\1" + end))
        seen = [client.link.read()[1] for _ in range(3)]
        client.link.send(packet(0, begin + b"\0" + end))
        seen += [client.link.read()[1][:4] for _ in range(3)]
        client.link.send(packet(0, b"\x0e"))
        seen.append(client.link.read()[1][:4])
        answers.append(seen)
        if port == stage.sluice.port:
            shown = stage.obstacles()[client.thread_id]
            assert "unsupported" in shown, shown
        client.close()
    assert answers[0] == answers[1], f"{answers[0]}\n{answers[1]}"


SETTLED = {     # statement, executed before; after: arguments and whether it is refused
    "five": ("SELECT ?", (5,), [("five", True), ("five", False), (5, False), ("six", False)]),
    "same": ("SELECT ?", (5,), [(6, False), ("five", False), (1.5, False)]),
    "column": ("SELECT id FROM nums WHERE id = ?", ("5",), [(6, False), ("7", False)]),
    "long": ("SELECT ?", (5,), [("x" * 3000, True), ("x" * 3000, False)]),
}


@test(deadline=60, own=True, family=("mysql",), moves=(1, 2, 3))
def test_settled_types(t: Case) -> None:
    """Parameters of other types than those settled before the moves, however many, are an error
    once; what is refused has not been executed, and the statement is good as one prepared anew."""
    stage = trio(t)
    clients = {name: session(stage, DEPRECATE_EOF) for name in SETTLED}
    for name, (text, before, _) in SETTLED.items():
        clients[name].do(("prepare", "p", text))
        assert clients[name].do(("execute", "p", *before)).error is None
    for _ in range(t.moves):
        stage.move()
        old = stage.idle[1]
        wait_until(lambda: old.connections_of("app") == 0, 10, "idle sessions to leave")
    for name, (_, _, after) in SETTLED.items():
        for value, refused in after:
            answer = clients[name].do(("execute", "p", value))
            code = answer.error[0] if answer.error else 0
            assert code == (1615 if refused else 0), f"{name} {value!r:.50}: {answer.error}"
            assert refused or value != "five" or name == "same" or b"five" in answer.value[2][2:]
    gone = session(stage)
    gone.do(("prepare", "p", "SELECT ?"))
    gone.do(("execute", "p", 5))
    stage.move()
    gone.do(("long", "p", 0, b"x"))
    assert gone.do(("execute", "p", "")).lost, "what the server has of the value would stay there"
    assert "other types" in stage.last_words(gone.thread_id)


@test(deadline=60, own=True, family=FAMILIES)
def test_idle_follow(t: Case) -> None:
    """Sessions that say nothing are moved all the same, and are whole when they speak."""
    stage = trio(t)
    clients = [session(stage) for _ in range(50)]
    for i, client in enumerate(clients):
        client.do(f"SET @a = {i}, time_zone = '+0{i % 9}:00'")
        client.do(("prepare", "p", "SELECT @a + ?"))
    for _ in range(3):
        stage.move()
        old = stage.idle[1]
        wait_until(lambda: old.connections_of("app") == 0, 10, "idle sessions to leave")
    for i, client in enumerate(clients):
        rows = client.link.query("SELECT @a, @@time_zone")
        assert rows == [[str(i), f"+0{i % 9}:00"]], rows
        assert client.do(("execute", "p", 1)).error is None


@test(deadline=60, own=True, family=FAMILIES, by=("procedure", "other"))
def test_flush_status(t: Case) -> None:
    """FLUSH STATUS takes away what would tell of a function's temporary table: no move then."""
    stage = trio(t)
    for statement in ("USE app", "CREATE FUNCTION f() RETURNS INT DETERMINISTIC MODIFIES SQL DATA"
                      " BEGIN CREATE TEMPORARY TABLE IF NOT EXISTS log (a INT); RETURN 1; END",
                      "CREATE PROCEDURE p() FLUSH STATUS"):
        stage.old.sql(statement)
    client, harmless = session(stage), session(stage)
    client.do("SELECT f()")
    harmless.do("SELECT 1")
    if t.by == "procedure":
        client.do("CALL p()")
    else:
        stage.old.sql("FLUSH STATUS")
    stage.move()
    answer, other = client.do("SELECT * FROM log"), harmless.do("SELECT 1")
    wanted = "FLUSH STATUS" if (t.family, t.by) != ("mariadb", "other") else "temporary_table"
    assert answer.error is not None and wanted in answer.error[1], answer.shown()
    # On MySQL the counters of all sessions are gone.
    assert (other.error is None) == (t.family == "mariadb"), other.shown()


@test(deadline=60, own=True, family=FAMILIES)
def test_learn_off(t: Case) -> None:
    """auth.learn: off: sessions end at their safe point, and the reason is named."""
    stage = Trio(t, learn=False)
    client = session(stage)
    client.do("SET @a = 1")
    stage.sluice.ok("pause")
    client.begin("SELECT @a")
    stage.repoint()
    answer = client.end()
    assert answer.lost and "credential" in (answer.error or (0, ""))[1], answer.shown()


@test(deadline=60, own=True, family=FAMILIES)
def test_target_dies_in_the_move(t: Case) -> None:
    """The new server is away at the release and comes back: nobody is answered wrongly."""
    stage = trio(t)
    client = session(stage)
    client.do("SET @a = 'kept'")
    stage.sluice.ok("pause")
    client.begin("SELECT @a")
    port = stage.new.port
    stage.new.stop(9)
    stage.sluice.ok("repoint", "b1")
    stage.sluice.ok("resume")
    stage.new.start(stage.new.extra, port=port)
    answer = client.end()
    if answer.error:
        assert answer.lost, answer.shown()
    else:
        assert b"\x04kept" in answer.value, answer.shown()
