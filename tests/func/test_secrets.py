"""No password that sluice learned is in its log, its answers, or the memory that a core has."""
from __future__ import annotations

import hashlib
import re
import ssl
import urllib.request
from typing import Any, Callable

import MySQLdb
import pymysql

from lib import servers, tls
from lib.case import Case, test
from lib.db import expect_error, one
from lib.servers import Server
from lib.sluice import Sluice
from lib.util import free_port, wait_until

CHUNK = 1 << 20
SHOWS = (("status",), ("sessions",), ("obstacles",), ("accounts",), ("backends",), ("stats",),
         ("config",), ("version",))
# One password for each kind of login, so that a find says which one left it behind.
KINDS = ("plain", "tls", "unix", "again", "change", "clear", "configured")


def password_of(kind: str) -> str:
    """Long and odd enough not to be in any memory by chance."""
    return f"zQ9-{kind}-" + hashlib.sha256(f"secret of {kind}".encode()).hexdigest()[:20]


def user_of(kind: str) -> str:
    return f"sec_{kind}"


def make_accounts(*backends: Server) -> None:
    for server in backends:
        if server.family == "mariadb":
            server.sql("SET SESSION sql_log_bin = 0")
        for kind in KINDS:
            how = servers.IDENTIFIED[server.family]
            server.sql(f"CREATE USER {user_of(kind)}@'%' IDENTIFIED {how} '{password_of(kind)}'")
            server.sql(f"GRANT SELECT ON *.* TO {user_of(kind)}@'%'")


def secure() -> dict[str, Any]:
    return {"ssl": ssl.create_default_context(cafile=str(tls.CA.cert))}


def log_in_all(t: Case, sluice: Sluice) -> dict[str, pymysql.Connection]:
    """A session of every kind of login that teaches sluice something."""
    ways: dict[str, dict[str, Any]] = {kind: {} for kind in KINDS}
    ways["tls"] = ways["clear"] = secure()
    ways["unix"] = {"unix_socket": str(sluice.unix)}
    found = {kind: sluice.connect(user_of(kind), password_of(kind), **more)
             for kind, more in ways.items()}
    found["again"].close()      # the second time by the short way
    found["again"] = sluice.connect(user_of("again"), password_of("again"), **secure())
    return found


def needles() -> dict[str, bytes]:
    """What must not be found: the passwords, and what is enough for a native login."""
    found: dict[str, bytes] = {}
    for kind in KINDS:
        secret = password_of(kind).encode()
        once = hashlib.sha1(secret)
        found |= {f"password of {kind}": secret, f"SHA1 of {kind}": once.digest(),
                  f"hex SHA1 of {kind}": once.hexdigest().encode(),
                  f"SHA256 of {kind}": hashlib.sha256(secret).digest()}
    return found


def regions(pid: int) -> list[tuple[int, int, str, str]]:
    """Begin, end, name and flags of the process's readable mappings."""
    found, current = [], ("", "", "", "")
    with open(f"/proc/{pid}/smaps") as smaps:
        for line in smaps:
            head = re.match(r"([0-9a-f]+)-([0-9a-f]+) (r\S+) \S+ \S+ \S+ *(.*)", line)
            if head:
                current = (head[1], head[2], head[4], "r")
            elif re.match(r"[0-9a-f]+-[0-9a-f]+ ", line):
                current = ("", "", "", "")
            elif line.startswith("VmFlags:") and current[3]:
                found.append((int(current[0], 16), int(current[1], 16), current[2],
                              line.split(":", 1)[1]))
    return found


def search_memory(pid: int, wanted: dict[str, bytes], dumped: bool) -> list[str]:
    """Finds in what a core dump would hold, or in what it would not."""
    longest = max(len(needle) for needle in wanted.values())
    found: list[str] = []
    with open(f"/proc/{pid}/mem", "rb", buffering=0) as memory:
        for begin, end, name, flags in regions(pid):
            if ("dd" in flags.split()) == dumped or name in ("[vvar]", "[vsyscall]"):
                continue
            for data, at in pieces(memory, begin, end, longest):
                found += [f"{what} at {at + data.find(needle):x} in {name or 'anonymous'}"
                          for what, needle in wanted.items() if needle in data]
    return found


def pieces(memory: Any, begin: int, end: int, overlap: int) -> list[tuple[bytes, int]]:
    """A region in chunks that overlap; parts that cannot be read are left out."""
    found = []
    for at in resident(memory.name, begin, end):
        try:
            memory.seek(at)
            found.append((memory.read(min(CHUNK + overlap, end - at)), at))
        except (OSError, ValueError, OverflowError):
            continue
    return found


