"""Walks the failpoints of a cutover: what happens when sluice, a server or the network fails there.

One pair of servers and one state folder for many failpoints: each round leaves them as it found
One pair of servers and one state folder for many failpoints: each round leaves them as it found
sluice, and directly to each server, where every success is noted with its time. So at each moment
it is known who was writable, and in the end what must be there."""
from __future__ import annotations

import dataclasses
import itertools
import json
import pathlib
import subprocess
import threading
import time
from typing import Callable, Iterator, Optional

import pymysql

from lib import servers
from lib.case import Case
from lib.db import run
from lib.servers import Server
from lib.sluice import Sluice, daemon_path
from lib.stall import Stall
from lib.util import Timeout, wait_until

LOCKING = "close_target"    # the step from which on a restart of the target does not open it
TRIES = 5
FAULTS = ("sluice", "old", "target", "stall_old", "stall_target")
NEVER = [{"name": "refused", "sql": "SELECT 1", "expect": "2"}]


def failpoints() -> list[str]:
    """As the program lists them: `step:place`, in the order of the steps."""
    done = subprocess.run([str(daemon_path()), "--list-failpoints"], capture_output=True, text=True,
                          check=True)
    return done.stdout.split()


def soon(condition: Callable[[], bool]) -> bool:
    try:
        return wait_until(condition, 0.3, "it")
    except Timeout:
        return False


def failpoints_of_recovery() -> list[tuple[str, str]]:
    """Where sluice dies, and where its recovery does: on the way back, and on the way forward."""
    points = failpoints()
    ahead = points.index("release:before_act")
    return ([("verify:before_act", p) for p in points if "undo" in p]
            + [("release:before_act", p) for p in points[ahead:]])


@dataclasses.dataclass
class Write:
    number: int
    begin: float
    end: float


class Writer(threading.Thread):
    """Inserts its numbers one after the other; a success is noted, anything else is unknown."""

    def __init__(self, port: int, number: Iterator[int]):
        super().__init__(daemon=True)
        self.port = port
        self.number = number
        self.stop = threading.Event()
        self.done: list[Write] = []
        self.client: Optional[pymysql.Connection] = None

    def run(self) -> None:
        while not self.stop.wait(0.02):
            begin, number = time.monotonic(), next(self.number)
            try:
                if self.client is None:
                    self.client = servers.connect(self.port, "plain", "plain-secret",
                                                  connect_timeout=10, read_timeout=300)
                run(self.client, "INSERT INTO app.ledger (id) VALUES (%s)", (number,))
                self.done.append(Write(number, begin, time.monotonic()))
            except (pymysql.MySQLError, OSError) as error:
                self._failed(error)

    def _failed(self, error: Exception) -> None:
        # Read only: who is in stays in, and tries again.
        if self.client is not None and error.args and error.args[0] in (1290, 1836):
            return
        if self.client is not None:
            try:
                self.client.close()
            except (pymysql.MySQLError, OSError):
                pass
        self.client = None

    def since(self, moment: float) -> list[Write]:
        return [w for w in self.done if w.begin >= moment]


