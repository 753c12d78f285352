"""Hostile and broken peers on both sides: no crash, no leak, nobody else affected."""
from __future__ import annotations

import random
import re
import shutil
import socket
import ssl
import struct
import time
from typing import Callable, Optional

from lib import fake_server, tls
from lib.case import Case, test
from lib.db import expect_error, one, run
from lib.fake_server import FakeServer, Scenario, cuts
from lib.raw import BASIC, PREPARE, QUERY, SSL, Closed, Raw, ServerError, packet
from lib.sluice import Sluice
from lib.util import Background, resident_kib, wait_until

CLIENT_TLS = {"mode": "preferred", "cert": str(tls.SLUICE.cert), "key": str(tls.SLUICE.key)}


class Bystander:
    """An ordinary session that must not notice anything."""

    def __init__(self, sluice: Sluice):
        self.raw = Raw(sluice.port).login("app", "app-secret", "app")
        self.count = 0

    def check(self, what: str) -> None:
        self.count += 1
        try:
            rows = self.raw.query(f"SELECT {self.count}, COUNT(*) FROM nums")
        except (Closed, ServerError, OSError) as error:
            raise AssertionError(f"after {what}, another session suffered: {error!r}") from error
        assert rows == [[str(self.count), "4000"]], f"after {what}: {rows}"


def login_bytes(raw: Raw) -> bytes:
    return packet(1, raw.login_payload("app", "app-secret", "app"))


def ssl_request(caps: int = BASIC | SSL) -> bytes:
    return packet(1, struct.pack("<IIB23x", caps, 1 << 24, 45))


def before_login(raw: Raw) -> list[tuple[str, bytes]]:
    """Name and bytes of what a client may send instead of a login."""
    good = login_bytes(raw)
    head = struct.pack("<IIB23x", BASIC, 1 << 24, 45)
    chance = random.Random(20)
    cases = [
        ("nothing but a header", b"\x50\0\0\x01"), ("an empty packet", packet(1, b"")),
        ("one byte", b"\x20"), ("the largest header", b"\xff\xff\xff\x01" + b"a" * 70000),
        ("1 MiB", packet(1, b"b" * (1 << 20))), ("sequence 0", packet(0, good[4:])),
        ("sequence 9", packet(9, good[4:])), ("a query", packet(0, b"\x03SELECT 1")),
        ("name without end", packet(1, head + b"u" * 200)),
        ("length beyond the end", packet(1, head + b"app\0\xfa" + b"x" * 20)),
        ("lenenc of 8 bytes", packet(1, struct.pack("<IIB23x", BASIC | 0x200000, 1, 45)
                                     + b"app\0\xfe" + b"\xff" * 8 + b"x" * 20)),
        ("null length", packet(1, head + b"app\0\xfb")),
        ("the old protocol", packet(1, struct.pack("<HI", 0x5, 1 << 16)[:5] + b"app\0xxxxxxxx\0")),
        ("attributes that lie", packet(1, struct.pack("<IIB23x", BASIC | 0x100000, 1, 45)
                                       + b"app\0\0mysql_native_password\0\xfd\xff\xff\xff")),
        ("TLS that is not offered", ssl_request() + b"\x16\x03\x01\x00\x05hello"),
        ("TLS and login at once", ssl_request() + good),
        ("compression", packet(1, struct.pack("<IIB23x", BASIC | 0x20, 1, 45) + b"app\0\0")),
        ("HTTP", b"GET / HTTP/1.1\r\nHost: x\r\n\r\n"),
        ("two logins", good + good), ("login and garbage", good + b"\xff" * 64),
    ]
    cases += [(f"login cut at {n}", good[:n]) for n in (4, 5, 8, 35, 36, 37, 40, 41, 50, 61,
                                                        len(good) - 1)]
    for number in range(30):
        noise = bytes(chance.randrange(256) for _ in range(chance.randrange(1, 400)))
        cases.append((f"noise {number}", noise if number % 2 else packet(1, noise)))
    return cases


