"""Sessions survive the move: every state of lib/states.py, on both servers, by several drivers.

The state is set up on a session through sluice and on a twin that is connected directly to a
server of its own; the session moves; then both must give the same answers to the same probes, byte
for byte, or the session was ended and the reason was named.

    MOVE_ROWS='uv_ ps_call' tests/func/run move.states    only the rows with these words
    build/results/move-*.txt                              what became of every row
"""
from __future__ import annotations

from lib.case import Case, test
from lib.moving import Batch, Trio, selected
from lib.states import rows
from lib.talk import DRIVERS, Driver

FAMILIES = ("mariadb", "mysql")


def run_all(t: Case, trio: Trio) -> None:
    chosen = [r for r in selected(rows(t.family)) if not (trio.others and r.anew)]
    batch = Batch(t, trio, Driver(t.driver), chosen)
    t.defer(batch.close)
    batch.run()
    batch.verdict()


@test(deadline=90, own=True, order=30, family=FAMILIES, driver=DRIVERS)
def test_states(t: Case) -> None:
    run_all(t, Trio(t))


@test(deadline=90, own=True, order=30, family=FAMILIES, driver=("raw-text",))
def test_states_other_globals(t: Case) -> None:
    """The servers' defaults differ: what a session never set is still what it was, unless it was
    reset after the move: then they are the new server's, as a new session's are."""
    trio = Trio(t)
    trio.other_globals()
    run_all(t, trio)
