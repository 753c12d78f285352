"""A cutover that is to be stopped: the pair, the load, and what must be true when it has been.

The longest wait of a client may be the budget and 250 ms; UNDO_SECONDS. On a shared machine, under
sanitizers, PATIENCE times as long is let pass here; what was measured is printed."""
from __future__ import annotations

import contextlib
import json
import os
import pathlib
import re
import signal
import subprocess
from typing import Any, Iterator, Optional

from lib import crew, servers
from lib.case import Case
from lib.crew import Crew
from lib.relay import Relay
from lib.servers import Server
from lib.util import PATIENCE, wait_until

UNDO_SECONDS = 0.25
BUDGET = 3.0
# Steps that have an undo: what has begun must be undone, in the other order.
UNDONE = {"invite", "warm", "approach", "close_target", "hold", "drain", "fence", "promote",
          "repoint", "testers"}
# What is done to the target only: put off while it does not answer, because clients go first.
ASIDE = {"invite", "close_target", "promote"}


class Stopping:
    """b0 is the master and stays it. `relays`: sluice reaches the servers through these."""

    def __init__(self, t: Case, both_ways: bool = False, relayed: bool = False, load: bool = True,
                 **settings: Any):
        self.t = t
        self.mysql = t.family == "mysql"
        self.old, self.new = t.pair(both_ways=both_ways)
        crew.make_tables(self.old)
        self.old.sql("CREATE TABLE app.extra (id INT PRIMARY KEY)")
        servers.caught_up(self.new, self.old)
        if not both_ways:
            servers.read_only(self.new, True)
        settings["cutover"] = {"watch": "0s", "budget": f"{BUDGET:g}s", "catch_up": f"{BUDGET:g}s",
                               "max_lag": "3s", "approach": "20s", **settings.get("cutover", {})}
        self.relays = [Relay(s.port) for s in (self.old, self.new)] if relayed else []
        for relay in self.relays:
            t.defer(relay.close)
        if relayed:
            settings["backend"] = {"tls": {"mode": "disabled"}}     # they read along
        self.sluice = t.prepare(self.old, self.new, **settings)
        for number, relay in enumerate(self.relays):
            self.sluice.settings["backends"][f"b{number}"]["address"] = f"127.0.0.1:{relay.port}"
        self.sluice.start()
        self.was = self.settings()
        self.crew: Optional[Crew] = Crew(self.sluice, web=3, prepared=2, queue=1) if load else None
        self.progress()

    def progress(self) -> None:
        if self.crew is not None:
            self.crew.progress()

    def settings(self) -> list[Any]:
        """Of both servers, what a cutover changes."""
        return [(s.one("SELECT @@global.read_only"),
                 s.one("SELECT @@global.super_read_only") if self.mysql else 0,
                 self.locked(s)) for s in (self.old, self.new)]

    def locked(self, server: Server) -> list[str]:
        where = "account_locked = 'Y' FROM mysql.user" if self.mysql else \
            "COALESCE(JSON_VALUE(Priv, '$.account_locked'), 0) = 1 FROM mysql.global_priv"
        rows = server.sql(f"SELECT User, {where}")
        return sorted(user for user, locked in rows if locked and "." not in user)

    # --- a cutover under way --------------------------------------------------------------------

    def begin(self, *options: str) -> "subprocess.Popen[str]":
        if self.crew is not None:
            self.crew.longest()
        return self.sluice.ctl_start("cutover", "start", "b1", *options)

    def status(self) -> dict[str, Any]:
        return dict(self.sluice.ctl_json("cutover", "status"))

    def wait_state(self, state: str) -> None:
        wait_until(lambda: self.status()["state"] == state, 30, f"the cutover to be {state}")

    def wait_step(self, step: str) -> None:
        wait_until(lambda: self.status()["step"] == step, 30, f"the step {step}")

    def wait_open(self) -> None:
        """Traffic is on the old master again."""
        wait_until(lambda: not self.sluice.ctl_json("show", "status")["gate"]["closed"], 30,
                   "the gate to open")
        self.progress()

    def over(self, running: "subprocess.Popen[str]", words: str, step: str = "",
             timed: bool = True) -> None:
        """It has ended, says why, and all is as before; it failed in `step`."""
        out, err = running.communicate(timeout=60 * PATIENCE)
        assert running.returncode == 1, (out, err)
        assert words in err, f"the reason is {err!r}, not {words!r}\n{out}"
        status = self.sluice.ctl_json("show", "status")
        assert (status["active"], status["gate"]["closed"]) == ("b0", False), status
        self.progress()
        assert self.settings() == self.was, f"{self.settings()}, it was {self.was}"
        self.told(words, step)
        if timed:
            self.measure(words)

    def measure(self, what: str) -> None:
        if self.crew is None:
            return
        longest = self.crew.longest()
        print(f"{what}: the longest wait was {longest * 1e3:.0f} ms, the budget {BUDGET * 1e3:.0f}")
        assert longest <= PATIENCE * (BUDGET + UNDO_SECONDS), f"{longest:.3f} s"

    def refused(self, words: str, step: str = "", *options: str) -> None:
        self.over(self.begin(*options), words, step)

    # --- the journal ----------------------------------------------------------------------------

    def journal(self) -> list[dict[str, Any]]:
        folder = pathlib.Path(self.sluice.settings["state_dir"])
        last = max(folder.glob("journal-*.jsonl"),
                   key=lambda p: int(re.sub(r"\D", "", p.name)))
        return [json.loads(line) for line in last.read_text().splitlines()]

    def told(self, words: str, step: str) -> None:
        """The last journal tells the story: what began, what failed and why, what was undone."""
        records = self.journal()
        assert records[-1]["kind"] == "end", records[-1]
        assert words in records[-1]["data"]["why"], f"{records[-1]}, not {words!r}"
        begun = [r["step"] for r in records if r["kind"] == "before"]
        undone = [r["step"] for r in records if r["kind"] == "undo_after"]
        for these in (UNDONE - ASIDE, ASIDE):
            wanted = [s for s in reversed(begun) if s in these]
            assert [s for s in undone if s in these] == wanted, f"{begun}, undone {undone}"
        failed = [(r["step"], r["data"].get("why", "")) for r in records if r["kind"] == "failed"]
        if step:
            assert len(failed) == 1 and failed[0][0] == step and words in failed[0][1], failed

    # --- servers that stand still ---------------------------------------------------------------

    @contextlib.contextmanager
    def stopped(self, server: Server) -> Iterator[None]:
        assert server.process is not None
        pid = server.process.pid
        os.kill(pid, signal.SIGSTOP)
        try:
            tasks = pathlib.Path(f"/proc/{pid}/task")
            wait_until(lambda: all(") T " in (t / "stat").read_text() for t in tasks.iterdir()),
                       10, "every thread of the server to stand still")
            yield
        finally:
            os.kill(pid, signal.SIGCONT)

    def end(self) -> None:
        """After all of it: nothing lost, nothing doubled, and the cutover works."""
        assert self.sluice.ctl_json("cutover", "start", "b1", "--budget", "20s")["ended"] == "done"
        self.progress()
        if self.crew is not None:
            self.crew.end()
            servers.caught_up(self.old, self.new)
            for server in (self.old, self.new):
                self.crew.verify(server)
            assert crew.checksums(self.old) == crew.checksums(self.new)
