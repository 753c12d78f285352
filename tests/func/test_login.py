"""The server decides who gets in: every plugin, TLS on either side, the server's own errors."""
from __future__ import annotations

import re
import signal
import socket
import ssl
import struct
import subprocess
from typing import Any, Optional

import pymysql

from lib import clients, tls
from lib.case import Case, test
from lib.clients import Target
from lib.raw import Raw, ServerError
from lib.sluice import Sluice
from lib.util import Skip, free_port, wait_until

MODES = ("disabled", "preferred", "required", "verify-ca", "verify-identity")
CLIENT_TLS = {"mode": "preferred", "cert": str(tls.SLUICE.cert), "key": str(tls.SLUICE.key)}
FAMILIES = ("mariadb", "mysql")
GROUP = "accounts"      # FLUSH PRIVILEGES empties the cache of every account


def backend_tls(mode: str, ca: tls.Cert = tls.CA) -> dict[str, Any]:
    settings = {"mode": mode}
    if mode.startswith("verify"):
        settings["ca"] = str(ca.cert)
    return {"tls": settings}


def new_user(t: Case, options: str = "", plugin: str = "", password: str = "s3cret ü") -> str:
    """An account that only this test uses."""
    name = f"u{t.number}"
    default = "WITH caching_sha2_password BY" if t.family == "mysql" else "BY"
    t.server.sql(f"DROP USER IF EXISTS {name}")
    t.server.sql(f"CREATE USER {name}@'%' IDENTIFIED {plugin or default} '{password}' {options}")
    t.server.sql(f"GRANT SELECT ON *.* TO {name}@'%'")
    t.defer(lambda: t.server.sql(f"DROP USER {name}"))
    return name


def secure(ca: tls.Cert = tls.CA) -> dict[str, Any]:
    return {"ssl": ssl.create_default_context(cafile=str(ca.cert))}


def ways(sluice: Sluice) -> dict[str, dict[str, Any]]:
    """The three channels of a client, as arguments of connect()."""
    return {"plain": {}, "tls": secure(), "unix": {"unix_socket": str(sluice.unix)}}


def select_one(connection: pymysql.Connection, sql: str) -> Any:
    with connection.cursor() as cursor:
        cursor.execute(sql)
        return cursor.fetchone()


@test(deadline=90, family=FAMILIES, mode=MODES, group=GROUP)
def test_channels(t: Case) -> None:
    """Client plain, TLS, unix socket x this mode of the backend x cold and warm cache."""
    user = new_user(t, password="s3cret-1")
    sluice = t.sluice(backend=backend_tls(t.mode), client_tls=CLIENT_TLS)
    for way, arguments in ways(sluice).items():
        for cache in ("cold", "warm", "warm again"):
            if cache == "cold":
                t.server.sql("FLUSH PRIVILEGES")
            what = f"client {way}, backend {t.mode}, cache {cache}"
            try:
                connection = sluice.connect(user, "s3cret-1", database="app", **arguments)
            except pymysql.MySQLError as error:
                raise AssertionError(f"{what}: {error}") from error
            me, number = select_one(connection, "SELECT CURRENT_USER(), CONNECTION_ID()")
            assert me.startswith(user + "@"), f"{what}: logged in as {me}"
            assert number == connection.thread_id(), f"{what}: greeting had another thread id"
            cipher = select_one(connection, "SHOW STATUS LIKE 'Ssl_cipher'")[1]
            assert bool(cipher) == (t.mode != "disabled"), f"{what}: cipher is {cipher!r}"
            connection.close()
            with_wrong(t, sluice, user, arguments, what)


def with_wrong(t: Case, sluice: Sluice, user: str, arguments: dict[str, Any], what: str) -> None:
    try:
        sluice.connect(user, "wrong", **arguments).close()
    except pymysql.MySQLError as error:
        assert error.args[0] == 1045 and "(using password: YES)" in error.args[1], \
            f"{what}: wrong password gave {error.args}"
        return
    raise AssertionError(f"{what}: a wrong password got in")


def command_line(t: Case, client: str, sluice: Sluice, user: str, password: str, way: str,
                 *more: str) -> subprocess.CompletedProcess[str]:
    argv_of = clients.mysql_argv if client == "mysql" else clients.mariadb_argv
    target = Target(sluice.port, "", way == "tls", user, password,
                    unix=sluice.unix if way == "unix" else None)
    argv = argv_of(target, *more, "-N", "-e", "SELECT CURRENT_USER()")
    return subprocess.run(argv, capture_output=True, text=True, timeout=30,
                          stdin=subprocess.DEVNULL)


