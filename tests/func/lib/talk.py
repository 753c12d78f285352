"""Sessions of several drivers behind one interface, for the tests of the move.

An action is a string (one text query, or several in one packet) or a tuple:
("prepare", name, sql)  ("execute", name, *args)  ("close", name)  ("reset", name)
("long", name, index, data)  ("cursor", name, *args)  ("fetch", name, rows)
("init_db", schema)  ("reset_connection",)  ("change_user", user, password, schema)
("direct", sql): prepared, executed and closed, where the driver has the binary protocol.

An answer is whatever the driver shows of the server's answer, as a value that can be compared.
"""
from __future__ import annotations

import dataclasses
import json
import re
import select
import shutil
import struct
import subprocess
from typing import Any, Iterator, Optional, Union

import MySQLdb
import MySQLdb.constants.CLIENT
import pymysql
from pymysql import _auth as auth

from lib import raw
from lib.clients import NODE_DIR
from lib.raw import Closed, Raw, packet
from lib.util import CLIENTS, Skip

Action = Union[str, tuple[Any, ...]]
SESSION_TRACK = 1 << 23
MORE_RESULTS = 8
STATE_CHANGED = 0x4000
SLOW = 0x800                    # SERVER_QUERY_WAS_SLOW: chance
LOST = (1053, 1927, 2006, 2013, 2014, 4031, 0)
TEXT_ACTIONS = {"query", "init_db"}
PREPARED_ACTIONS = {"prepare", "execute", "close", "direct"}


@dataclasses.dataclass
class Answer:
    """What a driver saw. `error`: number and text."""
    value: Any = None
    error: Optional[tuple[int, str]] = None

    @property
    def lost(self) -> bool:
        """The session is over."""
        return self.error is not None and (self.error[0] in LOST or
                                           "ECONNRESET" in self.error[1])

    def shown(self) -> str:
        text = f"error {self.error}" if self.error else repr(self.value)
        return text if len(text) < 600 else text[:400] + " ... " + text[-190:]


class Session:
    """One client session. `actions` are the kinds of action that its driver knows."""
    actions: set[str] = TEXT_ACTIONS
    thread_id = 0

    def do(self, action: Action) -> Answer:
        raise NotImplementedError

    def can(self, action: Action) -> bool:
        return isinstance(action, str) or action[0] in self.actions

    def close(self) -> None:
        raise NotImplementedError


class PyMySQL(Session):
    """Text protocol, classic EOF packets."""
    actions = TEXT_ACTIONS

    def __init__(self, port: int, user: str, password: str, database: Optional[str]):
        self.link = pymysql.connect(
            host="127.0.0.1", port=port, user=user, password=password, database=database,
            autocommit=None, charset="utf8mb4", use_unicode=False, conv={}, connect_timeout=20,
            read_timeout=60, client_flag=pymysql.constants.CLIENT.MULTI_STATEMENTS)
        self.thread_id = self.link.thread_id()

    def do(self, action: Action) -> Answer:
        try:
            if not isinstance(action, str):
                self.link.select_db(action[1])
                return Answer("selected")
            self.link.query(action)
            parts = [self._part()]
            while self.link._result.has_next:
                self.link.next_result()
                parts.append(self._part())
            return Answer(parts)
        except (pymysql.MySQLError, OSError) as err:
            number = err.args[0] if err.args and isinstance(err.args[0], int) else 0
            return Answer(error=(number, str(err.args[-1] if err.args else err)))

    def _part(self) -> Any:
        result = self.link._result
        columns = [(f.name, f.org_name, f.table_name, f.db, f.charsetnr, f.length, f.type_code,
                    f.flags, f.scale) for f in getattr(result, "fields", ())]
        return (columns, result.rows, result.affected_rows, result.insert_id,
                result.warning_count, (result.server_status or 0) & ~SLOW, result.message)

    def close(self) -> None:
        try:
            self.link.close()
        except (pymysql.MySQLError, OSError):
            pass


