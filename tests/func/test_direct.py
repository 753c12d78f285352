"""Clients past sluice that write in a tight loop through a whole cutover: never behind the fence of
the old master, never before the release on the target. Also with rights that pass read_only."""
from __future__ import annotations

import json
import pathlib
import threading
import time
from typing import Any

import pymysql

from lib import servers
from lib.case import Case, test
from lib.db import run
from lib.servers import Server
from lib.sluice import Sluice
from lib.util import PATIENCE, Background, wait_until

FAMILIES = ("mariadb", "mysql")
SHAPES = ("one-way", "both-ways")
ACCOUNTS = (("plain", "plain-secret"), servers.APP)     # the second passes read_only


class Hammer:
    """Writes again and again, connecting anew at once whenever it is thrown out; without `go` it
    is connected, and does nothing."""

    def __init__(self, server: Server, account: tuple[str, str], number: int):
        self.server, self.account, self.number = server, account, number
        self.acknowledged: list[tuple[int, float]] = []     # id, wall time
        self.refused = 0
        self.connected = threading.Event()
        self.stop, self.go = threading.Event(), threading.Event()
        self.thread = Background(self._work)

    def _work(self) -> None:
        sequence = self.number * 100000000
        while not self.stop.is_set():
            try:
                client = self.server.connect(*self.account, connect_timeout=30, read_timeout=30)
                self.connected.set()
                while not self.stop.is_set():
                    if not self.go.wait(0.01):
                        continue
                    sequence += 1
                    try:
                        run(client, "INSERT INTO app.hammer VALUES (%s)", (sequence,))
                        self.acknowledged.append((sequence, time.time()))
                        self.stop.wait(0.003)       # the target shall keep up
                    except pymysql.MySQLError as error:
                        self.refused += 1
                        if error.args[0] != 1290:
                            raise
            except (pymysql.MySQLError, OSError):
                self.refused += 1

    def ids(self) -> set[int]:
        return {number for number, _ in self.acknowledged}

    def wait_more(self) -> None:
        count = len(self.acknowledged)
        wait_until(lambda: len(self.acknowledged) > count + 20, 20,
                   f"writes of {self.account[0]} on {self.server.folder.name}")

    def end(self) -> None:
        self.stop.set()
        self.go.set()
        self.thread.result(60)


def released_at(sluice: Sluice) -> float:
    """The moment, by the last journal, from which the target may be open."""
    folder = pathlib.Path(sluice.settings["state_dir"])
    last = max(folder.glob("journal-*.jsonl"), key=lambda p: p.stat().st_mtime_ns)
    for line in last.read_text().splitlines():
        record: dict[str, Any] = json.loads(line)
        if (record["kind"], record["step"]) == ("before", "release"):
            return float(record["wall_us"]) / 1e6
    raise AssertionError("there was no release")


def nothing_comes_through(hammers: list[Hammer]) -> None:
    """All of them try, again and again, in vain."""
    counts = [len(h.acknowledged) for h in hammers]
    tries = [h.refused for h in hammers]
    wait_until(lambda: [len(h.acknowledged) for h in hammers] != counts or
               all(h.refused > n + 20 for h, n in zip(hammers, tries)), 20,
               "tries of every direct client")
    for hammer, count in zip(hammers, counts):
        assert len(hammer.acknowledged) == count, \
            f"{hammer.account[0]} wrote to {hammer.server.folder.name}"


@test(deadline=90, own=True, family=FAMILIES, shape=SHAPES)
def test_tight_loops(t: Case) -> None:
    old, new = t.pair(both_ways=t.shape == "both-ways")
    old.sql("CREATE TABLE app.hammer (id BIGINT PRIMARY KEY)")
    servers.caught_up(new, old)
    servers.read_only(new, True)
    sluice = t.sluice(old, new, cutover={"watch": "0s", "budget": "60s"})
    for account in ACCOUNTS:
        sluice.connect(*account).close()        # known as applications
    there = [Hammer(old, account, 1 + n) for n, account in enumerate(ACCOUNTS)]
    # The one that passes read_only must not write before it may: the preflight would see that.
    target = [Hammer(new, account, 11 + n) for n, account in enumerate(ACCOUNTS)]
    for hammer in (*there, target[0]):
        hammer.go.set()
    for hammer in there:
        hammer.wait_more()
    assert target[1].connected.wait(20)
    rows = {r["name"]: r for r in json.loads(sluice.ctl(
        "--json", "cutover", "check", "b1").out.strip().splitlines()[-1])["rows"]}
    assert rows["powerful_accounts"]["verdict"] == "WARN", rows["powerful_accounts"]
    assert "'app'@'%'" in rows["powerful_accounts"]["evidence"]
    asked(sluice, target, there, "no-go")
    for hammer in there:
        hammer.wait_more()
    target[1].go.clear()
    asked(sluice, target, there, "go")
    nothing_comes_through(there)
    for hammer in target:
        hammer.go.set()
        hammer.wait_more()
    for hammer in (*there, *target):
        hammer.end()
    verdict(sluice, old, new, there, target)


def asked(sluice: Sluice, target: list[Hammer], there: list[Hammer], word: str) -> None:
    """A cutover that stands between promotion and release: everybody tries, nobody gets in."""
    running = sluice.ctl_start("cutover", "start", "b1", "--ask")
    wait_until(lambda: running.poll() is not None or
               sluice.ctl_json("cutover", "status")["state"] == "asking", 60, "the question")
    assert running.poll() is None, running.communicate()
    target[1].go.set()
    nothing_comes_through([*there, *target])
    if word == "no-go":
        target[1].go.clear()
    sluice.ok("cutover", word)
    out, err = running.communicate(timeout=60 * PATIENCE)
    assert running.returncode == (0 if word == "go" else 1), (out, err)


def verdict(sluice: Sluice, old: Server, new: Server, there: list[Hammer],
            target: list[Hammer]) -> None:
    servers.caught_up(old, new)
    before, behind = ({row[0] for row in s.sql("SELECT id FROM app.hammer")} for s in (old, new))
    for hammer in there:
        lost = hammer.ids() - behind
        assert not lost, f"{len(lost)} writes of {hammer.account[0]} behind the fence: {lost}"
    for hammer in target:
        assert hammer.ids() <= behind, "the target lacks what it had acknowledged"
        early = [n for n, at in hammer.acknowledged if at < released_at(sluice)]
        assert not early, f"{hammer.account[0]} wrote to the target before its release: {early}"
    assert before == behind, "the servers do not hold the same"