@test(deadline=60, family=FAMILIES, client=("mariadb", "mysql"), mode=("disabled", "required"),
      group=GROUP)
def test_command_line(t: Case) -> None:
    """Both command-line clients, cold and warm, over each channel."""
    user = new_user(t, password="s3cret-1")
    sluice = t.sluice(backend=backend_tls(t.mode), client_tls=CLIENT_TLS)
    for way in ("plain", "tls", "unix"):
        for cache in ("cold", "warm"):
            if cache == "cold":
                t.server.sql("FLUSH PRIVILEGES")
            done = command_line(t, t.client, sluice, user, "s3cret-1", way)
            assert done.returncode == 0 and done.stdout.startswith(user + "@"), \
                f"{way}, {cache}: {done.stdout}{done.stderr}"


def outcome(port: int, user: str, password: str, **kwargs: Any) -> str:
    """What a login leads to, as the client sees it; the host part is not compared."""
    try:
        raw = pymysql.connect(host="127.0.0.1", port=port, user=user, password=password,
                              connect_timeout=20, **kwargs)
    except pymysql.MySQLError as error:
        return re.sub(r"'@'[^']*'", "'@'HOST'", f"{error.args}")
    raw.close()
    return "in"


def error_packet(port: int, user: str, password: str) -> str:
    """The ERR packet's code, state and text (mysql_native_password)."""
    raw = Raw(port)
    try:
        raw.login(user, password)
        return "in"
    except ServerError as error:
        return re.sub(r"'@'[^']*'", "'@'HOST'", str(error))
    finally:
        raw.close()


@test(family=FAMILIES, way=("plain", "tls"), group=GROUP)
def test_refusals(t: Case) -> None:
    """Wrong password, no password, unknown user and database, locked: as directly."""
    user = new_user(t, password="s3cret-1")
    locked = user + "l"
    t.server.sql(f"CREATE USER {locked}@'%' IDENTIFIED BY 'x' ACCOUNT LOCK")
    t.defer(lambda: t.server.sql(f"DROP USER {locked}"))
    sluice = t.sluice(client_tls=CLIENT_TLS)
    more = secure() if t.way == "tls" else {}
    t.server.connect(user, "s3cret-1").close()
    tries: list[tuple[str, str, Optional[str]]] = [
        (user, "wrong", None), (user, "", None), ("nobody", "x", None), ("", "", None),
        (user, "s3cret-1", "missing_db"), (user, "s3cret-1", "app"), (locked, "x", None),
        (locked, "wrong", None), ("nopass", "", None), ("nopass", "x", None),
        (user, "p" * 150, None), ("n" * 100, "x", None)]
    for name, password, database in tries:
        direct = outcome(t.server.port, name, password, database=database, **more)
        through = outcome(sluice.port, name, password, database=database, **more)
        assert direct == through, f"{name}/{password}/{database}: {direct} became {through}"
    if t.family == "mysql":
        return      # a wrong password leads to full authentication, which needs RSA or TLS
    direct, through = (error_packet(p, user, "wrong") for p in (t.server.port, sluice.port))
    assert direct == through and "28000" in direct, f"{direct} became {through}"


@test(family=FAMILIES, group=GROUP)
def test_expired(t: Case) -> None:
    """An expired password: refused, or a sandbox for clients that can handle it."""
    user = new_user(t, "PASSWORD EXPIRE", password="s3cret-1")
    sluice = t.sluice(client_tls=CLIENT_TLS)
    # MariaDB's command line client can; PyMySQL cannot.
    for port in (t.server.port, sluice.port):
        target = Target(port, "", True, user, "s3cret-1")
        new = "PASSWORD('s3cret-1')" if t.family == "mariadb" else "'s3cret-1'"
        sql = f"SELECT 1; SET PASSWORD = {new}; SELECT 2"
        done = subprocess.run(clients.mariadb_argv(target, "-f", "-N", "-e", sql),
                              capture_output=True, text=True, timeout=30)
        t.server.sql(f"ALTER USER {user} PASSWORD EXPIRE")
        text = done.stdout + done.stderr
        if port == t.server.port:
            direct = text
    assert direct == text, f"{direct} became {text}"
    assert outcome(t.server.port, user, "s3cret-1") == outcome(sluice.port, user, "s3cret-1")