class MySQLdbSession(Session):
    """Text protocol through libmariadb."""
    actions = TEXT_ACTIONS | {"change_user"}

    def __init__(self, port: int, user: str, password: str, database: Optional[str]):
        more = {"db": database} if database else {}
        self.link = MySQLdb.connect(
            host="127.0.0.1", port=port, user=user, passwd=password, charset="utf8mb4",
            use_unicode=False, conv={0: None}, connect_timeout=20, autocommit=None,
            client_flag=MySQLdb.constants.CLIENT.MULTI_STATEMENTS, **more)
        self.thread_id = self.link.thread_id()

    def do(self, action: Action) -> Answer:
        try:
            if isinstance(action, str):
                self.link.query(action.encode())
                return Answer(list(self._parts()))
            if action[0] == "init_db":
                self.link.select_db(action[1])
            else:
                self.link.change_user(*(w or "" for w in action[1:]))
            return Answer(action[0])
        except MySQLdb.Error as err:
            number = err.args[0] if err.args and isinstance(err.args[0], int) else 0
            return Answer(error=(number, str(err.args[-1] if err.args else err)))

    def _parts(self) -> Iterator[Any]:
        while True:
            result = self.link.store_result()
            shape: Any = None
            if result is not None:
                try:
                    shape = [result.describe()]
                except LookupError as err:      # a character set that Python does not know
                    shape = [str(err)]
                shape += [result.field_flags(), result.fetch_row(0)]
            yield (shape, self.link.affected_rows(), self.link.insert_id(),
                   self.link.warning_count(), self.link.info())
            if self.link.next_result() != 0:
                return

    def close(self) -> None:
        try:
            self.link.close()
        except MySQLdb.Error:
            pass


class Statement:
    """A prepared statement of a raw session."""

    def __init__(self, number: int, params: int):
        self.number, self.params = number, params
        self.types: bytes = b""         # as last sent
        self.long: set[int] = set()

    def id(self) -> bytes:
        return self.number.to_bytes(4, "little")


def _first_answer(plugin: bytes, secret: bytes, scramble: bytes) -> bytes:
    if plugin == b"sha256_password":
        return b"\x01" if secret else b"\0"      # the public key, please
    return (raw.sha2_answer if b"sha2" in plugin else raw.native_answer)(secret, scramble)