def resident(mem_path: str, begin: int, end: int) -> list[int]:
    """Starts of the chunks of which some page is in memory: sanitizers map terabytes."""
    with open(mem_path.replace("/mem", "/pagemap"), "rb", buffering=0) as pagemap:
        found = []
        if end - begin > 64 << 30:
            return []           # shadow memory: bits of state, no bytes of ours
        for at in range(begin, end, CHUNK):
            pages = (min(CHUNK, end - at)) // 4096
            pagemap.seek(at // 4096 * 8)
            if any(pagemap.read(pages * 8)[7::8].translate(None, bytes(range(64)))):
                found.append(at)
        return found


def outputs(sluice: Sluice, http: int) -> dict[str, str]:
    """Everything that sluice says of itself."""
    said = {"log": sluice.log_text()}
    for words in SHOWS:
        said["show " + words[0]] = sluice.ctl("show", *words).out
        said["show --json " + words[0]] = sluice.ctl("--json", "show", *words).out
    with urllib.request.urlopen(f"http://127.0.0.1:{http}/metrics", timeout=10) as page:
        said["metrics"] = page.read().decode()
    return said


def check_outputs(said: dict[str, str]) -> None:
    for kind in KINDS:
        secret = password_of(kind)
        for where, text in said.items():
            for form in (secret, hashlib.sha1(secret.encode()).hexdigest()):
                assert form.lower() not in text.lower(), f"the password of {kind} is in {where}"


def change_user(sluice: Sluice) -> None:
    """COM_CHANGE_USER teaches too. PyMySQL has none."""
    db = MySQLdb.connect(host="127.0.0.1", port=sluice.port, user=user_of("plain"),
                         passwd=password_of("plain"), ssl={"ca": str(tls.CA.cert)})
    db.change_user(user_of("change"), password_of("change"), "app")
    db.query("SELECT 1")
    db.store_result()
    db.close()


def errors_of(sluice: Sluice) -> dict[str, str]:
    """What clients are told when something is wrong with a password."""
    said = {}
    for kind in KINDS:
        said[f"error of {kind}"] = expect_error(
            (1045,), lambda k=kind: sluice.connect(user_of(k), password_of(k) + "x"))
    return said


def move_all(sluice: Sluice, sessions: dict[str, pymysql.Connection]) -> None:
    for to in ("b1", "b0"):
        sluice.ok("pause")
        sluice.ok("repoint", to)
        sluice.ok("resume")
        for kind, client in sessions.items():
            me = one(client, "SELECT CURRENT_USER()")
            assert me.startswith(user_of(kind) + "@"), f"{kind}: moved as {me}"


def known(sluice: Sluice) -> bool:
    rows = [r for r in sluice.sessions() if r["user"].startswith("sec_")]
    return bool(rows) and not any("credential_unknown" in r["obstacles"] for r in rows)


def daemon(t: Case, **settings: Any) -> tuple[Sluice, int]:
    both = [t.own_server(), t.own_server(server_id=2)]
    make_accounts(*both)
    secret = t.dir / "configured.pw"
    secret.write_text(password_of("configured") + "\n")
    secret.chmod(0o600)
    http = free_port()
    sluice = t.sluice(
        *both, variant=t.build, log={"level": "debug"}, admin={"http": f"127.0.0.1:{http}"},
        client_tls={"mode": "preferred", "cert": str(tls.SLUICE.cert),
                    "key": str(tls.SLUICE.key)},
        accounts=[{"user": user_of("configured"), "password_file": str(secret)}], **settings)
    return sluice, http


def no_secret(sluice: Sluice) -> Callable[[], bool]:
    """The memory is looked at until it is clean: what a loop turn defers is freed soon after."""
    assert sluice.process is not None
    pid = sluice.process.pid

    def clean() -> bool:
        found = search_memory(pid, needles(), dumped=True)
        assert not found, f"{len(found)} secrets in dumpable memory: {found[:6]}"
        return True
    return clean


@test(deadline=120, own=True, family=servers.FAMILIES, build=("release", "asan"), order=60)
def test_nowhere(t: Case) -> None:
    """After logins of every kind, refusals and moves: no log, output or dumpable byte has one."""
    sluice, http = daemon(t)
    sessions = log_in_all(t, sluice)
    change_user(sluice)
    refused = errors_of(sluice)
    wait_until(lambda: known(sluice), 10, "all credentials to be known")
    move_all(sluice, sessions)
    check_outputs(outputs(sluice, http) | refused)
    assert sluice.process is not None
    wait_until(no_secret(sluice), 3, "the dumpable memory to be clean", every=0.5)
    assert search_memory(sluice.process.pid, needles(), dumped=False), \
        "the secrets are not in undumpable memory either: this test looks at the wrong place"
    for one_of in sessions.values():
        one_of.close()
    wait_until(lambda: not [r for r in sluice.sessions() if r["user"].startswith("sec_")], 10,
               "the sessions to end")
    no_secret(sluice)()


@test(own=True, family=servers.FAMILIES, order=60)
def test_learn_off(t: Case) -> None:
    """auth.learn: off: nothing is kept, and sessions end at a safe point as they did before."""
    t.params["build"] = "asan"
    sluice, http = daemon(t, auth={"learn": False})
    client = sluice.connect(user_of("tls"), password_of("tls"), **secure())
    assert one(client, "SELECT 1") == 1
    mine = sluice.session_of(client.thread_id())
    assert "credential_unknown" in mine["obstacles"], f"{mine}"
    assert sluice.process is not None
    learned = {what: needle for what, needle in needles().items() if "configured" not in what}
    for dumped in (True, False):
        assert not search_memory(sluice.process.pid, learned, dumped), "something was learned"
    sluice.ok("pause")
    sluice.ok("repoint", "b1")
    sluice.ok("resume")
    expect_error((1053, 2006, 2013), lambda: one(client, "SELECT 2"))
    check_outputs(outputs(sluice, http))
