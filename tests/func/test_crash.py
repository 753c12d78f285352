"""Failpoints of a cutover: sluice, a server or the network fails there, and all is well afterwards.

A sample in `make test`; all of them, in both families, in `make crash`."""
from __future__ import annotations

import os
import subprocess

from lib.case import Case, test
from lib.crash import FAULTS, Walk, failpoints, failpoints_of_recovery
from lib.servers import FAMILIES
from lib.sluice import daemon_path

ALL = os.environ.get("CRASH") == "all"
CRITICAL = ("close_target", "fence", "promote", "repoint", "release", "turn")
# (family, fault, shape): steps, or single failpoints; those at which something has happened that
# the journal does not know of yet.
SAMPLE = {
    ("mariadb", "sluice", "one-way"): [f"{step}:after_act" for step in CRITICAL]
    + ["fence:after_undo"],
    ("mariadb", "old", "one-way"): ["fence:after_act"],
    ("mariadb", "target", "one-way"): ["promote:after_act"],
    ("mysql", "sluice", "one-way"): ["fence:after_act", "release:before_act"],
    ("mariadb", "sluice", "both-ways"): ["promote:after_act"],
}
WHOLE = {(family, fault, "one-way"): [""] for family in FAMILIES for fault in FAULTS}
WHOLE.update({(family, "sluice", "both-ways"): list(CRITICAL) for family in FAMILIES})


def walk(t: Case) -> None:
    wanted = (WHOLE if ALL else SAMPLE)[t.family, t.fault, t.shape]
    points = [p for p in failpoints() if any(p.startswith(w) for w in wanted)
              and p.startswith(os.environ.get("POINT", ""))]
    assert points, f"the program has no failpoints like {wanted}"
    on = Walk(t, t.fault.startswith("stall"))
    for point in points:
        on.round(point, t.fault)


for each in WHOLE if ALL else SAMPLE:
    test(deadline=1800 if ALL else 150, own=True, family=(each[0],), fault=(each[1],),
         shape=(each[2],))(walk)


def walk_recovery(t: Case) -> None:
    pairs = failpoints_of_recovery()
    if not ALL:
        pairs = [("verify:before_act", "fence:after_undo"),
                 ("release:before_act", "release:after_act")]
    on = Walk(t, False)
    for point, again in pairs:
        if again.startswith(os.environ.get("POINT", "")):
            on.round(point, "sluice", again)


test(deadline=1800 if ALL else 150, own=True, family=FAMILIES if ALL else ("mariadb",),
     shape=("one-way",))(walk_recovery)


@test()
def test_typo_in_the_failpoint(t: Case) -> None:
    """It would test nothing, in silence."""
    for text in ("fence:aftr_act=kill", "fence:after_act=kil", "fence:after_act", "=kill",
                 "fence:after_act=wait", "catch_up:after_undo=kill"):
        done = subprocess.run([str(daemon_path()), "-c", "/dev/null"], capture_output=True,
                              text=True, check=False, env={"SLUICE_FAILPOINT": text})
        assert done.returncode == 1 and "SLUICE_FAILPOINT" in done.stderr, done
