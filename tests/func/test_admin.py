"""The admin socket, configuration, signals, shutdown."""
from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import time
from typing import Any, Optional

from lib.case import Case, test
from lib.db import expect_error, one, run
from lib.raw import Raw
from lib.servers import Server
from lib.sluice import STAND_IN, Sluice, daemon_path, yaml_text
from lib.util import Background, Skip, cpu_ticks, is_root, wait_until

SHOW = ("status", "sessions", "backends", "obstacles", "accounts", "stats", "config", "version")


@test()
def test_show_everything(t: Case) -> None:
    """Every show command answers for people and as one JSON document."""
    sluice = t.sluice()
    client = sluice.connect(database="app")
    run(client, "SELECT 1")
    for what in SHOW:
        plain = sluice.ok("show", what)
        assert plain.out.strip(), f"show {what} said nothing"
        document = sluice.ctl_json("show", what)
        assert isinstance(document, dict), f"show {what}: {document!r}"
    assert "app-secret" not in sluice.ok("show", "config").out
    assert "control-secret" not in sluice.ok("show", "config").out
    assert "control-secret" not in sluice.ok("--json", "show", "config").out
    row = sluice.session_of(client.thread_id())
    assert row["user"] == "app" and row["database"] == "app" and row["state"] == "idle", row
    assert len(sluice.sessions("--user", "app")) == 1
    assert sluice.sessions("--user", "nobody") == []
    assert len(sluice.sessions("--state", "idle")) == 1


@test()
def test_longest_answer_is_an_answer(t: Case) -> None:
    """The time since the start of the machine is none; a first command has ours in front."""
    sluice = t.sluice()
    began = time.monotonic()
    run(sluice.connect(), "SELECT 1")
    longest = sluice.ctl_json("show", "stats")["longest_answer_us"]
    assert 0 < longest / 1e6 < time.monotonic() - began, longest


def account(sluice: Sluice, user: str) -> dict[str, Any]:
    """The account's row of show accounts; {} while it has none."""
    rows = sluice.ctl_json("show", "accounts", "--user", user)["accounts"]
    assert len(rows) <= 1, rows
    return dict(rows[0]) if rows else {}


def fresh_account(t: Case, grants: str = "SELECT") -> tuple[str, str]:
    """A user of this test alone, whom no server's cache knows."""
    user, password = f"u{t.number}", f"secret-of-{t.number}"
    t.server.sql(f"DROP USER IF EXISTS '{user}'@'%'")
    t.server.sql(f"CREATE USER '{user}'@'%' IDENTIFIED BY '{password}'")
    t.server.sql(f"GRANT {grants} ON *.* TO '{user}'@'%'")
    t.defer(lambda: t.server.sql(f"DROP USER '{user}'@'%'") and None)
    return user, password


@test(family=("mariadb", "mysql"))
def test_show_accounts(t: Case) -> None:
    """An account that comes after the start can be moved once it has logged in; no secret shows."""
    sluice = t.sluice()
    wait_until(lambda: sluice.ctl_json("show", "accounts")["reader"]["ok"], 5, "the accounts")
    user, password = fresh_account(t)
    client = sluice.connect(user, password)
    wait_until(lambda: account(sluice, user).get("movable"), 5, "the account to be known")
    row = account(sluice, user)
    assert row["how"] == {"mariadb": "hash", "mysql": "password"}[t.family], row
    assert row["sessions"] == 1, row
    obstacles = sluice.session_of(client.thread_id())["obstacles"]
    assert "credential_unknown" not in obstacles, obstacles
    text = sluice.ok("show", "accounts").out
    assert re.search(rf"{user} .*yes", text), text
    everything = text + sluice.ok("--json", "show", "accounts").out + sluice.log_text()
    assert password not in everything
    for (value,) in t.server.sql("SELECT authentication_string FROM mysql.user") or ():
        value = value.decode("latin-1") if isinstance(value, bytes) else str(value or "")
        assert len(value) < 40 or value.lower().strip("*") not in everything.lower()
    client.close()


