"""A COMMIT whose answer never comes: the client is told that the outcome is unknown."""
from __future__ import annotations

from lib.case import Case, test
from lib.db import expect_error, run, table
from lib.util import Background, wait_until


def hanging_commit(t: Case):
    """A session whose COMMIT hangs in the server, and the connection that makes it hang."""
    database = t.database()
    sluice = t.sluice()
    client = sluice.connect(database=database)
    table(client, "c")
    client.begin()
    run(client, "INSERT INTO c (v) VALUES (1)")
    blocker = t.server.connect()
    for stage in ("START", "FLUSH", "BLOCK_DDL", "BLOCK_COMMIT"):
        run(blocker, f"BACKUP STAGE {stage}")
    commit = Background(client.commit)
    wait_until(lambda: t.server.one("SELECT COUNT(*) FROM information_schema.PROCESSLIST"
                                    " WHERE STATE LIKE '%%backup%%lock%%'") >= 1, 10,
               "the COMMIT to hang on the server")
    return sluice, blocker, commit


@test(family=("mariadb",), how=("drain", "kill"))
def test_unknown_outcome(t: Case) -> None:
    """Neither the ladder nor `kill` may pretend to know: 1180, and the text says so."""
    sluice, blocker, commit = hanging_commit(t)
    if t.how == "drain":
        sluice.ok("pause")
        sluice.ok("drain", "--wait", "0s", "--then", "abort")
    else:
        sluice.ok("kill", "--user", "app")
    text = expect_error((1180,), commit.result)
    assert "unknown" in text, text
    run(blocker, "BACKUP STAGE END")