@test(deadline=120, client_tls=("off", "on"))
def test_before_login(t: Case) -> None:
    """Nonsense instead of a login: an error or a close, within the login deadline."""
    settings = {"client_tls": CLIENT_TLS} if t.client_tls == "on" else {}
    sluice = t.sluice(login_timeout="1s", **settings)
    bystander = Bystander(sluice)
    probe = Raw(sluice.port)
    probe.read_greeting()
    pending: list[tuple[str, Raw]] = []
    for name, data in before_login(probe):
        raw = Raw(sluice.port)
        raw.read_greeting()
        if name.startswith("login cut"):
            data = login_bytes(raw)[:len(data)]
        try:
            raw.send(data)
        except Closed:
            pass
        pending.append((name, raw))
        if len(pending) % 10 == 0:
            bystander.check(name)
    for name, raw in pending:
        if name not in ("two logins", "login and garbage"):
            assert raw.is_closed(8), f"{name}: still connected after the login deadline"
        raw.close()
    probe.close()
    wait_until(lambda: len(sluice.sessions()) == 1, 10, "only the bystander to be left")
    bystander.check("all of it")


def after_login() -> list[tuple[str, bytes]]:
    cases = [(f"command {code:#x}", packet(0, bytes([code]))) for code in range(256)
             if code not in (0x01, 0x08, 0x12, 0x1e, 0x1f, 0x0e, 0x09, 0x11)]
    cases += [(f"command {code:#x} with noise", packet(0, bytes([code]) + bytes(range(40))))
              for code in (0x02, 0x04, 0x05, 0x06, 0x07, 0x0c, 0x0d, 0x16, 0x17, 0x1a, 0x1b, 0x1c,
                           0x13, 0x14, 0x15, 0x20, 0xfa, 0xfd, 0xfe)]
    cases += [("an empty packet", packet(0, b"")), ("sequence 5", packet(5, b"\x03SELECT 1")),
              ("change user, cut", packet(0, b"\x11app")),
              ("change user, noise", packet(0, b"\x11" + b"\xff" * 90)),
              ("execute, short", packet(0, b"\x17\x01\0")),
              ("fetch of nothing", packet(0, b"\x1c\x09\0\0\0\x01\0\0\0"))]
    return cases


def first_answer(address: int, data: bytes) -> str:
    """How the other side takes it: the first packet's kind and error code, closed, or silence."""
    raw = Raw(address, timeout=1.5)
    try:
        raw.login("app", "app-secret", "app")
        raw.send(data)
        payload = raw.answer()
        return f"packet {payload[:1]!r}"
    except ServerError as error:
        return f"error {error.code} {error.state}"
    except Closed:
        return "closed"
    except socket.timeout:
        return "silence"
    finally:
        raw.close()


@test(deadline=150)
def test_after_login(t: Case) -> None:
    """Broken commands are answered as the server itself answers them."""
    sluice = t.sluice()
    bystander = Bystander(sluice)
    wrong: list[str] = []

    def one_case(case: tuple[str, bytes]) -> None:
        name, data = case
        direct, through = (first_answer(p, data) for p in (t.server.port, sluice.port))
        if direct != through:
            wrong.append(f"{name}: directly {direct}, through sluice {through}")
    cases = after_login()
    for start in range(0, len(cases), 12):
        batch = [Background(one_case, case) for case in cases[start:start + 12]]
        for item in batch:
            item.result(30)
        bystander.check(cases[start][0])
    # A broken COM_CHANGE_USER is refused here: what it would switch to could not be followed.
    wrong = [w for w in wrong if not (w.startswith("change user") and "sluice error" in w)]
    assert not wrong, "\n".join(wrong)