@test(family=("mariadb", "mysql"))
def test_accounts_need_privileges(t: Case) -> None:
    """What the control account may not read is said once in the log, and shown."""
    user, password = fresh_account(t, grants="REPLICATION CLIENT")
    sluice = t.sluice(control={"user": user, "password": password})
    reader = wait_until(lambda: (sluice.ctl_json("show", "accounts")["reader"]["problem"]
                                 and sluice.ctl_json("show", "accounts")["reader"]), 5, "a problem")
    assert not reader["ok"] and "denied" in reader["problem"], reader
    assert "denied" in sluice.ok("show", "accounts").out
    client = sluice.connect()
    wait_until(lambda: account(sluice, "app"), 5, "the account")
    if t.family == "mariadb":
        assert not account(sluice, "app")["movable"], "without its hash"
        wait_until(lambda: "credential_unknown" in
                   sluice.session_of(client.thread_id())["obstacles"], 5, "the obstacle")
        assert "1 sessions cannot move" in sluice.ok("show", "accounts").out
        t.server.sql(f"GRANT SELECT ON mysql.* TO '{user}'@'%'")
        wait_until(lambda: account(sluice, "app")["movable"], 20, "the account to be known")
    assert len(re.findall("event=accounts_unknown", sluice.log_text())) == 1
    client.close()


@test(family=("mysql",))
def test_configured_accounts(t: Case) -> None:
    """`accounts:` gives a password that logins did not show; a reload takes it away again."""
    user, password = fresh_account(t)
    t.server.connect(user, password).close()    # from here on the server takes the fast way
    sluice = t.sluice(accounts=[{"user": user, "password": password}])
    client = sluice.connect(user, password)
    wait_until(lambda: account(sluice, user).get("movable"), 5, "the account to be known")
    assert account(sluice, user)["how"] == "configured"
    assert password not in sluice.ok("show", "config").out + sluice.log_text()
    client.close()


@test()
def test_learning_off(t: Case) -> None:
    """auth.learn: off is said, and keeps nothing."""
    sluice = t.sluice(auth={"learn": "off"})
    client = sluice.connect()
    run(client, "SELECT 1")
    document = sluice.ctl_json("show", "accounts")
    assert document["learning"] is False and document["accounts"] == [], document
    assert "auth.learn is off" in sluice.ok("show", "accounts").out
    client.close()


def two_servers(t: Case) -> tuple[Server, Server]:
    return t.own_server(server_id=101), t.own_server(server_id=102)


@test(own=True, family=("mariadb", "mysql"))
def test_warm(t: Case) -> None:
    """Standby links are opened, counted, kept for new sessions, used by the move, and dropped."""
    first, second = two_servers(t)
    sluice = t.sluice(first, second)
    clients = [sluice.connect() for _ in range(4)]
    for client in clients:
        run(client, "SELECT 1")
    run(clients[3], "CREATE TEMPORARY TABLE app.tt (a INT)")
    wait_until(lambda: account(sluice, "app").get("movable"), 5, "the account to be known")
    for words, code in (("b0", 1), ("nowhere", 1), ("", 2), ("b1 --off", 2)):
        result = sluice.ctl("warm", *words.split())
        assert result.code == code and result.err.strip(), f"{words}: {result!r}"
    counts = sluice.ctl_json("warm", "b1")
    assert counts["ready"] == 3 and counts["unable"] == 1 and counts["sessions"] == 4, counts
    assert second.connections_of("app") == 3
    assert sluice.ctl_json("show", "status")["warm"] == "b1"
    clients.append(sluice.connect())
    run(clients[4], "SELECT 1")
    wait_until(lambda: second.connections_of("app") == 4, 10, "a link for the new session")
    sluice.ok("warm", "--off")
    wait_until(lambda: second.connections_of("app") == 0, 10, "the links to be dropped")
    assert sluice.ctl_json("show", "status")["warm"] is None
    assert "ready" in sluice.ok("warm", "b1").out
    movable = sluice.ctl_json("show", "obstacles")["movable"]
    assert movable == 4, sluice.ok("show", "sessions").out
    sluice.ok("pause")
    sluice.ok("repoint", "b1")
    sluice.ok("resume")
    for client in clients[:3] + clients[4:]:
        assert one(client, "SELECT @@server_id") == 102
    assert sluice.ctl_json("show", "status")["warm"] is None, "the active one is not kept warm"
    assert re.search(r"audit command=.?warm b1", sluice.log_text())


@test(own=True, family=("mysql",))
def test_names_through_control(t: Case) -> None:
    """User variables of an account that may not read performance_schema move all the same."""
    servers = two_servers(t)
    for server in servers:
        server.sql("CREATE USER few@'%' IDENTIFIED BY 'few-secret'")
        server.sql("GRANT SELECT ON app.* TO few@'%'")
    sluice = t.sluice(*servers)
    client = sluice.connect("few", "few-secret")
    run(client, "SET @a = 5, @`b c` = 'x', @d = NULL")
    expect_error((1142,), lambda: run(
        client, "SELECT * FROM performance_schema.user_variables_by_thread"))
    sluice.ok("pause")
    sluice.ok("repoint", "b1")
    sluice.ok("resume")
    assert run(client, "SELECT @@server_id, @a, @`b c`, @d") == [(102, 5, "x", None)]