class RawSession(Session):
    """Whole packets, compared byte for byte. Work is a generator that stops after each send, so
    that a command can be left unanswered while the server moves."""
    actions = TEXT_ACTIONS | PREPARED_ACTIONS | {"reset", "long", "cursor", "fetch", "ping",
                                                 "reset_connection", "change_user"}

    def __init__(self, port: int, user: str, password: str, database: Optional[str],
                 caps: int = 0, binary: bool = False):
        self.caps = (raw.BASIC | raw.MULTI_STATEMENTS | raw.PS_MULTI_RESULTS | caps)
        self.binary = binary
        self.link = Raw(port, timeout=25)
        self.link.read_greeting()
        assert self.link.greeting is not None
        self.thread_id = self.link.greeting.thread_id
        self.statements: dict[str, Statement] = {}
        self.pending: Optional[Iterator[None]] = None
        self.packets: list[Any] = []
        self.more = False
        self.link.send(packet(1, self.link.login_payload(user, password, database or "",
                                                         self.caps)))
        self.scramble = self.link.greeting.scramble
        self._authenticate(password)

    def _authenticate(self, password: str) -> bytes:
        """Follows the server until its OK; full caching_sha2 with its public key."""
        secret = password.encode()
        while True:
            seq, payload = self.link.read()
            if payload[:1] == b"\xff":
                raise raw.ServerError(payload)
            if payload[:1] == b"\0":
                return payload
            if payload[:1] == b"\xfe":
                plugin, _, data = payload[1:].partition(b"\0")
                self.scramble = data[:20]
                self.link.send(packet(seq + 1, _first_answer(plugin, secret, self.scramble)))
            elif payload[:2] == b"\x01\x04":
                self.link.send(packet(seq + 1, b"\x02"))
            elif payload[:1] == b"\x01" and len(payload) > 100:
                self.link.send(packet(seq + 1, auth.sha2_rsa_encrypt(
                    secret, self.scramble, payload[1:])))

    def do(self, action: Action) -> Answer:
        self.begin(action)
        return self.end()

    def begin(self, action: Action) -> None:
        """Sends the first packet of the action."""
        assert self.pending is None
        self.packets = []
        self.pending = self._steps(action)
        try:
            next(self.pending, None)
        except Closed:
            pass

    def end(self) -> Answer:
        assert self.pending is not None
        try:
            for _ in self.pending:
                pass
        except raw.ServerError as err:
            return Answer(self.packets, (err.code, self._own_number(err.message)))
        except (Closed, OSError) as err:
            return Answer(error=(0, f"closed: {err}"))
        finally:
            self.pending = None
        return Answer(self.packets)

    def _own_number(self, text: str) -> str:
        """An error that names the statement by the number that this client knows."""
        for name, statement in self.statements.items():
            text = text.replace(f"({statement.number})", f"(number of {name})")
        return text

    def is_answered(self) -> bool:
        """Something has come from the server."""
        return bool(self.link.buffer) or bool(select.select([self.link.sock], [], [], 0)[0])

    def _steps(self, action: Action) -> Iterator[None]:
        if isinstance(action, str):
            if self.binary and self._worth_preparing(action):
                yield from self._direct(action)
            else:
                yield from self._query(action)
            return
        kind, *rest = action
        if kind in ("execute", "close", "reset", "long", "cursor", "fetch") \
                and rest[0] not in self.statements:
            self.packets.append("no such statement here")      # it could not be prepared
            return
        yield from getattr(self, "_" + kind)(*rest)

    @staticmethod
    def _worth_preparing(sql: str) -> bool:
        return ";" not in sql

    def _query(self, sql: str) -> Iterator[None]:
        self.link.command(raw.QUERY, sql.encode())
        yield
        self._results()

    def _direct(self, sql: str) -> Iterator[None]:
        try:
            yield from self._prepare(" direct", sql)
        except raw.ServerError as err:
            if err.code != 1295:        # not supported in the prepared statement protocol
                raise
            yield from self._query(sql)
            return
        try:
            yield from self._execute(" direct")
        finally:
            yield from self._close(" direct")

    def _init_db(self, schema: str) -> Iterator[None]:
        self.link.command(raw.INIT_DB, schema.encode())
        yield
        self._simple()

    def _ping(self) -> Iterator[None]:
        self.link.command(raw.PING)
        yield
        self._simple()

    def _reset_connection(self) -> Iterator[None]:
        self.link.command(0x1F)
        self.statements.clear()
        yield
        self._simple()

    def _change_user(self, user: str, password: str, schema: Optional[str]) -> Iterator[None]:
        assert self.link.greeting is not None
        plugin = self.link.greeting.plugin
        make = raw.sha2_answer if "sha2" in plugin else raw.native_answer
        answer = make(password.encode(), self.scramble)
        self.link.command(17, user.encode() + b"\0" + bytes([len(answer)]) + answer
                          + (schema or "").encode() + b"\0" + b"\x2d\0" + plugin.encode() + b"\0")
        self.statements.clear()
        yield
        self.packets.append(self._ok(self._authenticate(password)))

    def _prepare(self, name: str, sql: Union[str, bytes]) -> Iterator[None]:
        text = sql if isinstance(sql, bytes) else sql.encode()
        self.link.command(raw.PREPARE, text)
        yield
        first = self._checked()
        number, columns, params = struct.unpack_from("<IHH", first, 1)
        self.packets.append(first[:1] + b"...." + first[5:])     # the number is the server's
        for count in (params, columns):
            for _ in range(count):
                self.packets.append(self.link.read()[1])
            if count and not self.caps & raw.DEPRECATE_EOF:
                self.packets.append(self._eof(self.link.read()[1]))
        self.statements[name] = Statement(number, params)

    def _execute(self, name: str, *args: Any, flags: int = 0) -> Iterator[None]:
        statement = self.statements[name]
        self.link.command(raw.EXECUTE, statement.id() + bytes([flags]) + b"\1\0\0\0"
                          + _parameters(statement, args))
        statement.long.clear()
        yield
        self._results()

    def _cursor(self, name: str, *args: Any) -> Iterator[None]:
        yield from self._execute(name, *args, flags=1)

    def _fetch(self, name: str, rows: int) -> Iterator[None]:
        self.link.command(0x1C, self.statements[name].id() + struct.pack("<I", rows))
        yield
        self._rows()

    def _close(self, name: str) -> Iterator[None]:
        # The statement stays known here, so that a test can execute it all the same.
        self.link.command(raw.CLOSE, self.statements[name].id())
        yield

    def _reset(self, name: str) -> Iterator[None]:
        self.statements[name].long.clear()
        self.link.command(0x1A, self.statements[name].id())
        yield
        self._simple()

    def _long(self, name: str, index: int, data: bytes) -> Iterator[None]:
        statement = self.statements[name]
        statement.long.add(index)
        self.link.command(raw.LONG_DATA, statement.id() + struct.pack("<H", index) + data)
        yield

    def _checked(self) -> bytes:
        payload = self.link.read()[1]
        if payload[:1] == b"\xff":
            raise raw.ServerError(payload)
        return payload

    def _simple(self) -> None:
        payload = self._checked()
        self.packets.append(self._eof(payload) if payload[:1] == b"\xfe" else self._ok(payload))

    def _results(self) -> None:
        self.more = True
        while self.more:
            first = self._checked()
            if first[:1] == b"\0":
                self.packets.append(self._ok(first))
                continue
            self.packets.append(first)
            count = first[0] if first[0] < 0xFB else int.from_bytes(first[1:3], "little")
            for _ in range(count):
                self.packets.append(self.link.read()[1])
            if not self.caps & raw.DEPRECATE_EOF:
                end = self._eof(self.link.read()[1])
                self.packets.append(end)
                if self.cursor:
                    return
            self._rows()

    cursor = False

    def _rows(self) -> None:
        while True:
            payload = self._checked()
            if payload[:1] == b"\xfe" and len(payload) < 0xFFFFFF:
                if self.caps & raw.DEPRECATE_EOF:
                    self.packets.append(self._ok(payload))
                    return
                if len(payload) < 9:
                    self.packets.append(self._eof(payload))
                    return
            self.packets.append(payload)

    def _eof(self, payload: bytes) -> bytes:
        warnings, status = struct.unpack_from("<HH", payload, 1)
        self.more = bool(status & MORE_RESULTS)
        self.cursor = bool(status & 0x40)
        # Without CAP_SESSION_TRACK this flag says nothing; MariaDB sets it all the same, here only.
        mask = SLOW if self.caps & SESSION_TRACK else SLOW | STATE_CHANGED
        return payload[:1] + struct.pack("<HH", warnings, status & ~mask)

    def _ok(self, payload: bytes) -> Any:
        """As it is; the entries of a session state block sorted, for MariaDB's order is chance."""
        at = 1
        for _ in range(2):
            at += {0xFC: 3, 0xFD: 4, 0xFE: 9}.get(payload[at], 1)
        status = struct.unpack_from("<H", payload, at)[0]
        self.more = bool(status & MORE_RESULTS)
        head = payload[:at] + struct.pack("<H", status & ~SLOW) + payload[at + 2:at + 4]
        tail = payload[at + 4:]
        if status & STATE_CHANGED and self.caps & SESSION_TRACK:
            info, at = _string(tail, 0)
            block, end = _string(tail, at)
            assert end == len(tail), f"after the session state: {tail[end:]!r}"
            return head, info, sorted(_entries(block))
        return head + tail

    def close(self) -> None:
        self.link.close()


