"""sysbench oltp_read_write through sluice for a minute (SYSBENCH_SECONDS), without one error."""
from __future__ import annotations

import os
import re
import shutil
import subprocess

from lib import tls
from lib.case import Case, test
from lib.sluice import Sluice
from lib.util import Skip, wait_until

SECONDS = int(os.environ.get("SYSBENCH_SECONDS", "60"))
THREADS = 8


def sysbench(sluice: Sluice, database: str, secure: bool, *more: str) -> list[str]:
    program = shutil.which("sysbench")
    if program is None:
        raise Skip("no sysbench")
    argv = [program, "oltp_read_write", "--mysql-host=127.0.0.1", f"--mysql-port={sluice.port}",
            "--mysql-user=app", "--mysql-password=app-secret", f"--mysql-db={database}",
            "--tables=2", "--table-size=1000", f"--threads={THREADS}", "--db-driver=mysql",
            "--mysql-ignore-errors=1213,1020,1205,1062", *more]
    if secure:
        argv += ["--mysql-ssl=on"]
    return argv


def numbers(text: str) -> tuple[int, int, int]:
    """Transactions, errors that it ignored, reconnects."""
    def get(name: str) -> int:
        match = re.search(rf"{name}:\s+(\d+)", text)
        assert match, f"no {name} in:\n{text}"
        return int(match.group(1))
    return get("transactions"), get("ignored errors"), get("reconnects")


@test(deadline=SECONDS + 120, family=("mariadb", "mysql"), tls=("off", "on"), order=1)
def test_read_write(t: Case) -> None:
    """The two runs of a family are two tests, which the runner starts together."""
    secure = t.tls == "on"
    # sysbench finds the authority in its working folder under a fixed name.
    shutil.copy(tls.CA.cert, t.dir / "cacert.pem")
    shutil.copy(tls.SLUICE.cert, t.dir / "client-cert.pem")
    shutil.copy(tls.SLUICE.key, t.dir / "client-key.pem")
    database = t.database()
    t.server.connect().close()
    settings = {}
    if secure:
        settings["client_tls"] = {"mode": "required", "cert": str(tls.SLUICE.cert),
                                  "key": str(tls.SLUICE.key)}
    sluice = t.sluice(backend={"tls": {"mode": "required" if secure else "disabled"}}, **settings)
    for step in (["prepare"], [f"--time={SECONDS}", "run"]):
        done = subprocess.run(sysbench(sluice, database, secure, *step), cwd=t.dir,
                              capture_output=True, text=True, timeout=SECONDS + 60)
        assert done.returncode == 0, f"{step}: {done.stdout[-2000:]}{done.stderr[-2000:]}"
    transactions, _, reconnects = numbers(done.stdout)
    # Deadlocks between its own threads are the server's and counted apart; nothing else is.
    assert transactions > SECONDS, f"only {transactions} transactions"
    assert reconnects == 0, f"{reconnects} reconnects"
    assert "FATAL" not in done.stdout + done.stderr
    wait_until(lambda: t.server.one("SELECT COUNT(*) FROM information_schema.PROCESSLIST WHERE"
                                    " DB = %s", (database,)) == 0, 10, "all links to be closed")
    t.server.sql(f"DROP DATABASE {database}")