@test(family=("mysql",), plugin=("sha256_password",), mode=("disabled", "required"), group=GROUP)
def test_other_plugin(t: Case) -> None:
    active = t.server.sql("SELECT 1 FROM information_schema.PLUGINS WHERE PLUGIN_NAME = %s",
                          (t.plugin,))
    t.need(active, f"the server has no {t.plugin}")
    user = new_user(t, plugin=f"WITH {t.plugin} BY", password="s3cret-1")
    sluice = t.sluice(backend=backend_tls(t.mode), client_tls=CLIENT_TLS)
    for way, arguments in ways(sluice).items():
        if way == "unix":
            continue    # PyMySQL sends it in clear text over TLS only
        connection = sluice.connect(user, "s3cret-1", **arguments)
        assert select_one(connection, "SELECT CURRENT_USER()")[0].startswith(user)
        connection.close()
        with_wrong(t, sluice, user, arguments, way)


@test(family=("mariadb",), group=GROUP)
def test_ed25519(t: Case) -> None:
    try:
        t.server.sql("INSTALL SONAME 'auth_ed25519'")
    except pymysql.MySQLError:
        raise Skip("this MariaDB has no auth_ed25519 plugin file") from None
    user = f"u{t.number}"
    t.server.sql(f"CREATE USER {user}@'%' IDENTIFIED VIA ed25519 USING PASSWORD('s3cret-1')")
    sluice = t.sluice(client_tls=CLIENT_TLS)
    for way in ("plain", "tls"):
        done = command_line(t, "mariadb", sluice, user, "s3cret-1", way)
        assert done.returncode == 0, done.stderr


@test(family=FAMILIES, own=True)
def test_backend_certificate(t: Case) -> None:
    """verify-ca and verify-identity refuse what they should, with an error and a log line."""
    options = {"ca": f"--ssl-ca={tls.CA.cert}", "cert": f"--ssl-cert={tls.STRANGER.cert}",
               "key": f"--ssl-key={tls.STRANGER.key}"}
    server = t.own_server(extra=list(options.values()))
    cases = (("verify-ca", tls.CA, True), ("verify-ca", tls.OTHER_CA, False),
             ("verify-identity", tls.CA, False), ("required", tls.CA, True))
    for mode, ca, works in cases:
        sluice = t.sluice(server, backend=backend_tls(mode, ca), client_tls=CLIENT_TLS,
                          hold={"max": "1s"})
        result = outcome(sluice.port, "app", "app-secret", **secure())
        assert (result == "in") == works, f"{mode} with {ca.cert.name}: {result}"
        if not works:
            assert re.search(r"10(53|40)", result) and "sluice" in result, f"unclear: {result}"
            sluice.wait_log(r"(?i)certificate|verify|hostname|tls")
        sluice.stop()


@test(family=FAMILIES, own=True)
def test_backend_without_tls(t: Case) -> None:
    """preferred goes on without TLS, required does not."""
    server = t.own_server(extra=["--skip-ssl"] if t.family == "mariadb" else ["--tls-version="])
    server.connect().close() if t.family == "mariadb" else None
    for mode, works in (("preferred", True), ("disabled", True), ("required", False)):
        sluice = t.sluice(server, backend=backend_tls(mode), client_tls=CLIENT_TLS,
                          hold={"max": "1s"})
        for arguments in ({}, secure()):
            result = outcome(sluice.port, "app", "app-secret", **arguments)
            assert (result == "in") == works, f"{mode}, {arguments}: {result}"
        sluice.stop()


@test(family=FAMILIES, group=GROUP)
def test_client_tls_modes(t: Case) -> None:
    """disabled offers none, required insists."""
    t.server.connect().close()
    sluice = t.sluice()
    raw = Raw(sluice.port)
    assert not raw.read_greeting().caps & 0x800, "TLS offered though client_tls is disabled"
    raw.close()
    sluice.stop()
    sluice = t.sluice(client_tls={**CLIENT_TLS, "mode": "required"})
    assert outcome(sluice.port, "app", "app-secret", **secure()) == "in"
    refused = outcome(sluice.port, "app", "app-secret")
    assert refused != "in" and re.search(r"(?i)secure|tls|ssl", refused), f"unclear: {refused}"
    raw = Raw(str(sluice.unix))
    raw.read_greeting()     # a unix socket needs no TLS
    raw.close()


