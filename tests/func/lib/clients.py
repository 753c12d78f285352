"""How to run the client programs and driver scripts, directly or through sluice."""
from __future__ import annotations

import fcntl
import os
import pathlib
import re
import shutil
import subprocess
from typing import Callable, Optional

from lib import servers, tls
from lib.util import BUILD, CACHE, CLIENTS, REPO, Skip, run

NODE_DIR = BUILD / "node"
JAR = pathlib.Path("/usr/share/java/mariadb-java-client.jar")


class Target:
    """Where a client connects to."""

    def __init__(self, port: int, database: str, secure: bool, user: str = servers.APP[0],
                 password: str = servers.APP[1], host: str = "127.0.0.1",
                 unix: Optional[pathlib.Path] = None):
        self.host, self.port, self.database, self.secure = host, port, database, secure
        self.user, self.password, self.unix = user, password, unix

    def env(self) -> dict[str, str]:
        return dict(os.environ, HOST=self.host, PORT=str(self.port), DB=self.database,
                    DBUSER=self.user, PASS=self.password, TLS="on" if self.secure else "off",
                    CA=str(tls.CA.cert), NODE_PATH="/usr/share/nodejs",
                    NODE_MYSQL2=str(NODE_DIR / "node_modules/mysql2/promise.js"))


def _program(name: str) -> str:
    found = shutil.which(name, path="/usr/bin:" + os.environ["PATH"])
    if found is None:
        raise Skip(f"no {name}")
    return found


def _place(target: Target) -> list[str]:
    if target.unix:
        return ["--protocol=socket", f"--socket={target.unix}"]
    return ["--protocol=tcp", "--host", target.host, "--port", str(target.port)]


def mariadb_argv(target: Target, *more: str) -> list[str]:
    argv = [_program("mariadb"), "--no-defaults", *_place(target), "--user", target.user,
            f"--password={target.password}", "--local-infile=1", "--max-allowed-packet=64M",
            "--default-character-set=utf8mb4"]
    if target.secure:
        argv += [f"--ssl-ca={tls.CA.cert}", "--ssl-verify-server-cert"]
    else:
        argv += ["--skip-ssl"]
    return [*argv, *more]


def mysql_argv(target: Target, *more: str) -> list[str]:
    argv = servers.mysql_argv("bin/mysql") + [
        "--no-defaults", *_place(target), "--user", target.user, f"--password={target.password}",
        "--local-infile=1", "--max-allowed-packet=64M", "--default-character-set=utf8mb4",
        f"--character-sets-dir={servers.MYSQL_TREE}/usr/share/mysql/charsets",
        f"--plugin-dir={servers.MYSQL_TREE}/usr/lib/mysql/plugin", "--get-server-public-key"]
    if target.secure:
        argv += [f"--ssl-ca={tls.CA.cert}", "--ssl-mode=VERIFY_IDENTITY"]
    else:
        argv += ["--ssl-mode=DISABLED"]
    return [*argv, *more]


def data_file(folder: pathlib.Path) -> pathlib.Path:
    """Input of LOAD DATA LOCAL: 20,000 rows, over 300 KB."""
    path = folder / "rows.csv"
    if not path.exists():
        path.write_text("".join(f"{i},row number {i}\n" for i in range(20000)))
    return path


def cli_script(folder: pathlib.Path) -> str:
    """cli.sql with what cannot be kept in a file of this repository: 17 MiB, a path."""
    script = (CLIENTS / "cli.sql").read_text()
    script += f"USE `@DB@`\nLOAD DATA LOCAL INFILE '{data_file(folder)}' INTO TABLE cl " \
              "FIELDS TERMINATED BY ',';\nSELECT COUNT(*), SUM(a) FROM cl;\n" \
              "LOAD DATA LOCAL INFILE '/nonexistent' INTO TABLE cl;\nSELECT 'still in step';\n" \
              f"UPDATE c SET b = '{'q' * (17 << 20)}' WHERE id = 1;\n" \
              "SELECT LENGTH(b), MD5(b) FROM c WHERE id = 1;\nSHOW PROCEDURE STATUS LIKE 'none';\n"
    return script


