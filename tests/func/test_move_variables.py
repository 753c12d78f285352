"""Session variables that nobody set: a moved session has the old server's values, or is ended."""
from __future__ import annotations

import pathlib

from lib.case import Case, test
from lib.moving import GUARDED, Batch, Trio
from lib.states import Row
from lib.talk import Driver

FAMILIES = ("mariadb", "mysql")
DATA = pathlib.Path(__file__).parents[1] / "unit/data"
LISTS = {"mariadb": (DATA / "maria-session-variables.txt",
                     "SELECT LOWER(VARIABLE_NAME) FROM information_schema.SYSTEM_VARIABLES"
                     " WHERE VARIABLE_SCOPE LIKE 'SESSION%'"),
         "mysql": (DATA / "mysql-session-variables.txt",
                   "SELECT VARIABLE_NAME FROM performance_schema.variables_metadata"
                   " WHERE VARIABLE_SCOPE <> 'GLOBAL'")}


@test(deadline=60, family=FAMILIES)
def test_known(t: Case) -> None:
    """The lists that state/capture_table checks hold every session variable of the server."""
    path, question = LISTS[t.family]
    known = set(path.read_text().split())
    unknown = sorted(row[0] for row in t.server.sql(question) if row[0] not in known)
    assert not unknown, f"{path.name} lacks {unknown}"


@test(deadline=90, own=True, order=30, family=FAMILIES)
def test_guarded(t: Case) -> None:
    """Where an account may not set what differs its session is ended, and the variable is named."""
    trio = Trio(t)
    guarded = GUARDED[t.family]
    for name, value in guarded.items():
        trio.new.sql(f"SET GLOBAL {name} = {value}")
    probe = "SELECT " + ", ".join(f"@@{name}" for name in guarded)
    rows = [Row("guarded_privileged", ("SELECT 1",), (probe,)),
            Row("guarded_plain", ("SELECT 1",), (probe,), user="plain",
                may=(f"@@{next(iter(guarded))}",))]
    batch = Batch(t, trio, Driver("raw-text"), rows)
    t.defer(batch.close)
    batch.run()
    batch.verdict()
    assert [p.outcome.split(":")[0] for p in batch.pairs] == ["moved", "refused"]