class Walk:
    """The servers, the daemon and the writers; `round` is one failpoint."""

    def __init__(self, t: Case, stalls: bool):
        self.servers = list(t.pair(both_ways=t.shape == "both-ways", extra=[
            "--innodb-flush-log-at-trx-commit=2", "--relay-log-recovery=ON"]))
        self.stalls = [Stall(s) for s in self.servers] if stalls else []
        for stall in self.stalls:
            t.defer(stall.close)
        if stalls:
            self._replicate_through(t.shape == "both-ways")
        first, second = self.servers
        first.sql("CREATE TABLE app.ledger (seq BIGINT PRIMARY KEY AUTO_INCREMENT,"
                  " id BIGINT NOT NULL, KEY (id))")
        servers.caught_up(second, first)
        servers.read_only(second, True)
        self.sluice = t.prepare(first, second, hold={"max": "300s"}, drain={"wait": "20s"},
                                cutover={"watch": "0s", "budget": "30s", "catch_up": "30s",
                                         "max_lag": "60s", "approach_lag": "10s", "checks": []})
        for stall, name in zip(self.stalls, ("b0", "b1")):
            self.sluice.settings["backends"][name]["address"] = f"127.0.0.1:{stall.port}"
        self.folder = t.dir
        self.checked = 0
        numbers = itertools.count(1)
        self.direct = [Writer(s.port, numbers) for s in self.servers]
        self.through = Writer(self.sluice.port, numbers)
        for writer in (*self.direct, self.through):
            writer.start()
            t.defer(writer.stop.set)

    def _replicate_through(self, both_ways: bool) -> None:
        """The other server is where sluice says it is."""
        for i in (1, 0) if both_ways else (1,):
            replica, port = self.servers[i], self.stalls[1 - i].port
            if replica.family == "mariadb":
                replica.sql("STOP SLAVE")
                replica.sql(f"CHANGE MASTER TO MASTER_PORT={port}")
                replica.sql("START SLAVE")
            else:
                replica.sql("STOP REPLICA")
                replica.sql(f"CHANGE REPLICATION SOURCE TO SOURCE_PORT={port}")
                replica.sql("START REPLICA")

    # --- looking ----------------------------------------------------------------------------------

    def active(self) -> int:
        return int(self.sluice.ctl_json("show", "status")["active"][1])

    def state(self) -> str:
        return str(self.sluice.ctl_json("cutover", "status")["state"])

    def at_rest(self) -> bool:
        status = self.sluice.ctl_json("show", "status")
        assert status["needs"] is None or status["cutover"] == "stuck", status["needs"]
        return status["cutover"] == "idle" and not status["gate"]["closed"]

    def check_order(self, was: int, now: int, begin: float) -> None:
        """Direct writes went to the one that was active, then to the one that is."""
        other = self.direct[1 - was].since(begin)
        if now == was:
            assert not other, f"b{1 - was} was writable for a while, although b{was} is active"
        elif other and self.direct[was].since(begin):
            first = min(other, key=lambda w: w.end)
            last = max(self.direct[was].since(begin), key=lambda w: w.begin)
            assert first.end >= last.begin, \
                f"b{was} was writable at {last.begin}, b{1 - was} before, at {first.end}"

    def check_ledger(self, active: int) -> None:
        """What was acknowledged is there, and once."""
        writers = (*self.direct, self.through)
        wanted = {w.number for one in writers for w in one.done if w.number > self.checked}
        rows = dict(self.servers[active].sql(
            "SELECT id, COUNT(*) FROM app.ledger WHERE id > %s GROUP BY id", (self.checked,)))
        lost = wanted - rows.keys()
        doubled = [number for number, times in rows.items() if times > 1]
        assert not lost, f"{len(lost)} acknowledged writes are missing: {sorted(lost)[:5]}"
        assert not doubled, f"{len(doubled)} writes are there twice: {sorted(doubled)[:5]}"
        # Those under way are looked at again.
        self.checked = max(wanted, default=self.checked + 50) - 50

    def check_flow(self, active: int) -> None:
        """Through sluice and directly, on that one."""
        moment = time.monotonic()
        wait_until(lambda: self.through.since(moment) and self.direct[active].since(moment), 30,
                   f"writes on b{active}")

    def check_journal(self) -> None:
        state = self.sluice.folder / "state"
        latest = max(state.glob("journal-*.jsonl"), key=lambda p: int(p.stem[8:]))
        last = json.loads(latest.read_text().splitlines()[-1])
        assert last["kind"] == "end", f"{latest.name} has no end: {last}"

    # --- doing ------------------------------------------------------------------------------------

    def start(self, failpoint: str) -> None:
        self.sluice.env = {"SLUICE_FAILPOINT": failpoint}
        self.sluice.start()

    def restart(self, index: int, closed: bool) -> None:
        """`closed`: as a replica whose configuration says read only."""
        server = self.servers[index]
        flag = "--super-read-only=1" if server.family == "mysql" else "--read-only=1"
        extra = [o for o in server.extra if "read-only" not in o]
        server.start(extra + ([flag] if closed else []), port=server.port)

    def round(self, point: str, fault: str, again: str = "") -> None:
        """One failpoint, one fault; then a whole cutover. `again`: where the recovery dies, too."""
        place = point.partition(":")[2]
        undo = "undo" in place
        self.sluice.settings["cutover"]["checks"] = NEVER if undo else []
        wait = self.folder / "point"
        for suffix in (".reached", ".go"):
            wait.with_suffix(suffix).unlink(missing_ok=True)
        self.start(f"{point}=" + ("kill" if fault == "sluice" else f"wait:{wait}"))
        was, begin = self.active(), time.monotonic()
        self.sluice.settings["cutover"]["checks"] = []
        if fault == "sluice":
            order = self._sluice_dies(1 - was, again)
        else:
            order = self._server_fails(1 - was, wait, fault, was, point)
        wait_until(self.at_rest, 60, "the cutover to be over, and traffic to flow")
        _, err = order.communicate(timeout=60)
        now = self.active()
        print(f"{time.monotonic() - begin:5.1f} s  b{was} -> b{now}  {fault} at {point} {again}: "
              + " ".join(err.splitlines()[-1:]), flush=True)
        self.check_flow(now)
        self.check_order(was, now, begin)
        self.check_ledger(now)
        self.check_journal()
        self._whole_cutover(now)

    def _reach(self, target: int, reached: Callable[[], bool]) -> "subprocess.Popen[str]":
        """On a machine that is too slow for the limits of a step it is tried again."""
        for _ in range(TRIES):
            order = self.sluice.ctl_start("cutover", "start", f"b{target}")
            wait_until(lambda: reached() or order.poll() is not None, 60, "the failpoint")
            # A client may hear of the kill before we do.
            if soon(reached):
                return order
            print("again:", order.communicate()[1].splitlines()[-1:], flush=True)
        raise AssertionError("the failpoint was not reached")

    def _sluice_dies(self, target: int, again: str) -> "subprocess.Popen[str]":
        process = self.sluice.process
        assert process is not None
        order = self._reach(target, lambda: not process.alive())
        if again:
            self.sluice.env = {"SLUICE_FAILPOINT": f"{again}=kill"}
            process = self.sluice.start(wait=False).process
            assert process is not None
            wait_until(lambda: not process.alive(), 60, "the failpoint of the recovery")
        self.start("")
        return order

    def _server_fails(self, target: int, wait: pathlib.Path, fault: str, was: int,
                      point: str) -> "subprocess.Popen[str]":
        reached, go = wait.with_suffix(".reached"), wait.with_suffix(".go")
        order = self._reach(target, reached.exists)
        index = was if fault.endswith("old") else 1 - was
        if fault.startswith("stall"):
            self.stalls[index].stall()
        else:
            self.servers[index].stop(9)
        self.sluice.write_config()
        go.touch()
        try:
            # A stall that is shorter than the limits of a step is none.
            wait_until(lambda: self.state() in ("stuck", "idle"),
                       3 if fault.startswith("stall") else 1, "an effect", every=0.1)
        except Timeout:
            pass
        if fault.startswith("stall"):
            self.stalls[index].go_on()
        else:
            self.restart(index, fault == "target" and not self._is_locked(point))
        return order

    @staticmethod
    def _is_locked(point: str) -> bool:
        """The target's accounts are."""
        step, _, place = point.partition(":")
        steps = list(dict.fromkeys(p.partition(":")[0] for p in failpoints()))
        if step == LOCKING:
            return place in ("after_act", "recorded")
        return steps.index(step) > steps.index(LOCKING)

    def _is_good(self, target: int) -> bool:
        """Replication tries to connect again every two seconds."""
        answer = self.sluice.ctl("cutover", "check", f"b{target}")
        assert answer.code == 0, answer.err
        return True

    def _whole_cutover(self, was: int) -> None:
        """As if nothing had been."""
        # Whoever restarts a replica makes it read only.
        servers.read_only(self.servers[1 - was], True)
        self.sluice.write_config()
        self.sluice.ok("reload")
        wait_until(lambda: self._is_good(1 - was), 60, "cutover check to say go", every=0.2)
        begin = time.monotonic()
        for _ in range(TRIES):
            answer = self.sluice.ctl("cutover", "start", f"b{1 - was}", deadline=300)
            if answer.code == 0:
                break
            print("again:", answer.err.splitlines()[-1:], flush=True)
        assert answer.code == 0, answer
        assert self.active() == 1 - was
        self.check_flow(1 - was)
        self.check_order(was, 1 - was, begin)
        self.check_ledger(1 - was)
        self.sluice.stop()


__all__ = ["Walk", "FAULTS", "failpoints", "failpoints_of_recovery"]
