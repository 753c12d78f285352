"""What must be true of `cutover start`: there and back under load, again and again.

CUTOVERS=20 makes it twenty, SESSIONS=50 gives the load that many web sessions (docs/HACKING.md)."""
from __future__ import annotations

import os

from lib import crew, servers
from lib.case import Case, test
from lib.crew import Crew

FAMILIES = ("mariadb", "mysql")
SHAPES = ("one-way", "both-ways")
CUTOVERS = int(os.environ.get("CUTOVERS", "4"))
SESSIONS = int(os.environ.get("SESSIONS", "6"))


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
        answer = sluice.ctl_json("cutover", "start", f"b{(n + 1) % 2}", deadline=120)
        assert answer["ended"] == "done", answer
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