@test()
def test_exit_codes(t: Case) -> None:
    """0 done, 1 refused or failed, 2 usage; reasons on standard error."""
    sluice = t.sluice()
    cases: list[tuple[tuple[str, ...], int]] = [
        (("help",), 0), (("help", "pause"), 0), (("show", "version"), 0),
        (("resume",), 1), (("repoint", "nowhere"), 1), (("kill", "999999"), 1),
        (("nonsense",), 2), (("show",), 2), (("show", "nonsense"), 2), (("pause", "extra"), 2),
        (("pause", "--for", "soon"), 2), (("drain", "--then", "maybe"), 2),
        (("kill",), 2), (("repoint",), 2), (("--nonsense", "show", "status"), 2)]
    for words, code in cases:
        result = sluice.ctl(*words)
        assert result.code == code, f"expected {code}: {result!r}"
        assert code == 0 or result.err.strip(), f"no reason on standard error: {result!r}"
        if code == 1:
            answer = sluice.ctl("--json", *words)
            assert answer.code == 1, f"{answer!r}"
    text = sluice.ok("help").out
    for word in ("pause", "resume", "drain", "kill", "repoint", "show", "reload", "shutdown"):
        assert word in text, f"help does not know {word}"
    nobody = subprocess.run([*sluice.ctl_argv([])[:1], "-s", str(t.dir / "none"), "show",
                             "status"], capture_output=True, text=True, timeout=10)
    assert nobody.returncode == 1 and nobody.stderr.strip()


def as_user(uid: int, argv: list[str]) -> subprocess.CompletedProcess[str]:
    return subprocess.run(argv, user=uid, group=uid, extra_groups=[], capture_output=True,
                          text=True, timeout=10, stdin=subprocess.DEVNULL)


@test()
def test_roles(t: Case) -> None:
    """Another user may look, not touch; whom the configuration names may operate."""
    if not is_root():
        raise Skip("needs root, to become another user")
    view, operate = 61234, 61235
    sluice = t.prepare(admin={"mode": "0666", "roles": {"operate": [f"uid:{operate}"]}})
    sluice.folder.chmod(0o755)
    t.dir.chmod(0o755)
    t.dir.parent.chmod(0o755)
    sluice.start()
    program = str(t.dir / "ctl")
    subprocess.run(["cp", sluice.ctl_argv([])[0], program], check=True)

    def ctl(uid: int, *words: str) -> int:
        done = as_user(uid, [program, "-s", str(sluice.admin), *words])
        assert done.returncode == 0 or done.stderr.strip(), "no reason given"
        return done.returncode
    assert ctl(view, "show", "status") == 0
    assert ctl(view, "pause") == 1, "a stranger paused the traffic"
    assert ctl(view, "shutdown") == 1
    assert ctl(operate, "pause") == 0
    assert ctl(operate, "resume") == 0
    assert ctl(operate, "shutdown") == 1, "an operator ended the daemon"
    assert ctl(0, "pause") == 0 and ctl(0, "resume") == 0
    assert re.search(rf"uid\D*{operate}", sluice.log_text()), "no audit line for the operator"


@test()
def test_raw_socket(t: Case) -> None:
    """The socket as a script sees it: lines, then OK or ERR; garbage does no harm."""
    sluice = t.sluice()
    import socket as sockets
    for request, last in ((b"show version\n", b"OK\n"), (b"nonsense\n", b"ERR"),
                          (b"show version --json\n", b"}"), (b"\"unclosed\n", b"ERR"),
                          (b"\xff\xfe\n", b"ERR")):
        with sockets.socket(sockets.AF_UNIX) as sock:
            sock.settimeout(10)
            sock.connect(str(sluice.admin))
            sock.sendall(request)
            answer = b""
            while not answer.strip().split(b"\n")[-1].startswith((b"OK", b"ERR", b"{")):
                piece = sock.recv(65536)
                assert piece, f"{request!r}: closed after {answer!r}"
                answer += piece
            assert last in answer, f"{request!r}: {answer!r}"
    with sockets.socket(sockets.AF_UNIX) as sock:
        sock.settimeout(10)
        sock.connect(str(sluice.admin))
        try:
            sock.sendall(b"x" * (1 << 20))
            while sock.recv(65536):
                pass
        except OSError:
            pass
    sluice.ok("show", "version")