def shown_serial(port: int) -> int:
    """Serial number of the certificate that the server shows now."""
    done = subprocess.run(["openssl", "s_client", "-starttls", "mysql", "-connect",
                           f"127.0.0.1:{port}"], stdin=subprocess.DEVNULL, capture_output=True,
                          timeout=20)
    text = subprocess.run(["openssl", "x509", "-noout", "-serial"], input=done.stdout,
                          capture_output=True, timeout=20).stdout.decode()
    return int(text.strip().removeprefix("serial=") or "0", 16)


@test(family=("mariadb",))
def test_certificate_reload(t: Case) -> None:
    """SIGHUP: new connections see the new certificate, open ones go on; broken: kept out."""
    cert, key = t.dir / "live.pem", t.dir / "live.key"
    cert.write_bytes(tls.SLUICE.cert.read_bytes())
    key.write_bytes(tls.SLUICE.key.read_bytes())
    sluice = t.sluice(client_tls={"mode": "preferred", "cert": str(cert), "key": str(key)})
    old = sluice.connect(**secure())
    assert shown_serial(sluice.port) == 13
    cert.write_bytes(tls.SLUICE2.cert.read_bytes())
    key.write_bytes(tls.SLUICE2.key.read_bytes())
    sluice.signal(signal.SIGHUP)
    wait_until(lambda: shown_serial(sluice.port) == 14, 10, "the new certificate")
    assert select_one(old, "SELECT 7") == (7,), "the old connection does not go on"
    cert.write_text("not a certificate\n")
    sluice.signal(signal.SIGHUP)
    sluice.wait_log(r"(?i)live\.pem")
    assert shown_serial(sluice.port) == 14, "a broken file replaced the certificate"
    sluice.connect(**secure()).close()


@test(family=FAMILIES)
def test_ipv6(t: Case) -> None:
    try:
        with socket.socket(socket.AF_INET6) as probe:
            probe.bind(("::1", 0))
    except OSError:
        raise Skip("no IPv6 on this machine") from None
    port = free_port()
    t.server.connect().close()
    sluice = t.sluice(listen=[f"[::1]:{port}", f"127.0.0.1:{free_port()}"])
    connection = pymysql.connect(host="::1", port=port, user="app", password="app-secret")
    assert select_one(connection, "SELECT 1") == (1,)
    connection.close()
    assert sluice.ctl("show", "sessions").code == 0


@test(family=("mariadb",))
def test_proxy_protocol_out(t: Case) -> None:
    """The server sees the client's own address."""
    sluice = t.sluice(backend={"proxy_protocol": True})
    connection = sluice.connect(bind_address="127.0.0.77")
    assert select_one(connection, "SELECT USER()") == ("app@127.0.0.77",)
    connection.close()
    plain = t.sluice()
    connection = plain.connect(bind_address="127.0.0.77")
    assert select_one(connection, "SELECT USER()") == ("app@127.0.0.1",)


@test(family=("mariadb",))
def test_proxy_protocol_in(t: Case) -> None:
    """A header from a load balancer names the client; without one such a peer is refused."""
    sluice = t.sluice(backend={"proxy_protocol": True},
                      proxy_protocol={"accept_from": ["127.0.0.1/32"]})
    header = (b"\r\n\r\n\0\r\nQUIT\n\x21\x11" + struct.pack(">H", 12)
              + socket.inet_aton("203.0.113.9") + socket.inet_aton("127.0.0.1")
              + struct.pack(">HH", 4711, 3306))
    raw = Raw(sluice.port)
    for piece in (header[:5], header[5:20], header[20:]):
        raw.send(piece)
    raw.login("app", "app-secret")
    assert raw.query("SELECT USER()") == [["app@203.0.113.9"]]
    assert "203.0.113.9" in sluice.ok("show", "sessions").out
    raw.close()
    for bad in (b"\r\n\r\n\0\r\nQUIT\n\x31\x11\0\x0c" + b"x" * 12, b"GET / HTTP/1.0\r\n\r\n",
                b"PROXY TCP4 1.2.3.4 1.2.3.4 1 2\r\n"):
        raw = Raw(sluice.port)
        raw.send(bad)
        assert raw.is_closed(), f"still open after {bad!r}"
        raw.close()
    other = Raw(str(sluice.unix))
    other.login("app", "app-secret")    # not from the network named
    other.close()
