"""Two thousand sessions moved at once: statements, variables and a held command in each."""
from __future__ import annotations

import json
import os
import pathlib
from typing import Any

from lib import servers
from lib.case import Case, test
from lib.servers import Server
from lib.sluice import Sluice
from lib.util import BUILD, run, wait_until

SESSIONS = int(os.environ.get("SESSIONS", "2000"))
GENEROUS_MS = 60000     # under sanitizers; `make bench` asks for 500


def bench_path() -> pathlib.Path:
    chosen = os.environ.get("SLUICE_BENCH")
    return pathlib.Path(chosen) if chosen else BUILD / "bin" / "sluice-bench"


def move(sluice: Sluice, to: str, sessions: int) -> dict[str, Any]:
    """All sessions to another backend; fails unless every one of them answers right afterwards."""
    argv = [str(bench_path()), "move", "--port", str(sluice.port), "--user", "plain",
            "--password", "plain-secret", "--sessions", str(sessions), "--admin",
            str(sluice.admin), "--to", to, "--timeout", "120s"]
    if sluice.ctl("help", "warm").code == 0:
        argv.append("--warm")
    done = run(argv, deadline=180, check=False)
    assert done.returncode == 0, f"exit {done.returncode}: {done.stderr}{done.stdout}"
    document: dict[str, Any] = json.loads(done.stdout)
    print(json.dumps(document))
    return document


def two_servers(t: Case) -> tuple[Server, Server]:
    """They need not replicate: the sessions write nothing, and nothing is fenced."""
    more = ["--thread-handling=pool-of-threads"] if t.family == "mariadb" else []
    return t.own_server(extra=more), t.own_server(server_id=2, extra=more)


def warm_caches(t: Case, sluice: Sluice, *both: Server) -> None:
    """The raw client knows the short way of caching_sha2_password only; sluice needs the long."""
    sluice.connect("plain", "plain-secret").close()
    if t.family == "mysql":
        for server in both:
            server.connect("plain", "plain-secret").close()


@test(deadline=120, own=True, alone=True, family=servers.FAMILIES, order=92)
def test_all_at_once(t: Case) -> None:
    """All of them move, and every statement and variable is what it was, there and back."""
    both = two_servers(t)
    sluice = t.sluice(*both, hold={"max": "120s"})
    warm_caches(t, sluice, *both)
    for to in ("b1", "b0"):
        figures = move(sluice, to, SESSIONS)
        assert figures["wrong"] == figures["errors"] == figures["lost"] == 0, f"{figures}"
        assert figures["moved"]["stall_ms"] < GENEROUS_MS, f"{figures}"
        wait_until(lambda: not sluice.sessions("--user", "plain"), 20, "the sessions to end")
    for server in both:
        wait_until(lambda s=server: s.connections_of("plain") == 0, 20, "all links to be closed")