BROKEN: tuple[tuple[str, str, str], ...] = (
    ("unknown key", "nonsense: 1\n", r":1:1\b.*nonsense"),
    ("wrong type", "workers: [1]\n", r":1:\d+\b.*workers"),
    ("out of range", "workers: 100000\n", r":1:\d+\b.*workers"),
    ("bad duration", "hold: {max: 3 parsecs}\n", r":1:13\b.*hold\.max"),
    ("not YAML", "listen: [\n", r":\d+:\d+\b"),
    ("bad word", "client_tls: {mode: maybe}\n", r":1:20\b.*client_tls\.mode"),
    ("missing file", "client_tls: {mode: required, cert: /none.pem, key: /none.key}\n",
     r":1:\d+\b.*client_tls\.(cert|key)"),
    ("twice", "workers: 1\nworkers: 2\n", r":2:1\b.*workers"),
)


@test()
def test_configuration_errors(t: Case) -> None:
    """Every problem is named with file, line, column and key, and nothing is started."""
    if STAND_IN:
        raise Skip("no daemon")
    sluice = t.prepare()
    good = yaml_text(sluice.settings)
    program = str(daemon_path())
    t.need(os.path.exists(program), "no daemon")
    (sluice.folder / "state").mkdir()

    def check(text: str, *more: str) -> subprocess.CompletedProcess[str]:
        sluice.config.write_text(text)
        return subprocess.run([program, "-c", str(sluice.config), *more], capture_output=True,
                              text=True, timeout=20)
    fine = check(good, "--check")
    assert fine.returncode == 0, fine.stderr
    for name, text, expected in BROKEN:
        keys = {line.split(":")[0] for line in text.splitlines() if line[:1].isalpha()}
        rest = "".join(line for line in good.splitlines(True) if line.split(":")[0] not in keys)
        for more in (("--check",), ()):
            done = check(text + ("" if name == "not YAML" else rest), *more)
            assert done.returncode != 0, f"{name}: accepted"
            pattern = re.escape(str(sluice.config)) + expected
            assert re.search(pattern, done.stderr), f"{name}: {done.stderr} (wanted {pattern})"
    missing = "".join(line for line in good.splitlines(True) if not line.startswith("active"))
    done = check(missing, "--check")
    assert done.returncode != 0 and "active" in done.stderr, done.stderr
    wrong = good.replace('active: "b0"', 'active: "b9"')
    done = check(wrong, "--check")
    assert done.returncode != 0 and "b9" in done.stderr, done.stderr
    version = subprocess.run([program, "--version"], capture_output=True, text=True, timeout=20)
    assert version.returncode == 0 and re.search(r"\d+\.\d+", version.stdout)


@test(how=("command", "SIGHUP"))
def test_reload(t: Case) -> None:
    """A changed option takes effect; a broken file changes nothing and says why."""
    sluice = t.sluice(hold={"max": "30s"})
    client = sluice.connect()

    def reload(expected: int) -> None:
        if t.how == "command":
            result = sluice.ctl("reload")
            assert result.code == expected, repr(result)
            assert expected == 0 or re.search(r"sluice\.yaml:\d+:\d+", result.err), repr(result)
        else:
            sluice.signal(signal.SIGHUP)
    sluice.config.write_text(sluice.config.read_text() + "surprise: 1\n")
    reload(1)
    if t.how == "SIGHUP":
        sluice.wait_log(r"sluice\.yaml:\d+:\d+.*surprise")
    sluice.settings["hold"] = {"max": "600ms"}
    sluice.write_config()
    reload(0)
    wait_until(lambda: "600ms" in sluice.ok("show", "config").out, 5, "the new value in force")
    sluice.ok("pause")
    expect_error((1053,), lambda: Background(run, client, "SELECT 1").result(5), "sluice")
    sluice.ok("resume")


@test()
def test_reload_adds_backend(t: Case) -> None:
    """A backend added by reload can be repointed to."""
    sluice = t.sluice()
    sluice.settings["backends"]["b1"] = dict(sluice.settings["backends"]["b0"])
    sluice.write_config()
    sluice.ok("reload")
    sluice.ok("pause")
    sluice.ok("repoint", "b1")
    sluice.ok("resume")
    assert one(sluice.connect(), "SELECT 1") == 1


