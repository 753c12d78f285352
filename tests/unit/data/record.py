#!/usr/bin/python3
"""Records what real servers answer, packet by packet, for the unit tests of wire and state.

    tests/unit/data/record.py maria=127.0.0.1:3306 mysql=127.0.0.1:3307 [-o DIR] [SCENARIO...]

Needs servers that can be thrown away: user root without password over TCP, GTIDs and local_infile
switched on. Every scenario makes one file a server (and one a way of ending result sets):
comment lines say server, capabilities and what was sent; then `C: hex` and `S: hex`, one packet
with its header a line, in the order in which they passed. Packets of the login are only in login-*.

An answer ends when the server has been silent for a moment: the recorder must not believe that
it knows where answers end, since that is what the recordings are for.
"""

from __future__ import annotations

import argparse
import hashlib
import pathlib
import select
import socket
import struct
import time
from collections.abc import Callable, Sequence

SILENCE = 0.15
FIRST_ANSWER = 10.0

MYSQL, WITH_DB, LOCAL_FILES, PROTOCOL_41 = 0x1, 0x8, 0x80, 0x200
TRANSACTIONS, SECURE, MULTI = 0x2000, 0x8000, 0x70000
PLUGIN, ATTRS, LENENC, TRACK = 0x80000, 0x100000, 0x200000, 0x800000
DEPRECATE_EOF, OPTIONAL_META, QUERY_ATTRS = 0x1000000, 0x2000000, 0x8000000
PROGRESS, BULK, EXT_META, CACHE_META = 1 << 32, 1 << 34, 1 << 35, 1 << 36
BASE = LOCAL_FILES | PROTOCOL_41 | TRANSACTIONS | SECURE | MULTI | PLUGIN | ATTRS | LENENC | TRACK

LONG, LONGLONG, VAR_STRING = 0x03, 0x08, 0xFD
CURSOR_READ_ONLY, PARAMETER_COUNT_AVAILABLE = 1, 8


def lenenc(value: bytes) -> bytes:
    """Length-encoded bytes; the recorder sends nothing that needs more than three."""
    n = len(value)
    return (bytes([n]) if n < 251 else b"\xfc" + struct.pack("<H", n)) + value


def native_answer(password: str, scramble: bytes) -> bytes:
    """mysql_native_password: SHA1(p) XOR SHA1(scramble, SHA1(SHA1(p)))."""
    if not password:
        return b""
    one = hashlib.sha1(password.encode()).digest()
    two = hashlib.sha1(scramble + hashlib.sha1(one).digest()).digest()
    return bytes(a ^ b for a, b in zip(one, two))


def sha2_answer(password: str, scramble: bytes) -> bytes:
    """caching_sha2_password's fast answer: SHA256(p) XOR SHA256(SHA256(SHA256(p)), scramble)."""
    if not password:
        return b""
    one = hashlib.sha256(password.encode()).digest()
    two = hashlib.sha256(hashlib.sha256(one).digest() + scramble).digest()
    return bytes(a ^ b for a, b in zip(one, two))


ANSWERS: dict[str, Callable[[str, bytes], bytes]] = {
    "mysql_native_password": native_answer,
    "caching_sha2_password": sha2_answer,
}