@test()
def test_cut_commands(t: Case) -> None:
    """Clients that leave in the middle of a command, a long one, a pipeline, LOAD DATA."""
    database = t.database()
    sluice = t.sluice()
    bystander = Bystander(sluice)
    run(sluice.connect(database=database), "CREATE TABLE l (a INT)")
    insert = packet(0, bytes([QUERY]) + b"INSERT INTO l VALUES (1)")
    long = b"\xff\xff\xff\0" + bytes([QUERY]) + b"SELECT '" + b"x" * (1 << 20)
    load = packet(0, bytes([QUERY]) + b"LOAD DATA LOCAL INFILE 'f' INTO TABLE l")
    for data in (insert[:3], insert[:4], insert[:5], insert[:-1], long, long[:5],
                 packet(0, bytes([QUERY]) + b"SELECT SLEEP(3)"), load,
                 load + packet(2, b"1\n2\n"), load + packet(2, b"1\n2\n")[:5]):
        for reset in (False, True):
            raw = Raw(sluice.port).login("app", "app-secret", database, BASIC | 0x80)
            raw.send(data)
            raw.reset() if reset else raw.close()
        bystander.check(repr(data[:20]))
    wait_until(lambda: len(sluice.sessions()) <= 2, 15, "all but two sessions to be gone")
    wait_until(lambda: t.server.one("SELECT COUNT(*) FROM information_schema.PROCESSLIST WHERE"
                                    " DB = %s", (database,)) <= 1, 15,
               "the server's side of them to be gone")


@test()
def test_port_scan(t: Case) -> None:
    sluice = t.sluice()
    bystander = Bystander(sluice)
    for number in range(300):
        raw = Raw(sluice.port if number % 3 else str(sluice.unix))
        raw.reset() if number % 2 else raw.close()
    bystander.check("300 connects and disconnects")
    wait_until(lambda: len(sluice.sessions()) == 1, 15, "the scanners to be forgotten")
    sluice.connect().close()


@test(deadline=90)
def test_silent_thousand(t: Case) -> None:
    """1,000 connections that say nothing: all closed by the login deadline, nobody delayed."""
    sluice = t.sluice(login_timeout="3s")
    bystander = Bystander(sluice)
    silent = []
    for _ in range(1000):
        silent.append(Raw(sluice.port))
    bystander.check("1,000 silent connections")
    sluice.connect().close()
    for raw in silent:
        assert raw.is_closed(20), "a silent connection outlived the login deadline"
        raw.close()
    wait_until(lambda: len(sluice.sessions()) == 1, 10, "the silent ones to be forgotten")
    bystander.check("their end")


@test()
def test_slow_login(t: Case) -> None:
    """A login sent byte by byte is cut off by the deadline, also inside TLS."""
    sluice = t.sluice(login_timeout="1s", client_tls=CLIENT_TLS)
    bystander = Bystander(sluice)
    raw = Raw(sluice.port)
    raw.read_greeting()
    data = login_bytes(raw)

    def drip(send: Callable[[bytes], object], what: bytes) -> None:
        begin = time.monotonic()
        for at in range(len(what)):
            try:
                send(what[at:at + 1])
            except (OSError, Closed):
                return
            wait_until(lambda: time.monotonic() - begin > 0.1 * at, 5, "the next byte's time")
            if time.monotonic() - begin > 6:
                raise AssertionError("a slow login was not cut off")
    slow = Background(drip, raw.send, data)
    other = Raw(sluice.port)
    other.read_greeting()
    other.send(ssl_request())
    context = ssl.create_default_context(cafile=str(tls.CA.cert))
    secure = context.wrap_socket(other.sock, server_hostname="localhost")
    slower = Background(drip, secure.send, data)
    third = Raw(sluice.port)
    third.read_greeting()
    third.send(ssl_request() + b"\x16\x03\x01\x02\x00\x01\x00")   # a TLS hello that never ends
    assert third.is_closed(8), "half a TLS hello was waited for"
    slow.result(12)
    slower.result(12)
    bystander.check("slow logins")