def _string(data: bytes, at: int) -> tuple[bytes, int]:
    """A length-encoded string of less than 64 KiB, and where it ends."""
    length, at = data[at], at + 1
    if length == 0xFC:
        length, at = int.from_bytes(data[at:at + 2], "little"), at + 2
    assert length < 0xFD or at > 2, f"{data!r}"
    return data[at:at + length], at + length


# What MySQL (statement_id) and MariaDB (last_gtid) report with every statement when asked for `*`.
CHANCE = (b"\x0cstatement_id", b"\x09last_gtid")


def _entries(block: bytes) -> Iterator[tuple[int, bytes]]:
    at = 0
    while at < len(block):
        kind = block[at]
        data, at = _string(block, at + 1)
        if not data.startswith(CHANCE):
            yield kind, data


def _encode(value: Any) -> tuple[int, bytes]:
    """Type (with the unsigned flag) and binary value of a parameter."""
    if value is None:
        return 6, b""
    if isinstance(value, bool):
        return 1, struct.pack("<b", value)
    if isinstance(value, int):
        if value >= 1 << 63:
            return 0x8008, struct.pack("<Q", value)
        return 8, struct.pack("<q", value)
    if isinstance(value, float):
        return 5, struct.pack("<d", value)
    kind, data = (0xFD, value.encode()) if isinstance(value, str) else (0xFC, bytes(value))
    if len(data) < 251:
        return kind, bytes([len(data)]) + data
    if len(data) < 1 << 16:
        return kind, b"\xfc" + struct.pack("<H", len(data)) + data
    return kind, b"\xfd" + struct.pack("<I", len(data))[:3] + data