def _cli(argv_of: Callable[..., list[str]]) -> Callable[[Target, pathlib.Path], str]:
    def go(target: Target, folder: pathlib.Path) -> str:
        mine = folder / f"cli-{target.database}.sql"
        mine.write_text(cli_script(folder).replace("@DB@", target.database))
        argv = argv_of(target, "--force", "-vv", "--show-warnings", "--table", target.database)
        with open(mine) as source:
            done = subprocess.run(argv, stdin=source, capture_output=True, timeout=120)
        return (done.stdout + b"\n-- stderr\n" + done.stderr).decode(errors="replace")
    return go


def _script(argv: Callable[[], list[str]], **env: str) -> Callable[[Target, pathlib.Path], str]:
    def go(target: Target, folder: pathlib.Path) -> str:
        full = dict(target.env(), DATAFILE=str(data_file(folder)), **env)
        done = subprocess.run(argv(), env=full, capture_output=True, timeout=120)
        output = (done.stdout + b"\n-- stderr\n" + done.stderr).decode(errors="replace")
        return output + f"\nexit {done.returncode}\n"
    return go


def php_argv(name: str) -> list[str]:
    return [_program("php"), "-n", "-d", "extension=mysqlnd", "-d", "extension=pdo",
            "-d", "extension=mysqli", "-d", "extension=pdo_mysql", "-d",
            "memory_limit=512M", "-d", "mysqli.allow_local_infile=1", str(CLIENTS / name)]


def _php(name: str) -> Callable[[], list[str]]:
    return lambda: php_argv(name)


def java_argv(*more: str) -> list[str]:
    program = _program("java")
    if not JAR.exists():
        raise Skip("no libmariadb-java")
    return [program, "-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1", "-Xmx512m",
            "-Dfile.encoding=UTF-8", "-Dstdout.encoding=UTF-8", *more]


def _java() -> list[str]:
    argv = java_argv()
    classes = CACHE / "func-java"
    source = CLIENTS / "JdbcClient.java"
    CACHE.mkdir(parents=True, exist_ok=True)
    with open(CACHE / "func-java.lock", "w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        stamp = classes / "JdbcClient.class"
        if not stamp.exists() or stamp.stat().st_mtime < source.stat().st_mtime:
            classes.mkdir(exist_ok=True)
            run([_program("javac"), "-cp", str(JAR), "-d", str(classes), str(source)])
    return [*argv, "-cp", f"{classes}:{JAR}", "JdbcClient"]


def mysql2_argv(name: str) -> list[str]:
    """npm's mysql2, which `tests/deps node` puts into build/node."""
    if not (NODE_DIR / "node_modules/mysql2").exists():
        raise Skip("no mysql2 in build/node (tests/deps node)")
    return [_program("node"), str(CLIENTS / name)]


def _perl(driver: str) -> Callable[[Target, pathlib.Path], str]:
    return _script(lambda: [_program("perl"), str(CLIENTS / "dbi.pl")], DRIVER=driver)


CLIENT_TABLE: dict[str, Callable[[Target, pathlib.Path], str]] = {
    "mariadb-cli": _cli(mariadb_argv),
    "mysql-cli": _cli(mysql_argv),
    "php-mysqli": _script(_php("mysqli.php")),
    "php-pdo": _script(_php("pdo.php")),
    "pymysql": _script(lambda: ["/usr/bin/python3", str(CLIENTS / "pymysql_client.py")]),
    "mysqldb": _script(lambda: ["/usr/bin/python3", str(CLIENTS / "mysqldb_client.py")]),
    "dbd-mysql": _perl("mysql"),
    "dbd-mariadb": _perl("MariaDB"),
    "node-mysql": _script(lambda: [_program("node"), str(CLIENTS / "node_mysql.js")]),
    "node-mysql2": _script(lambda: mysql2_argv("node_mysql2.js")),
    "jdbc": _script(_java),
}


def mask(text: str, target: Target) -> str:
    """Removes what may differ between two connections: database, port, ids, times."""
    text = text.replace(target.database, "DB").replace(str(target.port), "PORT")
    text = re.sub(r"\((\d+ min )?\d+\.\d+ sec\)", "(TIME)", text)
    text = re.sub(r"(?i)(connection id(?: is)?:?\s*)\d+", r"\1ID", text)
    text = re.sub(r"\(conn=\d+\)", "(conn=ID)", text)
    return re.sub(r"x{1000,}|y{1000,}|q{1000,}|-{1000,}", "LONG", text)


__all__ = ["Target", "CLIENT_TABLE", "mask", "mariadb_argv", "mysql_argv", "php_argv", "java_argv",
           "mysql2_argv", "REPO"]