@test(deadline=90)
def test_client_never_reads(t: Case) -> None:
    """Big results that nobody reads stay on the server: sluice's memory does not grow."""
    sluice = t.sluice(variant="release")
    assert sluice.process is not None
    bystander = Bystander(sluice)
    one(sluice.connect(), "SELECT 1")
    before = resident_kib(sluice.process.pid)
    lazy = []
    for _ in range(20):
        raw = Raw(sluice.port, rcvbuf=4096).login("app", "app-secret", "app")
        raw.command(QUERY, b"SELECT REPEAT('n', 60000) FROM nums")
        lazy.append(raw)
    wait_until(lambda: t.server.one("SELECT COUNT(*) FROM information_schema.PROCESSLIST WHERE"
                                    " INFO LIKE 'SELECT REPEAT(''n''%%'") == 20, 20,
               "20 results to be under way")
    bystander.check("20 clients that do not read")
    grown = resident_kib(sluice.process.pid) - before
    assert grown < 20 * 400, f"the process grew by {grown} KiB"
    sluice.ok("pause")
    sluice.ok("resume")
    row = sluice.sessions("--state", "busy")[0]
    sluice.ok("kill", str(row["id"]))
    # One of them begins to read: everything arrives.
    for raw in lazy[1:]:
        raw.close()
    wait_until(lambda: t.server.one("SELECT COUNT(*) FROM information_schema.PROCESSLIST WHERE"
                                    " INFO LIKE 'SELECT REPEAT(''n''%%'") <= 1, 20,
               "the abandoned results to be given up")
    lazy[0].close()
    bystander.check("their end")


@test()
def test_pipelines_nobody_reads(t: Case) -> None:
    """A client that sends commands for ever and reads nothing is held back, not buffered."""
    sluice = t.sluice(variant="release")
    assert sluice.process is not None
    bystander = Bystander(sluice)
    before = resident_kib(sluice.process.pid)
    raw = Raw(sluice.port, timeout=1, rcvbuf=4096).login("app", "app-secret")
    batch = packet(0, bytes([QUERY]) + b"SELECT REPEAT('f', 5000)") * 2000
    sent = 0
    try:
        for _ in range(500):
            raw.sock.sendall(batch)
            sent += len(batch)
    except (socket.timeout, OSError):
        pass
    assert sent < 400 * len(batch), "nothing held it back"
    grown = resident_kib(sluice.process.pid) - before
    assert grown < 4096, f"the process grew by {grown} KiB"
    bystander.check("a flood")
    raw.reset()


def scenarios_command() -> list[tuple[str, Scenario]]:
    """(what the client sends, scenario)."""
    cases: list[tuple[str, Scenario]] = []
    for kind, packets in (("query", fake_server.result()), ("prepare", fake_server.prepared()),
                          ("query", [fake_server.ok(1)]),
                          ("query", [fake_server.error(1, 1064, b"some text")]),
                          ("query", [packet(1, b"\xfbfile")])):
        for name, data in cuts(packets):
            cases.append((kind, Scenario(f"{kind} {packets[0][4:6]!r} {name}", "command", data)))
    nonsense = {
        "garbage": bytes(range(255, 0, -1)), "an empty packet": packet(1, b""),
        "a short OK": packet(1, b"\0"), "a short ERR": packet(1, b"\xff"),
        "a short EOF": packet(1, b"\xfe"), "sequence 200": packet(200, b"\x01"),
        "65,535 columns": packet(1, b"\xfc\xff\xff"),
        "2^64 columns": packet(1, b"\xfe" + b"\xff" * 8),
        "null columns": packet(1, b"\xfb"), "16 MiB promised": b"\xff\xff\xff\x01abc",
        "EOF instead of a column": packet(1, b"\x01") + fake_server.eof(2),
        "ERR among columns": packet(1, b"\x02") + fake_server.column(2)
        + fake_server.error(3, 1, b"x"),
        "too many answers": fake_server.ok(1) * 50,
        "ERR in the middle of rows": b"".join(fake_server.result()[:-1])
        + fake_server.error(7, 1317, b"stop"),
        "progress for ever": packet(1, b"\xff\xff\xff\x01\x01\x01\0\0\0") * 200,
        "a lying OK": packet(1, b"\0\xfe" + b"\xff" * 8 + b"\xfe" + b"\xff" * 8),
    }
    for name, data in nonsense.items():
        cases.append(("query", Scenario(name, "command", data)))
        cases.append(("prepare", Scenario(f"{name} to a prepare", "command", data)))
    return cases