@test(how=("signal", "command"))
def test_shutdown_lets_work_end(t: Case) -> None:
    """SIGTERM or `shutdown`: a transaction may end within the grace, new clients are refused."""
    database = t.database()
    sluice = t.sluice(shutdown_grace="15s")
    client = sluice.connect(database=database)
    idle = Raw(sluice.port).login("app", "app-secret")
    run(client, "CREATE TABLE g (v INT) ENGINE=InnoDB")
    client.begin()
    run(client, "INSERT INTO g VALUES (1)")
    if t.how == "signal":
        sluice.signal(signal.SIGTERM)
    else:
        sluice.ok("shutdown")
    assert idle.is_closed(), "an idle session was kept"
    run(client, "INSERT INTO g VALUES (2)")
    client.commit()
    assert sluice.process is not None
    assert sluice.process.child.wait(10) == 0
    sluice.check_log()
    sluice.process = None
    assert t.server.one(f"SELECT COUNT(*) FROM {database}.g") == 2


@test()
def test_shutdown_grace_ends(t: Case) -> None:
    """What is still open when the grace has passed is ended, and the exit status is 0."""
    sluice = t.sluice(shutdown_grace="500ms")
    client = sluice.connect()
    client.begin()
    running = Background(one, client, "SELECT SLEEP(60)")
    sluice.wait_count("busy", 1)
    begin = time.monotonic()
    sluice.stop()
    assert time.monotonic() - begin < 10
    expect_error((1053, 2006, 2013), running.result)


@test()
def test_shutdown_while_held(t: Case) -> None:
    sluice = t.sluice(shutdown_grace="500ms")
    client = sluice.connect()
    sluice.ok("pause")
    held = Background(run, client, "SELECT 1")
    late = Background(sluice.connect)
    sluice.wait_count("held", 1)
    sluice.wait_count("waiting", 1)
    sluice.stop()
    expect_error((1053, 2006, 2013), held.result)
    expect_error((1040, 1053, 2003, 2006, 2013), late.result)


@test()
def test_second_daemon(t: Case) -> None:
    """The same state folder and sockets twice: refused with a reason, the first goes on."""
    sluice = t.sluice()
    done = subprocess.run([str(daemon_path()), "-c", str(sluice.config)], capture_output=True,
                          text=True, timeout=20)
    assert done.returncode != 0 and done.stderr.strip(), "a second daemon started"
    sluice.ok("show", "version")
    sluice.connect().close()


@test()
def test_events_and_log_level(t: Case) -> None:
    sluice = t.sluice()
    stream = sluice.ctl_start("events")
    sluice.ok("log", "level", "debug")
    assert sluice.ctl("log", "level", "loud").code == 2
    lines: list[str] = []
    assert stream.stdout is not None
    reader = Background(lambda: [lines.append(line) for line in stream.stdout])

    def seen() -> bool:
        sluice.ok("pause")
        sluice.ok("resume")
        return any("pause" in line or "gate" in line for line in lines)
    try:
        wait_until(seen, 10, "the pause among the events", every=0.2)
    finally:
        stream.kill()
        stream.wait()
        reader.wait(5)
    sluice.connect().close()
    assert "app-secret" not in sluice.log_text()


@test()
def test_audit(t: Case) -> None:
    """Who did what is in the log."""
    sluice = t.sluice()
    sluice.ok("pause", "--reason", "audited")
    sluice.ok("resume", "--reason", "audited")
    sluice.wait_log(r"audit.*pause|pause.*uid")


@test(alone=True)
def test_idle_processor(t: Case) -> None:
    """100 idle sessions: at most one clock tick in two seconds."""
    sluice = t.sluice(variant="release")
    clients = [sluice.connect() for _ in range(100)]
    assert sluice.process is not None
    pid = sluice.process.pid
    used: Optional[int] = None

    def quiet() -> bool:
        # The wait is the measurement: two seconds in which nothing happens.
        nonlocal used
        before = cpu_ticks(pid)
        time.sleep(2)
        used = cpu_ticks(pid) - before
        return used <= 1
    wait_until(quiet, 9, "two seconds with at most one tick of processor time")
    for client in clients:
        client.close()


@test()
def test_json_types(t: Case) -> None:
    """Numbers are numbers and times are times in show stats and show status."""
    sluice = t.sluice()
    client = sluice.connect()
    for _ in range(10):
        run(client, "SELECT 1")
    stats: Any = sluice.ctl_json("show", "stats")
    text = json.dumps(stats)
    assert any(isinstance(v, int) and v >= 10 for v in _numbers(stats)), text


def _numbers(document: Any) -> list[Any]:
    if isinstance(document, dict):
        return [n for v in document.values() for n in _numbers(v)]
    if isinstance(document, list):
        return [n for v in document for n in _numbers(v)]
    return [document]
