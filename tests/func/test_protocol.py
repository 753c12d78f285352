"""The same packets through sluice as directly, byte for byte, for every capability that matters.

All commands of a script are sent at once, each followed by COM_STATISTICS, whose answer marks the
end of the one before: so this is also a test of clients that do not wait for answers.
"""
from __future__ import annotations

import re
import struct
from typing import Any

from lib.case import Case, test
from lib.raw import (BASIC, CLOSE, DEPRECATE_EOF, EXECUTE, INIT_DB, LONG_DATA, LONG_PASSWORD,
                     MULTI_STATEMENTS, PING, PREPARE, PS_MULTI_RESULTS, QUERY, RESET, STATISTICS,
                     Closed, Raw, packet)
from lib.util import Background

SESSION_TRACK = 0x800000
OPTIONAL_METADATA = 1 << 25
QUERY_ATTRIBUTES = 1 << 27
MULTI = MULTI_STATEMENTS | PS_MULTI_RESULTS
FULL = BASIC | MULTI | DEPRECATE_EOF | SESSION_TRACK

# name: (capabilities, MariaDB's extended ones)
CAPS: dict[str, tuple[int, int]] = {
    "classic": (BASIC | MULTI, 0),
    "no multi": (BASIC, 0),
    "deprecate eof": (BASIC | MULTI | DEPRECATE_EOF, 0),
    "track": (BASIC | MULTI | SESSION_TRACK, 0),
    "all": (FULL, 0),
    "optional metadata": (FULL | OPTIONAL_METADATA, 0),
    "query attributes": (FULL | QUERY_ATTRIBUTES, 0),
    "mariadb extended": (FULL & ~LONG_PASSWORD, 0x1D),
    "mariadb classic eof": ((BASIC | MULTI) & ~LONG_PASSWORD, 0x1D),
}
COMMON = ("classic", "no multi", "deprecate eof", "track", "all")


def statement(number: int) -> bytes:
    return number.to_bytes(4, "little")


def text_queries() -> list[bytes]:
    """Commands with their code, as sent."""
    queries = [
        "SELECT 1", "SELECT NULL, '', REPEAT('a', 300), REPEAT('b', 70000)", "SELECT * FROM nope",
        "DO 1", "SELECT 1 FROM nums WHERE id < 0", "SELECT id FROM nums ORDER BY id LIMIT 1500",
        "SELECT 1; SELECT 2, 3; DO 0; SELECT 4", "SELECT 1; SELECT * FROM nope; SELECT 2",
        "SELECT id, REPEAT('x', 50), EXP(id) FROM nums ORDER BY id", "CALL several()",
        "CALL breaks()", "SET autocommit = 0", "SELECT COUNT(*) FROM nums", "COMMIT",
        "SET autocommit = 1", "START TRANSACTION READ ONLY", "ROLLBACK", "SET @a := 5, @b = 'x'",
        "SELECT @a, @b", "SELECT setter()", "SELECT @@sql_mode", "SET NAMES latin1", "SELECT 'x'",
        "SET NAMES utf8mb4", "SET character_set_results = NULL", "USE app", "USE nowhere", "",
        "   ", "-- only a comment", "/* a */ SELECT /* b */ 1 -- c", "SHOW WARNINGS",
        "SELECT CAST('1x' AS SIGNED)", "SHOW WARNINGS", "SHOW ERRORS", "SELECT FOUND_ROWS()",
        "INSERT INTO w VALUES (1), (2)", "UPDATE w SET a = a + 1", "DELETE FROM w",
        "SELECT * FROM w",
        "SET SESSION sql_mode = ''", "INSERT INTO w VALUES ('abc')", "SHOW WARNINGS",
        "EXPLAIN SELECT 1", "ANALYZE TABLE w", "CHECK TABLE w", "HELP 'nothing at all'",
        "PREPARE s FROM 'SELECT ? + 1'", "EXECUTE s USING @a", "DEALLOCATE PREPARE s",
        "CREATE TEMPORARY TABLE tt (a INT)", "SELECT * FROM tt", "DROP TEMPORARY TABLE tt",
        "SELECT GET_LOCK('func-protocol-lock', 0) >= 0", "SELECT RELEASE_ALL_LOCKS() >= 0",
        "HANDLER w OPEN", "HANDLER w READ FIRST", "HANDLER w CLOSE", "XA START 'x'", "XA END 'x'",
        "XA ROLLBACK 'x'", "KILL QUERY 0", "SELECT 1 INTO @z", "SELECT SLEEP(0.05)",
    ]
    return [bytes([QUERY]) + q.encode() for q in queries]


