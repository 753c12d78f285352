"""Throw-away MariaDB and MySQL servers on loopback.

A pristine data directory is made once for each version and set of accounts, kept under
build/cache, and copied for every server, so a start takes well under a second.
"""
from __future__ import annotations

import fcntl
import hashlib
import os
import pathlib
import shutil
import signal
from typing import Any, Optional, Sequence

import pymysql

from lib import tls
from lib.util import BUILD, CACHE, Process, Skip, Timeout, free_port, is_root, run, wait_until

FAMILIES = ("mariadb", "mysql")
MYSQL_TREE = pathlib.Path(os.environ.get("MYSQL_TREE", BUILD / "mysql"))

APP = ("app", "app-secret")
CONTROL = ("sluice", "control-secret")

# Accounts of every server: {native} and {default} are the family's own syntax.
ACCOUNTS = [
    f"CREATE USER '{APP[0]}'@'%' IDENTIFIED {{default}} '{APP[1]}'",
    f"GRANT ALL ON *.* TO '{APP[0]}'@'%'",
    f"CREATE USER '{CONTROL[0]}'@'%' IDENTIFIED {{default}} '{CONTROL[1]}'",
    f"GRANT ALL ON *.* TO '{CONTROL[0]}'@'%' WITH GRANT OPTION",
    "CREATE USER 'plain'@'%' IDENTIFIED {default} 'plain-secret'",   # may not pass read_only
    "GRANT SELECT, INSERT, UPDATE, DELETE, CREATE, DROP ON *.* TO 'plain'@'%'",
    "CREATE USER 'nopass'@'%'",
    "GRANT SELECT ON *.* TO 'nopass'@'%'",
    "CREATE USER 'repl'@'%' IDENTIFIED {default} 'repl-secret'",
    "GRANT REPLICATION SLAVE ON *.* TO 'repl'@'%'",
    "CREATE DATABASE app",
    # 4,000 numbers, for results of many rows on both servers.
    "CREATE TABLE app.digit (d INT PRIMARY KEY)",
    "INSERT INTO app.digit VALUES (0),(1),(2),(3),(4),(5),(6),(7),(8),(9)",
    "CREATE TABLE app.nums (id INT PRIMARY KEY)",
    "INSERT INTO app.nums SELECT 1 + a.d + 10 * b.d + 100 * c.d + 1000 * e.d FROM app.digit a,"
    " app.digit b, app.digit c, app.digit e WHERE e.d < 4",
    # Two servers shall choose the same plan: the background statistics may come at any time.
    "ANALYZE TABLE app.digit, app.nums",
]
IDENTIFIED = {"mariadb": "BY", "mysql": "WITH caching_sha2_password BY"}


class ServerDied(Exception):
    """The server ended while it was starting; the text is the end of its log."""


def mysql_argv(program: str) -> list[str]:
    """Runs a program of the unpacked MySQL tree with that tree's own C library."""
    path = MYSQL_TREE / "usr" / program
    if not path.exists():
        raise Skip(f"no MySQL: {path} does not exist")
    libraries = MYSQL_TREE / "usr/lib/x86_64-linux-gnu"
    loader = next((p for p in (MYSQL_TREE / "usr/lib64/ld-linux-x86-64.so.2",
                               libraries / "ld-linux-x86-64.so.2") if p.exists()), None)
    if loader is None:
        return [str(path)]
    return [str(loader), "--library-path", f"{libraries}:{MYSQL_TREE}/usr/lib/mysql/private",
            str(path)]


def available(family: str) -> bool:
    if family == "mariadb":
        return shutil.which("mariadbd", path=os.environ["PATH"] + ":/usr/sbin") is not None
    return (MYSQL_TREE / "usr/sbin/mysqld").exists()


def _server_argv(family: str) -> list[str]:
    if family == "mysql":
        return mysql_argv("sbin/mysqld")
    found = shutil.which("mariadbd", path=os.environ["PATH"] + ":/usr/sbin")
    if found is None:
        raise Skip("no mariadbd")
    return [found]


def _base_options(family: str) -> list[str]:
    options = ["--no-defaults"]
    if is_root():
        options.append("--user=root")
    if family == "mysql":
        options += [f"--basedir={MYSQL_TREE}/usr", "--secure-file-priv=NULL",
                    f"--lc-messages-dir={MYSQL_TREE}/usr/share/mysql",
                    f"--character-sets-dir={MYSQL_TREE}/usr/share/mysql/charsets",
                    f"--plugin-dir={MYSQL_TREE}/usr/lib/mysql/plugin",
                    "--mysqlx=OFF"]
    else:
        options += ["--innodb-log-file-size=4M"]
    return options


def _version(family: str) -> str:
    return run(_server_argv(family) + ["--no-defaults", "--version"]).stdout.strip()


def _initialise(family: str, data: pathlib.Path) -> None:
    if family == "mysql":
        run(_server_argv(family) + _base_options(family)
            + [f"--datadir={data}", "--initialize-insecure", "--innodb-redo-log-capacity=8M"],
            deadline=120)
        return
    run(["mariadb-install-db"] + _base_options(family)
        + [f"--datadir={data}", "--auth-root-authentication-method=normal", "--skip-test-db"],
        deadline=120)


