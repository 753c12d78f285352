"""Connection pools and sysbench under ten moves of the master: nobody sees more than a wait."""
from __future__ import annotations

import os
import subprocess
from typing import Callable

from lib import clients, servers
from lib.case import Case, test
from lib.clients import CLIENTS, Target
from lib.ledger import (Application, Sessions, Shuttle, make_tables, php_environment,
                        wait_sessions)
from lib.servers import Server
from lib.sluice import Sluice
from lib.util import wait_until
from test_sysbench import sysbench

MOVES = int(os.environ.get("MOVES", "10"))
USER, PASSWORD = "plain", "plain-secret"    # an account that may not pass read_only
THREADS, CONNECTIONS = 6, 4


def _python(driver: str) -> Callable[[], tuple[list[str], dict[str, str]]]:
    return lambda: (["/usr/bin/python3", str(CLIENTS / "pool_python.py")], {"DRIVER": driver})


def _php(how: str) -> Callable[[], tuple[list[str], dict[str, str]]]:
    return lambda: (["/usr/bin/python3", str(CLIENTS / "pool_php.py")],
                    php_environment(clients.php_argv("pool_php_page.php"), how))


def _java() -> tuple[list[str], dict[str, str]]:
    return clients.java_argv("-cp", str(clients.JAR), str(CLIENTS / "pool_java.java")), {}


def _node() -> tuple[list[str], dict[str, str]]:
    return clients.mysql2_argv("pool_node.js"), {}


# What to run, and what its environment needs besides the server.
POOLS: dict[str, Callable[[], tuple[list[str], dict[str, str]]]] = {
    "php-mysqli": _php("mysqli"), "php-pdo": _php("pdo"), "pymysql": _python("pymysql"),
    "mysqldb": _python("MySQLdb"), "java": _java, "node-mysql2": _node,
}


def two_masters(t: Case) -> tuple[Sluice, Shuttle]:
    """A pair with a daemon that has seen the account's password."""
    first, second = t.pair()
    make_tables(first)
    servers.caught_up(second, first)
    servers.read_only(second, True)
    sluice = t.sluice(first, second)
    sluice.connect(USER, PASSWORD).close()
    return sluice, Shuttle(sluice, first, second)


@test(deadline=90, own=True, family=("mariadb", "mysql"), pool=tuple(POOLS), order=30)
def test_pool(t: Case) -> None:
    """Zero errors, zero reconnects, nothing lost, nothing doubled."""
    argv, env = POOLS[t.pool]()
    sluice, shuttle = two_masters(t)
    app = Application(t.dir / "app", argv, Target(sluice.port, "app", False, USER, PASSWORD),
                      THREADS, CONNECTIONS, **env)
    t.defer(app.process.kill)
    wait_sessions(sluice, USER, CONNECTIONS, app)
    app.progress(4)
    before = Sessions(sluice, USER)
    for _ in range(MOVES):
        shuttle.move()
        app.progress(4)
    before.check_same()
    app.finish()
    shuttle.settle()
    for server in shuttle.sides:
        app.verify(server)
    check_nobody_left(shuttle)
    print(f"{len(app.acknowledged)} writes, gate closed for "
          f"{', '.join(f'{s * 1e3:.0f}' for s in shuttle.closed)} ms")


def check_nobody_left(shuttle: Shuttle) -> None:
    """Links to the server that was left are closed, and those of sessions that ended."""
    for server in shuttle.sides:
        wait_until(lambda s=server: s.connections_of(USER) == 0, 10,
                   f"all links to {server.folder.name} to be closed")


def checksum(server: Server) -> list[tuple[object, ...]]:
    return server.sql("CHECKSUM TABLE app.sbtest1, app.sbtest2")


@test(deadline=90, own=True, family=("mariadb", "mysql"), statements=("text", "prepared"),
      order=30)
def test_sysbench(t: Case) -> None:
    """Read-write by text and by prepared statements: no error, no reconnect, the same tables."""
    sluice, shuttle = two_masters(t)
    rows = ["--table-size=20000", "--rand-type=uniform"]
    done = subprocess.run([*sysbench(sluice, "app", False, *rows), "prepare"],
                          capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stdout[-2000:] + done.stderr[-2000:]
    mode = "disable" if t.statements == "text" else "auto"
    argv = sysbench(sluice, "app", False, *rows, f"--db-ps-mode={mode}", "--time=0", "--events=0",
                    "--report-interval=1", f"--mysql-user={USER}", f"--mysql-password={PASSWORD}",
                    "--mysql-ignore-errors=", "run")
    with open(t.dir / "sysbench.out", "wb") as out:
        child = subprocess.Popen(argv, stdout=out, stderr=subprocess.STDOUT, cwd=t.dir)
    t.defer(child.kill)
    wait_sessions(sluice, USER, 8)
    before = Sessions(sluice, USER)
    try:
        shuttle_under_sysbench(t, shuttle, child)
        before.check_same()
    finally:
        child.terminate()
        child.wait(30)
    shuttle.settle()
    first, second = (checksum(server) for server in shuttle.sides)
    assert first == second, f"the tables differ: {first} and {second}"


def shuttle_under_sysbench(t: Case, shuttle: Shuttle, child: "subprocess.Popen[bytes]") -> None:
    """A move when some hundred statements have been answered since the last one."""
    def answers() -> int:
        return int(shuttle.sluice.ctl_json("show", "stats")["answers"])
    for _ in range(MOVES):
        goal = answers() + 400

        def further(goal: int = goal) -> bool:
            return answers() >= goal or child.poll() is not None
        wait_until(further, 30, "400 more answers")
        shuttle.move()
        output = (t.dir / "sysbench.out").read_text(errors="replace")
        assert child.poll() is None and "FATAL" not in output, output[-2000:]