def _parameters(statement: Statement, args: tuple[Any, ...]) -> bytes:
    """Null bitmap, types if they are not those sent before, values."""
    if not args:
        return b""
    bitmap = bytearray((len(args) + 7) // 8)
    types, values = b"", b""
    for i, value in enumerate(args):
        kind, data = _encode(value)
        if value is None:
            bitmap[i // 8] |= 1 << i % 8
        types += struct.pack("<H", kind)
        values += b"" if i in statement.long else data
    new = types != statement.types
    statement.types = types
    return bytes(bitmap) + (b"\1" + types if new else b"\0") + values


class Child:
    """A program that keeps sessions of one driver: a line of JSON in, a line of JSON out."""

    def __init__(self, argv: list[str], **env: str):
        import os
        self.process = subprocess.Popen(argv, stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                                        env=dict(os.environ, **env))
        self.keys = 0

    def ask(self, **request: Any) -> Any:
        assert self.process.stdin is not None and self.process.stdout is not None
        self.process.stdin.write((json.dumps(request) + "\n").encode())
        self.process.stdin.flush()
        if not select.select([self.process.stdout], [], [], 90)[0]:
            raise AssertionError(f"the driver does not answer: {str(request)[:300]}")
        line = self.process.stdout.readline()
        if not line:
            raise AssertionError(f"the driver's process ended at {str(request)[:300]}")
        return json.loads(line)

    def close(self) -> None:
        self.process.kill()
        self.process.wait()


def _jsonable(value: Any) -> Any:
    return {"hex": value.hex()} if isinstance(value, bytes) else value


class ChildSession(Session):
    """A session that lives in a Child."""
    actions = TEXT_ACTIONS | PREPARED_ACTIONS | {"change_user"}

    def __init__(self, child: Child, port: int, user: str, password: str,
                 database: Optional[str]):
        self.child = child
        child.keys += 1
        self.key = child.keys
        got = child.ask(key=self.key, op="open", port=port, user=user, password=password,
                        database=database or "")
        if "error" in got:
            raise AssertionError(f"connect: {got}")
        self.thread_id = int(got["value"])

    def do(self, action: Action) -> Answer:
        if isinstance(action, str):
            op, rest = "query", [action]
        else:
            op, rest = action[0], list(action[1:])
        got = self.child.ask(key=self.key, op=op, args=[_jsonable(v) for v in rest])
        if "error" in got:
            number, text = got["error"]
            # mysqlnd and mysql2 have words of their own for a connection that is over.
            if re.search("gone away|closed state|closed connection|PROTOCOL_|Lost conn", text):
                number = 2006
            return Answer(got.get("value"), (int(number or 0), text))
        return Answer(got["value"])

    def close(self) -> None:
        self.child.ask(key=self.key, op="bye")


class PhpSession(ChildSession):
    actions = ChildSession.actions | {"reset", "long", "cursor_not"}


def _need(name: str) -> str:
    found = shutil.which(name, path="/usr/bin:/usr/local/bin")
    if found is None:
        raise Skip(f"no {name}")
    return found


class Driver:
    """Makes sessions. `binary`: probes go over the binary protocol."""

    def __init__(self, name: str):
        self.name = name
        self.binary = name in ("raw-binary", "php-mysqli", "node-mysql2")
        self.child: Optional[Child] = None

    def open(self, port: int, user: str, password: str, database: Optional[str]) -> Session:
        if self.name == "pymysql":
            return PyMySQL(port, user, password, database)
        if self.name == "mysqldb":
            return MySQLdbSession(port, user, password, database)
        if self.name in RAW_CAPS:
            return RawSession(port, user, password, database, RAW_CAPS[self.name], self.binary)
        if self.child is None:
            self.child = _child(self.name)
        make = PhpSession if self.name == "php-mysqli" else ChildSession
        return make(self.child, port, user, password, database)

    def close(self) -> None:
        if self.child is not None:
            self.child.close()


RAW_CAPS = {"raw-text": 0, "raw-binary": raw.DEPRECATE_EOF,
            "raw-track": raw.DEPRECATE_EOF | SESSION_TRACK}
DRIVERS = ("pymysql", "mysqldb", "php-mysqli", "node-mysql2", *RAW_CAPS)


def _child(name: str) -> Child:
    if name == "php-mysqli":
        return Child([_need("php"), "-n", "-d", "extension=mysqlnd", "-d", "extension=mysqli",
                      "-d", "memory_limit=512M", str(CLIENTS / "move.php")])
    if not (NODE_DIR / "node_modules/mysql2").exists():
        raise Skip("no mysql2 in build/node (tests/deps node)")
    return Child([_need("node"), str(CLIENTS / "move.js")],
                 NODE_MYSQL2=str(NODE_DIR / "node_modules/mysql2/promise.js"))