def _make_pristine(family: str, data: pathlib.Path) -> None:
    _initialise(family, data)
    server = Server(family, data.parent, data, server_id=1)
    server.start(extra=["--skip-log-bin"])
    try:
        for statement in ACCOUNTS:
            server.sql(statement.format(default=IDENTIFIED[family]))
    finally:
        server.stop()
    for junk in ("auto.cnf", "ib_buffer_pool"):
        (data / junk).unlink(missing_ok=True)


def pristine(family: str) -> pathlib.Path:
    """The cached data directory of a family; made when it is missing or out of date."""
    key = hashlib.sha256(repr((_version(family), ACCOUNTS, _base_options(family))).encode())
    CACHE.mkdir(parents=True, exist_ok=True)
    place = CACHE / f"func-{family}-{key.hexdigest()[:12]}"
    with open(CACHE / f"func-{family}.lock", "w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not place.exists():
            # Made in a short path: the server's socket lies beside it.
            work = pathlib.Path(f"/tmp/sluice-pristine.{os.getpid()}")
            shutil.rmtree(work, ignore_errors=True)
            work.mkdir()
            _make_pristine(family, work / "data")
            for old in CACHE.glob(f"func-{family}-*"):
                shutil.rmtree(old)
            shutil.copytree(work / "data", place)
            shutil.rmtree(work)
    return place


class Server:
    """One server: `sql` runs statements as root over its unix socket."""

    def __init__(self, family: str, folder: pathlib.Path, data: pathlib.Path, server_id: int):
        self.family = family
        self.folder = folder
        self.data = data
        self.server_id = server_id
        self.port = 0
        self.socket = folder / "s.sock"
        self.log = folder / "server.log"
        self.process: Optional[Process] = None
        self.extra: list[str] = []
        self._root: Optional[pymysql.Connection] = None

    @classmethod
    def create(cls, family: str, folder: pathlib.Path, server_id: int = 1) -> "Server":
        source = pristine(family)
        folder.mkdir(parents=True)
        run(["cp", "-a", "--reflink=auto", "--sparse=always", str(source), str(folder / "data")])
        return cls(family, folder, folder / "data", server_id)

    def options(self) -> list[str]:
        tls.ensure()
        common = [
            f"--datadir={self.data}", f"--socket={self.socket}", f"--port={self.port}",
            f"--pid-file={self.folder}/s.pid", "--bind-address=127.0.0.1",
            f"--tmpdir={self.folder}", f"--server-id={self.server_id}", "--log-bin=binlog",
            f"--ssl-ca={tls.CA.cert}", f"--ssl-cert={tls.SERVER.cert}",
            f"--ssl-key={tls.SERVER.key}", "--innodb-flush-log-at-trx-commit=0",
            "--sync-binlog=0", "--innodb-buffer-pool-size=48M", "--max-allowed-packet=64M",
            "--max-connections=3000", "--local-infile=1", "--skip-name-resolve",
            "--back-log=2000", "--lower-case-table-names=0", "--max-connect-errors=1000000",
            "--character-set-server=utf8mb4",
        ]
        if self.family == "mariadb":
            return common + ["--log-slave-updates", "--binlog-format=ROW",
                             "--proxy-protocol-networks=127.0.0.1,localhost",
                             f"--log-basename=s{self.server_id}"]
        return common + ["--gtid-mode=ON", "--enforce-gtid-consistency=ON",
                         "--log-error-verbosity=2", "--performance-schema=ON",
                         "--innodb-redo-log-capacity=100M"]

    def start(self, extra: Sequence[str] = (), port: int = 0) -> "Server":
        """Starts, or starts again on the same port; a lost race for the port is tried again."""
        for attempt in range(3):
            if port or not self.port or attempt:
                self.port = port or free_port()
            self.extra = list(extra)
            argv = (_server_argv(self.family) + _base_options(self.family) + self.options()
                    + self.extra)
            self.process = Process(argv, self.log, self.family)
            try:
                wait_until(self._ready, 60, f"{self.family} on port {self.port}")
                return self
            except (Timeout, ServerDied):
                self.process.kill()
                if "already in use" not in self.log.read_text(errors="replace") or port:
                    raise
        raise AssertionError(f"{self.family} found no free port")

    def _ready(self) -> bool:
        assert self.process is not None
        if not self.process.alive():
            raise ServerDied(f"{self.family}: {self.log.read_text(errors='replace')[-1500:]}")
        try:
            self._root = self._connect_root()
        except pymysql.MySQLError:
            return False
        return True

    def _connect_root(self) -> pymysql.Connection:
        return pymysql.connect(unix_socket=str(self.socket), user="root", autocommit=True,
                               charset="utf8mb4")

    def sql(self, statement: str, args: Any = None) -> list[tuple[Any, ...]]:
        """Runs one statement as root; its rows."""
        if self._root is None:
            self._root = self._connect_root()
        with self._root.cursor() as cursor:
            cursor.execute(statement, args)
            return list(cursor.fetchall() or ())

    def one(self, statement: str, args: Any = None) -> Any:
        """The first column of the first row."""
        return self.sql(statement, args)[0][0]

    def rows(self, statement: str) -> list[dict[str, Any]]:
        """Rows as dictionaries, for SHOW commands."""
        if self._root is None:
            self._root = self._connect_root()
        with self._root.cursor(pymysql.cursors.DictCursor) as cursor:
            cursor.execute(statement)
            return list(cursor.fetchall())

    def connect(self, user: str = APP[0], password: str = APP[1],
                **kwargs: Any) -> pymysql.Connection:
        """A direct connection by TCP."""
        return connect(self.port, user, password, **kwargs)

    def fresh_database(self, name: str) -> str:
        self.sql(f"DROP DATABASE IF EXISTS `{name}`")
        self.sql(f"CREATE DATABASE `{name}`")
        return name

    def connections_of(self, user: str) -> int:
        return int(self.one("SELECT COUNT(*) FROM information_schema.PROCESSLIST"
                            " WHERE USER = %s", (user,)))

    def stop(self, sig: int = signal.SIGTERM) -> None:
        if self._root is not None:
            try:
                self._root.close()
            except (pymysql.MySQLError, OSError):
                pass
            self._root = None
        if self.process is not None:
            if self.process.alive() and sig == signal.SIGTERM:
                self.process.stop(deadline=60)
            else:
                self.process.kill()
            self.process = None


def connect(port: int, user: str = APP[0], password: str = APP[1], host: str = "127.0.0.1",
            **kwargs: Any) -> pymysql.Connection:
    kwargs.setdefault("connect_timeout", 20)
    kwargs.setdefault("autocommit", True)
    kwargs.setdefault("charset", "utf8mb4")
    return pymysql.connect(host=host, port=port, user=user, password=password, **kwargs)


def read_only(server: Server, on: bool) -> None:
    server.sql(f"SET GLOBAL {'super_' if server.family == 'mysql' else ''}read_only = "
               f"{1 if on else 0}")
    if server.family == "mysql" and not on:
        server.sql("SET GLOBAL read_only = 0")


def replicate(replica: Server, source: Server) -> None:
    """Makes replica follow source by GTID. Both must hold the same data."""
    if replica.family == "mariadb":
        replica.sql(f"CHANGE MASTER TO MASTER_HOST='127.0.0.1', MASTER_PORT={source.port},"
                    " MASTER_USER='repl', MASTER_PASSWORD='repl-secret',"
                    " MASTER_USE_GTID=slave_pos, MASTER_CONNECT_RETRY=1")
        replica.sql("START SLAVE")
        field, show = "Slave_IO_Running", "SHOW SLAVE STATUS"
    else:
        replica.sql(f"CHANGE REPLICATION SOURCE TO SOURCE_HOST='127.0.0.1',"
                    f" SOURCE_PORT={source.port}, SOURCE_USER='repl',"
                    " SOURCE_PASSWORD='repl-secret', SOURCE_AUTO_POSITION=1,"
                    " GET_SOURCE_PUBLIC_KEY=1, SOURCE_CONNECT_RETRY=1")
        replica.sql("START REPLICA")
        field, show = "Replica_IO_Running", "SHOW REPLICA STATUS"
    wait_until(lambda: replica.rows(show)[0][field] == "Yes", 30,
               f"replication to {replica.folder.name}")


def caught_up(replica: Server, source: Server, deadline: float = 60) -> None:
    """Waits until replica has applied everything source has committed until now."""
    if source.family == "mariadb":
        position = source.one("SELECT @@gtid_binlog_pos")
        done = replica.one(f"SELECT MASTER_GTID_WAIT('{position}', {deadline})")
        assert done == 0, f"replica did not reach {position}"
        return
    position = str(source.one("SELECT @@gtid_executed")).replace("\n", "")
    done = replica.one(f"SELECT WAIT_FOR_EXECUTED_GTID_SET('{position}', {deadline})")
    assert done == 0, f"replica did not reach {position}"


def pair(family: str, folder: pathlib.Path, both_ways: bool = True,
         extra: Sequence[str] = ()) -> tuple[Server, Server]:
    """Two servers that replicate each other with separate auto_increment values, or one way."""
    first = Server.create(family, folder / "a", 1)
    second = Server.create(family, folder / "b", 2)
    offsets = "--auto-increment-increment=2"
    domain = "--gtid-domain-id={}" if family == "mariadb" else "--auto-increment-increment=2"
    first.start([offsets, "--auto-increment-offset=1", domain.format(1), *extra])
    second.start([offsets, "--auto-increment-offset=2", domain.format(2), *extra])
    replicate(second, first)
    if both_ways:
        replicate(first, second)
    return first, second


__all__ = ["Server", "connect", "pair", "replicate", "caught_up", "read_only", "available",
           "mysql_argv", "FAMILIES", "APP", "CONTROL"]