def bound(values: Sequence[int | str | None]) -> bytes:
    """Null bitmap, types and values of the binary protocol."""
    bitmap = bytearray((len(values) + 7) // 8)
    types, data = b"", b""
    for i, value in enumerate(values):
        if isinstance(value, int):
            types, data = types + struct.pack("<H", LONG), data + struct.pack("<i", value)
            continue
        types += struct.pack("<H", VAR_STRING)
        if value is None:
            bitmap[i // 8] |= 1 << i % 8
        else:
            data += lenenc(value.encode())
    return bytes(bitmap) + b"\x01" + types + data if values else b""


class Server:
    """One address, and what its greeting says."""

    def __init__(self, name: str, address: str) -> None:
        host, port = address.rsplit(":", 1)
        self.name = name
        self.address = (host, int(port))
        self.maria = name.startswith("maria")


class Session:
    """A raw client that writes down every packet."""

    def __init__(self, server: Server, caps: int) -> None:
        self.server = server
        self.socket = socket.create_connection(server.address, timeout=FIRST_ANSWER)
        self.lines: list[str] = []
        self.version = ""
        self.caps = caps if server.maria else caps | MYSQL
        self.scramble = b""
        self.plugin = ""

    def note(self, text: str) -> None:
        self.lines.append("# " + text)

    def send(self, payload: bytes, seq: int = 0) -> None:
        packet = struct.pack("<I", len(payload))[:3] + bytes([seq]) + payload
        self.lines.append("C: " + packet.hex())
        self.socket.sendall(packet)

    def send_together(self, payloads: Sequence[bytes]) -> None:
        """Several commands in one write, without waiting for answers."""
        stream = b""
        for payload in payloads:
            packet = struct.pack("<I", len(payload))[:3] + b"\x00" + payload
            self.lines.append("C: " + packet.hex())
            stream += packet
        self.socket.sendall(stream)

    def receive(self, silence: float = SILENCE, first: float = FIRST_ANSWER) -> list[bytes]:
        """Packets until silence or the end of the connection."""
        stream, wait = b"", first
        while select.select([self.socket], [], [], wait)[0]:
            try:
                data = self.socket.recv(1 << 16)
            except ConnectionResetError:
                break
            if not data:
                break
            stream, wait = stream + data, silence
        packets = []
        while stream:
            end = 4 + int.from_bytes(stream[:3], "little")
            packets.append(stream[:end])
            stream = stream[end:]
        self.lines += ["S: " + p.hex() for p in packets]
        return packets

    def ask(self, payload: bytes, note: str, silence: float = SILENCE) -> list[bytes]:
        self.note(note)
        self.send(payload)
        return self.receive(silence)

    def query(self, sql: str, silence: float = SILENCE) -> list[bytes]:
        attributes = b"\x00\x01" if self.caps & QUERY_ATTRS else b""
        return self.ask(b"\x03" + attributes + sql.encode(), sql, silence)

    def prepare(self, sql: str) -> int:
        answer = self.ask(b"\x16" + sql.encode(), "prepare: " + sql)
        return int(struct.unpack("<I", answer[0][5:9])[0])

    def execute(self, statement: int, values: Sequence[int | str | None] = (),
                flags: int = 0) -> list[bytes]:
        payload = b"\x17" + struct.pack("<IBI", statement, flags, 1) + bound(values)
        return self.ask(payload, f"execute, flags {flags}, parameters {list(values)}")

    def fetch(self, statement: int, rows: int) -> list[bytes]:
        return self.ask(b"\x1c" + struct.pack("<II", statement, rows), f"fetch {rows} rows")

    def reset(self, statement: int) -> list[bytes]:
        return self.ask(b"\x1a" + struct.pack("<I", statement), "statement reset")

    def close_statement(self, statement: int) -> None:
        self.note("statement close, then ping")
        self.send(b"\x19" + struct.pack("<I", statement))
        self.send(b"\x0e")
        self.receive()

    def greet(self) -> bytes:
        greeting = self.receive()[0][4:]
        end = greeting.index(0)
        self.version = greeting[1:end].decode()
        rest = greeting[end + 5:]
        self.scramble = rest[:8] + rest[27:39]
        self.plugin = rest[40:].split(b"\0")[0].decode()
        low = int.from_bytes(rest[9:11], "little") | int.from_bytes(rest[14:16], "little") << 16
        if not low & MYSQL:
            low |= int.from_bytes(rest[23:27], "little") << 32
        self.caps &= low
        return greeting

    def login(self, user: str = "root", password: str = "", database: str = "",
              plugin: str = "") -> list[bytes]:
        """Answers the greeting. A client that claims another `plugin` makes the server switch."""
        caps = self.caps | (WITH_DB if database else 0)
        plugin = plugin or self.plugin
        answer = ANSWERS.get(plugin, native_answer)(password, self.scramble)
        extended = 0 if caps & MYSQL else caps >> 32
        packet = struct.pack("<IIB19xI", caps & 0xFFFFFFFF, 1 << 24, 45, extended)
        packet += user.encode() + b"\0" + lenenc(answer)
        packet += database.encode() + b"\0" if database else b""
        packet += plugin.encode() + b"\0"
        packet += lenenc(lenenc(b"program_name") + lenenc(b"record"))
        self.caps = caps
        self.send(packet, 1)
        return self.answer_switch(self.receive(), password)

    def answer_switch(self, packets: list[bytes], password: str) -> list[bytes]:
        if packets and packets[0][4] == 0xFE:
            name, data = packets[0][5:].split(b"\0", 1)
            answer = ANSWERS.get(name.decode(), native_answer)(password, data.rstrip(b"\0"))
            self.send(answer, packets[0][3] + 1)
            packets = self.receive()
        return packets


def connect(server: Server, caps: int) -> Session:
    """A session after its login, nothing written down yet."""
    session = Session(server, caps)
    session.greet()
    session.login()
    session.lines = []
    session.query("USE rec")
    session.lines = []
    return session


SETUP = """DROP DATABASE IF EXISTS rec
CREATE DATABASE rec
SET GLOBAL log_bin_trust_function_creators=1
SET GLOBAL local_infile=1
USE rec
CREATE TABLE t (id INT PRIMARY KEY, a INT, b VARCHAR(40)) ENGINE=InnoDB
INSERT INTO t VALUES (1,1,'one'),(2,2,''),(3,3000,NULL),(4,4,'four')
CREATE TABLE e (id INT PRIMARY KEY, a INT) ENGINE=InnoDB
CREATE FUNCTION f() RETURNS INT NO SQL BEGIN SET SESSION sort_buffer_size=65536; RETURN 1; END
CREATE PROCEDURE p() BEGIN SELECT id FROM t; SELECT b FROM t WHERE id=1; END
CREATE PROCEDURE w() BEGIN SELECT id FROM t; INSERT INTO e VALUES (77,1); DELETE FROM e; END
CREATE PROCEDURE o(OUT x INT) BEGIN SET x=5; END
DROP USER IF EXISTS someone
CREATE USER someone IDENTIFIED BY 'secret'"""


def prepare_server(server: Server) -> None:
    session = connect(server, BASE)
    for statement in SETUP.split("\n"):
        last = session.query(statement)[-1]
        if last[4] == 0xFF:
            raise SystemExit(f"{server.name}: {statement}: {last[13:].decode()}")


def results(s: Session) -> None:
    s.query("SELECT 1")
    s.query("SELECT id, a, b FROM t")
    s.query("SELECT b, id FROM t WHERE id IN (2, 3)")
    s.query("SELECT REPEAT('x', 300)")
    s.query("SELECT id FROM t WHERE id > 100")
    s.query("DO 1")
    s.query("SELECT nosuch FROM t")
    s.query("SELECT id, EXP(a) FROM t")
    s.query("SELECT 1; SELECT 2; SET @x=1")
    s.query("SELECT 1; SELECT nosuch; SELECT 2")
    s.query("SELECT 1; SELECT id, EXP(a) FROM t; SELECT 2")
    s.query("CALL p()")
    s.query("CALL w()")
    s.query("SELECT 'a' + 0")
    s.query("SHOW WARNINGS")
    s.query("INSERT INTO e VALUES (1, 1), (2, 2)")
    s.query("BEGIN")
    s.query("SELECT id FROM e")
    s.query("COMMIT")
    s.query("DELETE FROM e")


def infile(s: Session) -> None:
    load = "LOAD DATA LOCAL INFILE '/f' INTO TABLE e"
    for data, sql in ([b"1\t1\n2\t2\n"], load), ([], load), ([b"3\t3\n", b"4\t4\n"],
                                                           "SELECT 1; " + load + "; SELECT 2"):
        first = s.query(sql)
        seq = first[-1][3] + 1
        s.note(f"{len(data)} packets of data and an empty one")
        for i, part in enumerate([*data, b""]):
            s.send(part, seq + i)
        s.receive()
    s.query("DELETE FROM e")


def prepared(s: Session) -> None:
    for sql, values in (("SELECT ? + id, ? FROM t WHERE id < 3", [1, "x"]), ("DO 1", []),
                        ("INSERT INTO e VALUES (?, 1)", [9]), ("DELETE FROM e", []),
                        ("SELECT id FROM t", []), ("SELECT id, EXP(a) FROM t", []),
                        ("CALL p()", []), ("CALL w()", [])):
        statement = s.prepare(sql)
        s.execute(statement, values)
        s.close_statement(statement)
    s.ask(b"\x16SELECT nosuch FROM t", "prepare: SELECT nosuch FROM t")
    s.execute(999)
    statement = s.prepare("SELECT ?")
    s.note("long data for the parameter, no answer")
    s.send(b"\x18" + struct.pack("<IH", statement, 0) + b"long data")
    s.ask(b"\x17" + struct.pack("<IBI", statement, 0, 1) + b"\0\x01" + struct.pack("<H", 0xFC),
          "execute with the long data")
    s.reset(statement)
    s.reset(999)


def call_out(s: Session) -> None:
    s.note("an OUT parameter comes as a result set of its own (PS_OUT_PARAMS)")
    statement = s.prepare("CALL o(?)")
    s.execute(statement, [1])
    s.close_statement(statement)


def cursor(s: Session) -> None:
    statement = s.prepare("SELECT id, b FROM t")
    s.execute(statement, flags=CURSOR_READ_ONLY)
    for rows in 2, 1, 10, 1:
        s.fetch(statement, rows)
    s.note("again, reset with rows left")
    s.execute(statement, flags=CURSOR_READ_ONLY)
    s.fetch(statement, 1)
    s.reset(statement)
    s.fetch(statement, 1)
    s.note("again, another command while the cursor is open, then close")
    s.execute(statement, flags=CURSOR_READ_ONLY)
    s.query("SELECT 1")
    s.fetch(statement, 4)
    s.execute(statement, flags=CURSOR_READ_ONLY)
    s.close_statement(statement)
    for sql in ("SELECT id FROM t WHERE id > 100", "INSERT INTO e VALUES (5, 5)", "DELETE FROM e",
                "SELECT 1", "CALL p()", "SHOW DATABASES LIKE 'rec'"):
        statement = s.prepare(sql)
        first = s.execute(statement, flags=CURSOR_READ_ONLY)
        if first[0][4] not in (0x00, 0xFF):
            s.fetch(statement, 10)
        s.close_statement(statement)


def commands(s: Session) -> None:
    s.ask(b"\x0e", "ping")
    s.ask(b"\x02rec", "init_db rec")
    s.ask(b"\x02nosuch", "init_db nosuch")
    s.ask(b"\x04t\0%", "field_list t")
    s.ask(b"\x04nosuch\0", "field_list nosuch")
    s.ask(b"\x09", "statistics")
    s.ask(b"\x1b\x01\x00", "set_option multi_statements off")
    s.query("SELECT 1; SELECT 2")
    s.ask(b"\x1b\x00\x00", "set_option multi_statements on")
    s.ask(b"\x1b\x09\x00", "set_option 9 (unknown)")
    s.ask(b"\x0d", "debug")
    s.ask(b"\x0a", "process_info")
    s.ask(b"\x0c" + struct.pack("<I", 999999), "process_kill of nobody")
    s.ask(b"\x07\x01", "refresh grants")
    s.ask(b"\x1f", "reset_connection")
    s.ask(b"\x55", "command 0x55 (unknown)")
    s.ask(b"\x0f", "command 0x0f (time, internal)")
    s.note("ping, query and statement close sent together")
    s.send_together([b"\x0e", b"\x03SELECT 1", b"\x19\x09\0\0\0", b"\x0e", b"\x03DO 1"])
    s.receive()


def change_user(s: Session) -> None:
    tail = struct.pack("<H", 45) + s.plugin.encode() + b"\0" + lenenc(b"")
    s.note("change_user to root, no password")
    s.send(b"\x11root\0\0rec\0" + tail)
    s.answer_switch(s.receive(), "")
    s.query("SELECT DATABASE()")
    s.note("change_user to nosuch, which fails")
    s.send(b"\x11nosuch\0\0\0" + tail)
    s.answer_switch(s.receive(), "")


def track(s: Session) -> None:
    s.query("SET SESSION session_track_schema=ON, session_track_state_change=ON,"
            " session_track_transaction_info='CHARACTERISTICS'")
    if not s.server.maria:
        s.query("SET SESSION session_track_gtids=OWN_GTID")
    s.query("SET SESSION session_track_system_variables='*'")
    for sql in ("SET NAMES latin1", "SET sql_mode=''", "SET autocommit=1, sort_buffer_size=40000",
                "USE mysql", "USE rec", "SET @a=1", "INSERT INTO e VALUES (1,1)", "BEGIN",
                "SELECT COUNT(*) FROM e", "INSERT INTO e VALUES (2,2)", "COMMIT",
                "START TRANSACTION READ ONLY", "ROLLBACK", "SET TRANSACTION READ ONLY",
                "SELECT f()", "DO f()", "CALL w()", "CREATE TEMPORARY TABLE tmp (a INT)",
                "DROP TEMPORARY TABLE tmp", "SELECT GET_LOCK('l', 0)", "SELECT @q := 5",
                "PREPARE x FROM 'SELECT 1'", "SET autocommit=0", "DELETE FROM e", "COMMIT",
                "UPDATE nosuch SET a=1", "SET time_zone='+03:00'", "SELECT 1; USE mysql; SELECT 2"):
        s.query(sql)
    statement = s.prepare("SET lc_time_names=?")
    s.execute(statement, ["de_DE"])
    s.ask(b"\x02rec", "init_db rec")
    s.ask(b"\x0e", "ping")
    s.ask(b"\x1f", "reset_connection")


def killed(s: Session) -> None:
    s.query("SET wait_timeout=1")
    s.note("nothing sent; the server's own words, if any, then it closes")
    s.receive(first=4.0)


def killed_by(s: Session) -> None:
    answer = s.query("SELECT CONNECTION_ID()")
    number = next(p[5:].decode() for p in answer if p[5:].isdigit())
    s.note("another session kills this idle one; what it is told unasked, then the end")
    connect(s.server, BASE).query("KILL " + number)
    s.receive(first=1.0)


def login_plain(s: Session) -> None:
    s.greet()
    s.login(database="rec")


def login_switch(s: Session) -> None:
    s.greet()
    s.note("the client claims a plugin that the account does not use")
    s.login("someone" if s.server.maria else "root", "secret" if s.server.maria else "",
            plugin="mysql_clear_password")


def login_denied(s: Session) -> None:
    s.greet()
    s.login("nosuch", "wrong")


def login_full(s: Session) -> None:
    s.greet()
    s.note("a password that is in no cache: 01 04 asks for full authentication; 02 for the key")
    answer = s.login("someone", "secret")
    if answer[0][4:] == b"\x01\x04":
        s.send(b"\x02", answer[0][3] + 1)
        s.receive()


def optional_metadata(s: Session) -> None:
    s.note("before resultset_metadata=NONE")
    s.query("SELECT id, b FROM t WHERE id < 3")
    s.query("SELECT @@resultset_metadata")
    s.query("SET resultset_metadata=NONE")
    s.query("SELECT id, b FROM t WHERE id < 3")
    s.query("SELECT id FROM t WHERE id > 100")
    s.query("DO 1")
    s.query("SELECT 1; SELECT nosuch")
    for sql, values in (("SELECT id, ? FROM t WHERE id < 3", [7]),
                        ("INSERT INTO e VALUES (?,1)", [3])):
        statement = s.prepare(sql)
        s.execute(statement, values)
        s.close_statement(statement)
    statement = s.prepare("SELECT id FROM t")
    s.execute(statement, flags=CURSOR_READ_ONLY)
    s.fetch(statement, 2)
    s.fetch(statement, 10)
    s.query("DELETE FROM e")
    s.ask(b"\x04t\0%", "field_list t")


def attributes(s: Session) -> None:
    s.query("SELECT 1")
    body = b"\x02\x01" + b"\x00" + b"\x01" + struct.pack("<H", LONG) + lenenc(b"n")
    body += struct.pack("<H", VAR_STRING) + lenenc(b"trace") + struct.pack("<i", 5) + lenenc(b"abc")
    s.ask(b"\x03" + body + b"SELECT 2", "SELECT 2 with attributes n=5, trace='abc'")
    body = b"\x01\x01" + b"\x01" + b"\x01" + struct.pack("<H", VAR_STRING) + lenenc(b"gone")
    s.ask(b"\x03" + body + b"SELECT 3", "SELECT 3 with attribute gone=NULL")
    s.ask(b"\x03\x01\x01\x00\x00SELECT 4", "SELECT 4 with an attribute but no types (malformed)")
    s.ask(b"\x03\x00\x02SELECT 5", "SELECT 5 with two parameter sets")
    statement = s.prepare("SELECT ?")
    head = b"\x17" + struct.pack("<IBI", statement, PARAMETER_COUNT_AVAILABLE, 1)
    body = b"\x02\x00\x01" + struct.pack("<H", LONG) + b"\x00" + struct.pack("<H", LONG)
    s.ask(head + body + lenenc(b"n") + struct.pack("<ii", 4, 5), "execute, 1 parameter, n=5")


def cached_metadata(s: Session) -> None:
    s.note("text protocol: the flag after the column count is always 1")
    s.query("SELECT id, b FROM t WHERE id < 3")
    statement = s.prepare("SELECT id, b FROM t WHERE id < 3")
    s.execute(statement)
    s.execute(statement)
    s.query("ALTER TABLE t MODIFY b VARCHAR(41)")
    s.note("definitions have changed: they come again, once")
    s.execute(statement)
    s.execute(statement)
    s.note("and with a cursor")
    s.execute(statement, flags=CURSOR_READ_ONLY)
    s.fetch(statement, 10)
    s.query("ALTER TABLE t MODIFY b VARCHAR(40)")
    statement = s.prepare("CALL p()")
    s.execute(statement)
    s.execute(statement)


def progress(s: Session) -> None:
    s.query("SET progress_report_time=1")
    s.query("CREATE OR REPLACE TABLE big (id INT, a CHAR(200)) ENGINE=Aria")
    s.query("INSERT INTO big SELECT seq, REPEAT('x', 200) FROM seq_1_to_1000000", 5.0)
    s.query("ALTER TABLE big ADD INDEX (a), ADD INDEX (id, a), FORCE", 8.0)
    s.query("DROP TABLE big")


def bulk(s: Session) -> None:
    statement = s.prepare("INSERT INTO e VALUES (?, ?)")
    head = b"\xfa" + struct.pack("<IH", statement, 128) + struct.pack("<HH", LONG, LONG)
    rows = b"".join(b"\0" + struct.pack("<i", i) + b"\0" + struct.pack("<i", i) for i in range(3))
    s.ask(head + rows, "bulk_execute of three rows")
    s.ask(head + rows, "bulk_execute of the same three rows: duplicate key")
    statement = s.prepare("SELECT ?")
    head = b"\xfa" + struct.pack("<IH", statement, 128) + struct.pack("<H", LONG)
    s.ask(head + b"\0\x01\0\0\0" + b"\0\x02\0\0\0", "bulk_execute of a SELECT")
    s.query("DELETE FROM e")
    s.note("prepare and execute (statement -1) sent together")
    last = b"\x17" + struct.pack("<IBI", 0xFFFFFFFF, 0, 1)
    s.send_together([b"\x16SELECT id FROM t WHERE id < 3", last])
    s.receive()
    s.note("the same when prepare fails")
    s.send_together([b"\x16SELECT nosuch FROM t", last])
    s.receive()


Scenario = tuple[str, Callable[[Session], None], int, str]

# Name, what is done, capabilities beyond BASE, which servers ("" for both).
SCENARIOS: tuple[Scenario, ...] = (
    ("results", results, 0, ""),
    ("infile", infile, 0, ""),
    ("prepared", prepared, 0, ""),
    ("call-out", call_out, 0, ""),
    ("cursor", cursor, 0, ""),
    ("commands", commands, 0, ""),
    ("change-user", change_user, 0, ""),
    ("track", track, 0, ""),
    ("timeout", killed, 0, ""),
    ("killed", killed_by, 0, ""),
    ("optional-metadata", optional_metadata, OPTIONAL_META, "mysql"),
    ("attributes", attributes, QUERY_ATTRS, "mysql"),
    ("cached-metadata", cached_metadata, CACHE_META, "maria"),
    ("extended-metadata", results, EXT_META, "maria"),
    ("progress", progress, PROGRESS, "maria"),
    ("bulk", bulk, BULK, "maria"),
)

LOGINS: tuple[Scenario, ...] = (
    ("login-plain", login_plain, 0, ""),
    ("login-switch", login_switch, 0, ""),
    ("login-denied", login_denied, 0, ""),
    ("login-full", login_full, 0, "mysql"),
)


def write(folder: pathlib.Path, name: str, session: Session, version: str) -> None:
    path = folder / (name + ".txt")
    head = [f"# server: {session.server.name} {version}", f"# caps: {session.caps:#x}",
            "# made by record.py; a packet a line, C from the client, S from the server"]
    path.write_text("\n".join(head + session.lines) + "\n")
    print(f"{path}: {sum(line[0] != '#' for line in session.lines)} packets")


def run(server: Server, scenario: Scenario, folder: pathlib.Path) -> None:
    name, action, extra, _ = scenario
    for suffix, ending in ("eof", 0), ("ok", DEPRECATE_EOF):
        session = connect(server, BASE | extra | ending)
        action(session)
        write(folder, f"{server.name}-{name}-{suffix}", session, session.version)
        session.socket.close()


def run_login(server: Server, scenario: Scenario, folder: pathlib.Path) -> None:
    name, action, extra, _ = scenario
    session = Session(server, BASE | DEPRECATE_EOF | extra)
    action(session)
    write(folder, f"{server.name}-{name}", session, session.version)
    session.socket.close()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n", maxsplit=1)[0])
    parser.add_argument("what", nargs="+", help="maria=HOST:PORT, mysql=HOST:PORT or scenarios")
    parser.add_argument("-o", "--output", type=pathlib.Path,
                        default=pathlib.Path(__file__).parent)
    args = parser.parse_intermixed_args()
    wanted = {w for w in args.what if "=" not in w}
    started = time.monotonic()
    for name, address in (w.split("=", 1) for w in args.what if "=" in w):
        server = Server(name, address)
        prepare_server(server)
        for scenario in SCENARIOS + LOGINS:
            if scenario[3] not in ("", name) or (wanted and scenario[0] not in wanted):
                continue
            (run_login if scenario in LOGINS else run)(server, scenario, args.output)
    print(f"done in {time.monotonic() - started:.0f} s")


if __name__ == "__main__":
    main()