def scenarios_login() -> list[Scenario]:
    cases = [Scenario(f"OK {name}", "auth", data) for name, data in cuts([fake_server.ok(2)])]
    switch = packet(2, b"\xfemysql_native_password\0" + fake_server.SCRAMBLE + b"\0")
    more = packet(2, b"\x01\x04")
    cases += [Scenario(f"switch {name}", "auth", data) for name, data in cuts([switch])]
    cases += [Scenario(f"more data {name}", "auth", data) for name, data in cuts([more])]
    cases += [Scenario("switch to nothing", "auth", packet(2, b"\xfe")),
              Scenario("switch without end", "auth", packet(2, b"\xfe" + b"p" * 300)),
              Scenario("empty", "auth", packet(2, b"")), Scenario("noise", "auth", b"\x07" * 90),
              Scenario("huge", "auth", b"\xff\xff\xff\x02" + b"h" * 100000)]
    return cases


def scenarios_greeting() -> list[Scenario]:
    whole = fake_server.greeting()
    cases = [Scenario(f"greeting {name}", "greeting", data) for name, data in cuts([whole])]
    cases += [Scenario("protocol 9", "greeting", packet(0, b"\x09" + whole[5:])),
              Scenario("empty", "greeting", packet(0, b"")),
              Scenario("version without end", "greeting", packet(0, b"\x0a" + b"8" * 500)),
              Scenario("noise", "greeting", b"HTTP/1.1 400 Bad Request\r\n\r\n"),
              Scenario("huge", "greeting", b"\xff\xff\xff\0" + b"h" * 100000),
              Scenario("blocked", "greeting", fake_server.error(0, 1129, b"Host is blocked"))]
    return cases


def fake_daemon(t: Case, **settings: object) -> tuple[FakeServer, Sluice]:
    fake = FakeServer()
    t.defer(fake.close)
    sluice = t.prepare(**settings)
    sluice.settings["backends"] = {"b0": {"address": f"127.0.0.1:{fake.port}"}}
    return fake, sluice.start()


def ends(raw: Raw, what: str, deadline: float = 6) -> None:
    """The client gets an error or a close, in time."""
    raw.sock.settimeout(deadline)
    try:
        while True:
            raw.read()
    except Closed:
        return
    except socket.timeout:
        raise AssertionError(f"{what}: the client was left waiting") from None


@test(deadline=120)
def test_backend_breaks_in_answer(t: Case) -> None:
    """The server closes inside every packet of an answer, or talks nonsense."""
    fake, sluice = fake_daemon(t)
    friend = Raw(sluice.port).login("bystander", "x")
    for kind, scenario in scenarios_command():
        fake.scenario = None
        raw = Raw(sluice.port).login("victim", "x")
        fake.scenario = scenario
        if kind == "query":
            raw.command(QUERY, b"SELECT something")
        else:
            raw.command(PREPARE, b"SELECT ?, ?")
        ends(raw, scenario.name)
        raw.close()
        friend.ping()
    fake.scenario = None
    wait_until(lambda: len(sluice.sessions()) == 1, 10, "only the bystander to be left")
    assert re.search(r"(?i)backend|server", sluice.log_text()), "the log does not say why"


@test(deadline=120)
def test_backend_breaks_in_login(t: Case) -> None:
    """The server closes inside every packet of a login, or talks nonsense."""
    fake, sluice = fake_daemon(t, hold={"max": "1s"}, login_timeout="3s")
    friend = Raw(sluice.port).login("bystander", "x")
    for scenario in scenarios_login():
        fake.scenario = scenario
        raw = Raw(sluice.port)
        try:
            raw.login("victim", "x")
            raise AssertionError(f"{scenario.name}: logged in")
        except (ServerError, Closed):
            pass
        except socket.timeout:
            raise AssertionError(f"{scenario.name}: the client was left waiting") from None
        except AssertionError as error:
            if "full authentication" not in str(error):
                raise
        raw.close()
        friend.ping()


