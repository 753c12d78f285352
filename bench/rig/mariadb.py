"""Throw-away MariaDB servers in a folder, on loopback."""
from __future__ import annotations

import getpass
import os
import pathlib
import shutil
import subprocess
from typing import Any, Optional

from rig.processes import Failed, Rig, free_port, program, run, stop

APP = ("app", "application")
CONTROL = ("sluice", "control")
REPLICATION = ("repl", "replication")
DATABASE = "bench"

# One statement a line, which is what --init-file wants. Nothing of it goes to the binary log.
ACCOUNTS = f"""SET sql_log_bin=0;
CREATE DATABASE IF NOT EXISTS {DATABASE};
CREATE USER IF NOT EXISTS {APP[0]}@'%' IDENTIFIED BY '{APP[1]}';
GRANT ALL ON {DATABASE}.* TO {APP[0]}@'%';
CREATE USER IF NOT EXISTS {CONTROL[0]}@'%' IDENTIFIED BY '{CONTROL[1]}';
GRANT ALL ON *.* TO {CONTROL[0]}@'%';
CREATE USER IF NOT EXISTS {REPLICATION[0]}@'%' IDENTIFIED BY '{REPLICATION[1]}';
GRANT REPLICATION SLAVE ON *.* TO {REPLICATION[0]}@'%';
"""


class Server:
    """One mariadbd with a folder of its own."""

    def __init__(self, rig: Rig, name: str) -> None:
        self.rig = rig
        self.name = name
        self.port = free_port()
        self.folder = rig.folder / name
        self.socket = rig.folder / f"{name}.sock"
        self.child: Optional[subprocess.Popen[Any]] = None

    def start(self, *options: str) -> Server:
        init = self.rig.folder / "accounts.sql"
        init.write_text(ACCOUNTS)
        argv = [program("mariadbd"), "--no-defaults", f"--datadir={self.folder}",
                f"--socket={self.socket}", f"--port={self.port}", "--bind-address=127.0.0.1",
                f"--pid-file={self.folder}/pid", f"--init-file={init}", "--skip-name-resolve",
                f"--user={getpass.getuser()}", *options]
        self.child = self.rig.start(self.name, argv)
        self.rig.wait_port(self.name, self.child, self.port)
        return self

    def sql(self, statement: str, seconds: float = 60.0, names: bool = False) -> str:
        """As root on the unix socket; rows as text, columns apart by tabs."""
        argv = [program("mariadb"), "--no-defaults", f"--socket={self.socket}", "--user=root",
                "--batch", f"--execute={statement}"]
        return run(argv if names else [*argv, "--skip-column-names"], seconds).strip()

    def ask(self, *variables: str) -> list[str]:
        return self.sql("SELECT " + ", ".join(variables)).split("\t")

    def stop(self) -> None:
        if self.child is not None:
            stop(self.child)

    @property
    def pid(self) -> int:
        if self.child is None:
            raise Failed(f"{self.name} is not running")
        return self.child.pid


def install(rig: Rig, *names: str) -> list[Server]:
    """Fresh data folders; the first is made by the server's tool, the others are copies of it."""
    servers = [Server(rig, name) for name in names]
    first = servers[0].folder
    run([program("mariadb-install-db"), "--no-defaults", f"--datadir={first}", "--skip-test-db",
         "--auth-root-authentication-method=normal", f"--user={getpass.getuser()}",
         f"--tmpdir={rig.folder}", *_basedir()], 120)
    for other in servers[1:]:
        shutil.copytree(first, other.folder)
    return servers


def _basedir() -> list[str]:
    """The tool looks for the server beside itself; say where the messages are if it is there."""
    return ["--basedir=/usr"] if pathlib.Path("/usr/share/mysql").is_dir() else []


def replicating_pair(rig: Rig, active: str, passive: str) -> tuple[Server, Server]:
    """Two masters that follow each other with GTID; each gives its own half of the
    auto_increment values, and the passive one is read-only."""
    pair = install(rig, active, passive)
    for number, server in enumerate(pair, start=1):
        server.start(f"--server-id={number}", "--log-bin=binlog", "--log-slave-updates",
                     "--binlog-format=ROW", "--auto-increment-increment=2",
                     f"--auto-increment-offset={number}", "--max-connections=2000",
                     "--back-log=2000", "--innodb-buffer-pool-size=64M",
                     "--slave-net-timeout=5",
                     f"--read-only={number - 1}")
    for server, source in (pair, pair[::-1]):
        server.sql("CHANGE MASTER TO master_host='127.0.0.1', "
                   f"master_port={source.port}, master_user='{REPLICATION[0]}', "
                   f"master_password='{REPLICATION[1]}', master_use_gtid=slave_pos, "
                   "master_connect_retry=1; START SLAVE")
    return pair[0], pair[1]


def replication_runs(server: Server) -> bool:
    status = server.sql("SHOW SLAVE STATUS\\G", names=True)
    return "Slave_IO_Running: Yes" in status and "Slave_SQL_Running: Yes" in status


def tuned_for_speed(rig: Rig, name: str = "server") -> Server:
    """One server that is as little of a bottleneck as it can be: all in memory, nothing synced."""
    server = install(rig, name)[0]
    threads = os.cpu_count() or 2
    return server.start("--skip-log-bin", "--max-connections=12000", "--back-log=4096",
                        "--innodb-buffer-pool-size=512M", "--innodb-flush-log-at-trx-commit=0",
                        "--innodb-doublewrite=0", "--innodb-flush-method=nosync",
                        "--innodb-log-file-size=512M", f"--thread-cache-size={256 * threads}",
                        "--table-open-cache=4000", "--max-prepared-stmt-count=1000000",
                        "--open-files-limit=30000", "--max-connect-errors=1000000",
                        "--thread-stack=192K", "--performance-schema=OFF")