def other_commands() -> list[bytes]:
    return [bytes([PING]), bytes([INIT_DB]) + b"app", bytes([INIT_DB]) + b"nowhere",
            b"\x04nums\0", b"\x04nope\0%", b"\x1b\x01\0", bytes([QUERY]) + b"SELECT 1; SELECT 2",
            b"\x1b\0\0", bytes([QUERY]) + b"SELECT 1; SELECT 2", b"\x1b\x07\0", b"\x0d",
            bytes([RESET]), b"\x1f", bytes([QUERY]) + b"SELECT @a", b"\x06db", b"\x05db",
            b"\x0b", b"\x0f", b"\x10", b"\x14", b"\x7f", b"\xc8", bytes([PING])]


def execute(number: int, flags: int, values: list[int], bind: bool = True) -> bytes:
    """An execute whose parameters are BIGINT."""
    head = bytes([EXECUTE]) + statement(number) + bytes([flags]) + statement(1)
    if not values:
        return head
    nulls = b"\0" * ((len(values) + 7) // 8)
    types = b"\x01" + b"\x08\0" * len(values) if bind else b"\0"
    return head + nulls + types + b"".join(struct.pack("<q", v) for v in values)


def prepared_statements() -> list[bytes]:
    """Statement 1 is the first one prepared, and so on; `record` puts the server's ids in."""
    text = [b"SELECT ? + 1, ?", b"SELECT id FROM nums WHERE id <= ? ORDER BY id", b"DO ?",
            b"CALL several()", b"INSERT INTO w VALUES (?)", b"SELECT REPEAT('p', ?)"]
    cmds = [bytes([PREPARE]) + sql for sql in text]
    cmds += [bytes([PREPARE]) + b"SELEC", bytes([PREPARE]) + b"SELECT 1; SELECT 2"]
    cmds += [execute(1, 0, [41, 5]), execute(1, 0, [1, 2], bind=False), execute(2, 0, [700]),
             execute(3, 0, [1]), execute(4, 0, []), execute(5, 0, [9]), execute(6, 0, [70000]),
             execute(6, 0, [1000000000]), execute(99, 0, [1])]
    cmds += [execute(2, 1, [10]), b"\x1c" + statement(2) + statement(4),
             bytes([QUERY]) + b"SELECT 'between'", b"\x1c" + statement(2) + statement(100),
             b"\x1c" + statement(2) + statement(1), b"\x1c" + statement(1) + statement(1)]
    cmds += [execute(2, 1, [10]), b"\x1a" + statement(2), b"\x1c" + statement(2) + statement(4)]
    cmds += [b"\x1a" + statement(99), execute(1, 0, [3, 4])]
    return cmds


def silent_commands() -> list[bytes]:
    """Without an answer of their own: only the marker's follows."""
    return [bytes([LONG_DATA]) + statement(1) + b"\0\0" + b"l" * 5000,
            bytes([LONG_DATA]) + statement(99) + b"\0\0" + b"l", bytes([CLOSE]) + statement(1),
            bytes([CLOSE]) + statement(99)]


def special_commands(name: str) -> list[bytes]:
    if name == "query attributes":
        plain = bytes([QUERY]) + b"\0\x01SELECT 'no attribute'"
        one = (bytes([QUERY]) + b"\x01\x01\0\x01\xfd\0\x03key\x05value"
               + b"SELECT 'one attribute', 1; SELECT 2")
        return [plain, one, plain]
    if name.startswith("mariadb"):
        last = 0xFFFFFFFF
        bulk = (bytes([0xFA]) + statement(1) + b"\x80\0" + b"\x08\0"
                + b"".join(b"\0" + struct.pack("<q", i) for i in range(50)))
        return [bytes([PREPARE]) + b"INSERT INTO w VALUES (?)", bulk,
                bytes([QUERY]) + b"SELECT COUNT(*), SUM(a) FROM w",
                bytes([PREPARE]) + b"SELECT ? * 2", execute(last, 0, [21]), execute(last, 0, [4]),
                execute(last, 0, [5]), bytes([QUERY]) + b"SET STATEMENT max_statement_time=9 FOR"
                b" SELECT 1", bytes([QUERY]) + b"DELETE FROM w"]
    return []


def record(port: int, caps: tuple[int, int], commands: list[bytes],
           pipelined: bool) -> list[list[tuple[int, bytes]]]:
    """The packets that answer each command."""
    raw = Raw(port, timeout=30)
    raw.read_greeting()
    login = raw.login_payload("app", "app-secret", "app", caps[0])
    if caps[1]:
        login = login[:28] + struct.pack("<I", caps[1]) + login[32:]
    raw.send(packet(1, login))
    raw._finish_login("app-secret")
    answers: list[list[tuple[int, bytes]]] = []
    ids: list[bytes] = []
    todo = list(commands)
    while todo and (not pipelined or todo[0][0] == PREPARE):
        command = todo.pop(0)
        raw.send(packet(0, with_id(command, ids)) + MARKER)
        answers.append(_until_marker(raw))
        if command[0] == PREPARE and answers[-1][0][1][:1] == b"\0":
            ids.append(answers[-1][0][1][1:5])
    flood = b"".join(packet(0, with_id(c, ids)) + MARKER for c in todo)
    sending = Background(raw.send, flood)
    answers += [_until_marker(raw) for _ in todo]
    sending.result()
    raw.close()
    return answers


MARKER = packet(0, bytes([STATISTICS]))


def with_id(command: bytes, ids: list[bytes]) -> bytes:
    """MariaDB counts statement ids for the whole server: put the real one in."""
    if command[0] not in (EXECUTE, LONG_DATA, CLOSE, 0x1A, 0x1C, 0xFA):
        return command
    number = int.from_bytes(command[1:5], "little")
    if number == 0xFFFFFFFF:
        return command
    real = ids[number - 1] if number <= len(ids) else statement(900000000 + number)
    return command[:1] + real + command[5:]


def _until_marker(raw: Raw) -> list[tuple[int, bytes]]:
    packets: list[tuple[int, bytes]] = []
    while True:
        seq, payload = raw.read()
        if payload.startswith((b"Uptime:", b"\xfbUptime")) and seq == 1:
            return packets
        packets.append((seq, payload))


def normal(command: bytes,
           answer: list[tuple[int, bytes]]) -> list[tuple[int, bytes]]:
    """Without what differs between any two sessions: GTIDs and statement ids."""
    if command[0] == PREPARE and answer and answer[0][1][:1] == b"\0" and len(answer[0][1]) == 12:
        answer = [(1, b"\0ID  " + answer[0][1][5:]), *answer[1:]]
    return [(seq, re.sub(rb"\d+-\d+-\d+|last_gtid.*|\(\d+\)", b"GTID", _sorted_report(payload),
                         flags=re.S))
            for seq, payload in answer]


def _sorted_report(payload: bytes) -> bytes:
    """MariaDB reports several variables in the order of a hash table, which depends on how many it
    tracks: in alphabetical order here."""
    found = [m.start() for m in re.finditer(rb"\0.[\x01-\x40]character_set_", payload, re.S)]
    if len(found) < 2:
        return payload
    ends = [*found[1:], found[-1] + 2 + payload[found[-1] + 1]]
    entries = sorted(payload[a:b] for a, b in zip(found, ends))
    return payload[:found[0]] + b"".join(entries) + payload[ends[-1]:]


def prepare_schema(t: Case) -> None:
    t.server.connect().close()
    t.server.sql("CREATE TABLE IF NOT EXISTS app.w (a INT) ENGINE=MyISAM")
    t.server.sql("DROP PROCEDURE IF EXISTS app.several")
    t.server.sql("CREATE PROCEDURE app.several() BEGIN SELECT 1; SELECT id FROM app.nums WHERE"
                 " id < 5; DO 0; SELECT 'end'; END")
    t.server.sql("DROP PROCEDURE IF EXISTS app.breaks")
    t.server.sql("CREATE PROCEDURE app.breaks() BEGIN SELECT 1; SELECT * FROM app.nope; END")
    t.server.sql("DROP FUNCTION IF EXISTS app.setter")
    t.server.sql("SET GLOBAL log_bin_trust_function_creators = 1")
    t.server.sql("CREATE FUNCTION app.setter() RETURNS INT BEGIN SET SESSION sql_mode ="
                 " 'ANSI_QUOTES'; RETURN 1; END")


@test(deadline=90, family=("mariadb", "mysql"), caps=COMMON, group="protocol")
def test_same_packets(t: Case) -> None:
    same_packets(t)


@test(deadline=90, family=("mysql",), caps=("optional metadata", "query attributes"),
      group="protocol")
def test_mysql_only(t: Case) -> None:
    same_packets(t)


@test(deadline=90, family=("mariadb",), caps=("mariadb extended", "mariadb classic eof"),
      group="protocol")
def test_mariadb_only(t: Case) -> None:
    same_packets(t)


def same_packets(t: Case) -> None:
    prepare_schema(t)
    sluice = t.sluice()
    attributes = t.caps == "query attributes"
    scripts: dict[str, list[bytes]] = {
        "text": [_with_attributes(c) if attributes else c for c in text_queries()],
        "other": [_with_attributes(c) if attributes else c for c in other_commands()],
        "special": special_commands(t.caps)}
    if not attributes:
        scripts["prepared"] = prepared_statements() + silent_commands()
    wrong: list[str] = []
    for name, commands in scripts.items():
        for pipelined in (False, True):
            t.server.sql("TRUNCATE app.w")
            direct = record(t.server.port, CAPS[t.caps], commands, pipelined)
            t.server.sql("TRUNCATE app.w")
            through = record(sluice.port, CAPS[t.caps], commands, pipelined)
            wrong += compare(name, commands, direct, through)
    assert not wrong, f"{len(wrong)} answers differ:\n" + "\n".join(wrong[:15])


def _with_attributes(command: bytes) -> bytes:
    """A client with CLIENT_QUERY_ATTRIBUTES says before each query how many there are."""
    return command[:1] + b"\0\x01" + command[1:] if command[0] == QUERY else command


def compare(name: str, commands: list[bytes], direct: list[Any], through: list[Any]) -> list[str]:
    wrong = []
    for command, one, two in zip(commands, direct, through):
        if normal(command, one) != normal(command, two):
            wrong.append(f"{name} {command[:60]!r}:\n  direct  {_short(one)}\n"
                         f"  through {_short(two)}")
    return wrong


def _short(answer: list[tuple[int, bytes]]) -> str:
    shown = [(seq, payload[:60]) for seq, payload in answer[:6]]
    return f"{len(answer)} packets: {shown}"[:600]


@test(family=("mariadb", "mysql"))
def test_quit(t: Case) -> None:
    """After COM_QUIT there is nothing but the end, and the log is quiet about it."""
    sluice = t.sluice()
    t.server.connect().close()  # MySQL's cache of passwords is warm
    raw = Raw(sluice.port).login("app", "app-secret")
    raw.command(0x01)
    try:
        raise AssertionError(f"after COM_QUIT came {raw.read()}")
    except Closed:
        pass
    sluice.wait_count("idle", 0)
    assert "session_ended" not in sluice.log_text(), sluice.log_text()


@test(family=("mariadb", "mysql"), own=True)
def test_binlog_dump(t: Case) -> None:
    """A replica reads the binary log through sluice; the session is named as one that stays."""
    server = t.own_server()
    server.connect().close()
    server.sql("CREATE TABLE app.logged (a INT)")
    sluice = t.sluice(server)
    name = server.sql("SHOW BINARY LOGS")[0][0].encode()
    counts = []
    for port in (server.port, sluice.port):
        raw = Raw(port, timeout=20).login("app", "app-secret")
        raw.query("SET @master_binlog_checksum = 'NONE', @source_binlog_checksum = 'NONE'")
        raw.query("SET @master_heartbeat_period = 0, @source_heartbeat_period = 0")
        raw.command(0x12, struct.pack("<IHI", 4, 1, 5000 + t.number) + name)
        events = 0
        while True:
            payload = raw.answer()
            if payload[:1] == b"\xfe" and len(payload) < 9:
                break
            events += 1
        counts.append(events)
        raw.close()
    assert counts[0] >= 3 and counts[1] >= counts[0], f"events: {counts}"
    raw = Raw(sluice.port, timeout=20).login("app", "app-secret")
    raw.query("SET @master_binlog_checksum = 'NONE', @source_binlog_checksum = 'NONE'")
    raw.command(0x12, struct.pack("<IHI", 4, 0, 6000 + t.number) + name)
    raw.read()
    assert "binlog_dump" in sluice.ok("show", "obstacles").out
    raw.close()