@test(deadline=120)
def test_backend_breaks_in_greeting(t: Case) -> None:
    """The server closes inside its greeting, or talks nonsense: waited for, then a clear error."""
    fake, sluice = fake_daemon(t, hold={"max": "800ms"})
    friend = Raw(sluice.port).login("bystander", "x")
    for scenario in scenarios_greeting():
        fake.scenario = scenario
        raw = Raw(sluice.port)
        try:
            raw.read_greeting()
            raise AssertionError(f"{scenario.name}: passed on as a greeting")
        except ServerError as error:
            assert error.message, f"{scenario.name}: no text"
        except Closed:
            raise AssertionError(f"{scenario.name}: closed without an error") from None
        raw.close()
        friend.ping()
    fake.scenario = None
    wait_until(lambda: logs_in(sluice), 5, "the backend to be found well again")


def logs_in(sluice: Sluice) -> bool:
    raw = Raw(sluice.port)
    try:
        raw.login("victim", "x")
        return True
    except ServerError:
        return False
    finally:
        raw.close()


@test(deadline=60)
def test_backend_says_nothing(t: Case) -> None:
    """A server that accepts and stays silent: a clear error within hold.max and the time-outs."""
    fake, sluice = fake_daemon(t, hold={"max": "1s"}, connect_timeout="500ms")
    fake.scenario = Scenario("silence", "greeting", b"", close=False)
    begin = time.monotonic()
    expect_error((1040, 1053), sluice.connect)
    assert time.monotonic() - begin < 10


@test(deadline=90)
def test_wrong_passwords(t: Case) -> None:
    """300 refused logins leave nothing behind."""
    sluice = t.sluice()
    bystander = Bystander(sluice)

    def refused() -> None:
        raw = Raw(sluice.port)
        try:
            raw.login("app", "wrong")
            raise AssertionError("a wrong password got in")
        except ServerError as error:
            assert error.code == 1045
        finally:
            raw.close()
    for _ in range(30):
        for item in [Background(refused) for _ in range(10)]:
            item.result()
    bystander.check("300 refused logins")
    wait_until(lambda: len(sluice.sessions()) == 1, 10, "the refused ones to be forgotten")


@test(deadline=400)
def test_valgrind(t: Case) -> None:
    """A whole life of the release build under valgrind: no error, no leak."""
    valgrind: Optional[str] = shutil.which("valgrind")
    t.need(valgrind, "no valgrind")
    sluice = t.prepare(variant="release", client_tls=CLIENT_TLS, workers=1)
    sluice.prefix = [str(valgrind), "--quiet", "--error-exitcode=33", "--leak-check=full",
                     "--errors-for-leak-kinds=definite", "--show-leak-kinds=definite",
                     f"--log-file={t.dir}/valgrind.log"]
    sluice.deadline = 150
    sluice.start()
    database = t.database()
    context = ssl.create_default_context(cafile=str(tls.CA.cert))
    clients = [sluice.connect(database=database, ssl=context) if i % 2
               else sluice.connect(database=database) for i in range(6)]
    run(clients[0], "CREATE TABLE v (a INT) ENGINE=InnoDB")
    for client in clients:
        run(client, "INSERT INTO v VALUES (1)")
        run(client, "SELECT REPEAT('v', 100000) FROM app.nums LIMIT 50")
    clients[1].begin()
    run(clients[1], "INSERT INTO v VALUES (2)")
    sluice.ok("pause")
    held = Background(run, clients[2], "SELECT 1")
    sluice.wait_count("held", 1)
    sluice.ok("drain", "--wait", "100ms", "--then", "abort")
    for what in ("status", "sessions", "obstacles", "stats", "backends"):
        sluice.ok("show", what)
    sluice.ok("resume")
    held.result(30)
    sluice.ok("reload")
    Raw(sluice.port).reset()
    raw = Raw(sluice.port)
    raw.read_greeting()
    raw.send(packet(1, b"\xff" * 300))
    raw.is_closed(20)
    try:
        sluice.connect("app", "wrong")
    except Exception:  # pylint: disable=broad-except
        pass
    sluice.ok("kill", "--all")
    try:
        sluice.stop()
    except AssertionError as error:
        report = (t.dir / "valgrind.log").read_text(errors="replace")
        raise AssertionError(f"{error}\n{report[:5000]}") from error
