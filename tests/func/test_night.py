"""What must be true of `cutover start`: there and back under load, again and again.

CUTOVERS=20 makes it twenty, SESSIONS=50 gives the load that many web sessions (docs/HACKING.md)."""
from __future__ import annotations

import os
import re
import threading

from lib import crew, servers
from lib.case import Case, test
from lib.crew import Crew
from lib.db import expect_error, run
from lib.sluice import Sluice
from lib.util import PATIENCE, Background, wait_until

FAMILIES = ("mariadb", "mysql")
SHAPES = ("one-way", "both-ways")
CUTOVERS = int(os.environ.get("CUTOVERS", "4"))
SESSIONS = int(os.environ.get("SESSIONS", "6"))


def told(sluice: Sluice, target: str) -> str:
    """What a cutover that is done has told. One that has not begun, because a server was slow to
    say how it is, is begun again: the machine is not ours alone."""
    for _ in range(3):
        answer = sluice.ctl("cutover", "start", target, deadline=180)
        if "undone: reachable:" not in answer.err:
            break
    assert answer.code == 0, answer
    return answer.out + answer.err


@test(deadline=60 + 15 * CUTOVERS, own=True, family=FAMILIES, shape=SHAPES, order=30)
def test_there_and_back_under_load(t: Case) -> None:
    """No error but of the job that a rule kills; nothing lost, nothing doubled, equal tables."""
    sides = t.pair(both_ways=t.shape == "both-ways")
    crew.make_tables(sides[0])
    servers.caught_up(sides[1], sides[0])
    sluice = t.sluice(*sides, cutover={"watch": "0s"}, drain={"rules": [crew.RULE]})
    load = Crew(sluice, web=SESSIONS, prepared=3, queue=2, report=1, aggregate=1)
    load.progress()
    waits = []
    for n in range(CUTOVERS):
        load.longest()
        told(sluice, f"b{(n + 1) % 2}")
        load.progress()
        waits.append(load.longest())
    load.end()
    active, other = sides[CUTOVERS % 2], sides[1 - CUTOVERS % 2]
    servers.caught_up(other, active)
    for server in sides:
        load.verify(server)
    assert crew.checksums(active) == crew.checksums(other)
    killed = sum(w.killed for w in load.of("aggregate"))
    print(f"{sum(len(w.acknowledged) for w in load.workers)} writes, job killed {killed} times, "
          f"longest waits {', '.join(f'{s * 1e3:.0f}' for s in waits)} ms")


class Outrun:
    """Sessions whose statements take the server 4 ms of waiting each, and the replica as well,
    where one applier runs them one after the other. Retries what the ladder ends."""

    def __init__(self, sluice: Sluice, count: int):
        self.sluice = sluice
        self.stop = threading.Event()
        self.done = 0
        self.threads = [Background(self._work) for _ in range(count)]

    def _work(self) -> None:
        client = self.sluice.connect(database="app", read_timeout=120)
        run(client, "SET SESSION binlog_format = STATEMENT")
        while not self.stop.is_set():
            run(client, "INSERT INTO slow (v) SELECT 1 FROM DUAL WHERE SLEEP(0.004) = 0")
            self.done += 1

    def end(self) -> None:
        self.stop.set()
        for thread in self.threads:
            thread.result(60)


def number(pattern: str, text: str) -> float:
    found = re.findall(pattern, text)
    assert found, f"no /{pattern}/ in {text}"
    return float(found[-1])


@test(deadline=90, own=True, family=FAMILIES, order=30)
def test_a_load_that_outruns_the_applier(t: Case) -> None:
    """`approach` slows it down until the target is close; then the catch-up is short."""
    old, new = t.pair(both_ways=False, extra=["--replica-parallel-workers=1"]
                      if t.family == "mysql" else [])
    old.sql("CREATE TABLE app.slow (id BIGINT PRIMARY KEY AUTO_INCREMENT, v INT)")
    servers.caught_up(new, old)
    servers.read_only(new, True)
    sluice = t.sluice(old, new, cutover={"watch": "0s", "throttle": "1s", "max_lag": "60s"})
    load = Outrun(sluice, 3)
    wait_until(lambda: load.done > 300, 30, "a load that the target cannot follow")
    text = told(sluice, "b1")
    load.end()
    catch_up = number(r"has everything that b0 has \(([0-9.]+) ms\)", text)
    slowed = number(r"clients were slowed for ([0-9.]+) s", text)
    print(f"catch-up {catch_up:.0f} ms, slowed for {slowed:.1f} s by "
          f"{number(r'by ([0-9.]+) ms at most', text):.0f} ms at most")
    assert catch_up <= 1000 * PATIENCE, text
    assert new.one("SELECT COUNT(*) FROM app.slow") == load.done
    servers.caught_up(old, new)
    assert old.one("SELECT COUNT(*) FROM app.slow") == load.done


@test(deadline=90, own=True, family=FAMILIES, order=30)
def test_open_transactions(t: Case) -> None:
    """One of 3 s is waited for, that long and no more; one that is longer than the wait gets 1213,
    and everybody else goes on."""
    sides = t.pair(both_ways=False)
    crew.make_tables(sides[0])
    servers.caught_up(sides[1], sides[0])
    sluice = t.sluice(*sides, cutover={"watch": "0s"}, drain={"wait": "5s", "then": "abort"})
    load = Crew(sluice, web=3, prepared=1)
    load.progress()
    client = sluice.connect("plain", "plain-secret", database="app")
    for seconds, target in ((3.0, "b1"), (60.0, "b0")):
        run(client, "BEGIN")
        run(client, "INSERT INTO ledger (id, note) VALUES (1, 'open')")
        load.longest()
        cutover = Background(told, sluice, target)
        wait_until(lambda: sluice.ctl_json("cutover", "status")["step"] == "drain", 30, "the drain")
        if seconds < 5:
            threading.Event().wait(seconds)
            run(client, "COMMIT")
        cutover.result(60)
        if seconds > 5:
            expect_error((1213,), lambda: run(client, "COMMIT"))
        load.progress()
        longest = load.longest()
        print(f"open for {seconds:g} s, wait 5 s: the longest wait was {longest * 1e3:.0f} ms")
        assert min(seconds, 5) - 1 < longest < PATIENCE * (min(seconds, 5) + 0.5), longest
    load.end()
    assert sides[0].one("SELECT COUNT(*) FROM app.ledger WHERE note = 'open'") == 1
