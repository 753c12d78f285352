"""Random sessions that move back and forth, each compared with a twin that never moves.

Every session plays rows of lib/states.py, several at a time and mixed, so that states meet that no
list thought of. Between two statements all sessions move to the other server. The sequence is a
function of the seed, which every failure shows, with the shortest script that shows it too.

    MOVE_SEED=12345 tests/func/run 'move_random.random[mariadb]'     that sequence again
    ISSUE3=1 MOVE_SECONDS=600 make func T=move_random                for ten minutes
    MOVE_SHRINK=300 tests/func/run move_random                       as long for a failure's script
    MOVE_SKIP='utf16 ps_under' tests/func/run move_random            without rows of these names
"""
from __future__ import annotations

import os
import random

from lib.case import Case, test
from lib.mixing import SHRINK_SECONDS, Stage
from lib.moving import Trio
from lib.util import OPEN_TOO, Skip

FAMILIES = ("mariadb", "mysql")
SECONDS = float(os.environ.get("MOVE_SECONDS", "14"))


@test(deadline=120 + SECONDS + 12 * SHRINK_SECONDS, own=True, order=31, family=FAMILIES)
def test_random(t: Case) -> None:
    if not OPEN_TOO:
        raise Skip("issue 3 is open: docs/MIGRATION-LIMITS.md, Open; ISSUE3=1 runs it")
    seed = int(os.environ.get("MOVE_SEED") or random.SystemRandom().getrandbits(32))
    stage = Stage(Trio(t), seed)
    t.defer(stage.close)
    stage.play(SECONDS)
    print(stage.summary())
    stage.verdict()
