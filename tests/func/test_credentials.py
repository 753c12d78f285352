"""Learned secrets: those that the target refuses, and learning switched by a reload."""
from __future__ import annotations

import hashlib
from typing import Any

import pymysql

from lib import servers
from lib.case import Case, test
from lib.db import expect_error, one
from lib.moving import Trio
from lib.servers import Server
from lib.sluice import Sluice, table_of
from lib.states import USERS
from lib.util import wait_until
from test_secrets import search_memory

FAMILIES = ("mariadb", "mysql")
MANY = 30
NEW = "another-one-9x7"


def set_password(server: Server, password: str, replicate: bool) -> None:
    """Of `other`; caching_sha2_password forgets what it had in its cache."""
    server.sql(f"SET SESSION sql_log_bin = {int(replicate)}")
    server.sql(f"ALTER USER other@'%' IDENTIFIED BY '{password}'")
    server.sql("SET SESSION sql_log_bin = 1")


def refusals(server: Server) -> int:
    """Logins that the server has refused since it started."""
    return int(server.sql("SHOW GLOBAL STATUS LIKE 'Aborted_connects'")[0][1])


def sessions_of(stage: Trio, count: int = MANY) -> list[pymysql.Connection]:
    return [stage.sluice.connect("other", USERS["other"], database="app") for _ in range(count)]


def account(sluice: Sluice, how: str) -> list[dict[str, Any]]:
    rows = table_of(sluice.ctl_json("show", "accounts"), "accounts")
    return [row for row in rows if row["user"] == "other" and row["how"] == how]


def warm(stage: Trio) -> dict[str, Any]:
    return dict(stage.sluice.ctl_json("warm", stage.idle[0]))


@test(deadline=90, own=True, family=FAMILIES)
def test_refused_once(t: Case) -> None:
    """The account has another password on the target: one login is refused, not one a session and
    try; the reason is shown; what an operator mends is tried again."""
    stage = Trio(t)
    clients = sessions_of(stage)
    set_password(stage.new, NEW, replicate=False)
    before = refusals(stage.new)
    counts = warm(stage)
    assert counts["ready"] == 0, counts
    for client in clients * 3:      # each command used to be another try
        assert one(client, "SELECT 1") == 1
    assert refusals(stage.new) - before == 1, "only the first session may have tried"
    row, = account(stage.sluice, "refused")
    assert not row["movable"] and row["sessions"] == MANY, row
    mine = stage.sluice.session_of(clients[0].thread_id())
    assert "credential_unknown" in mine["obstacles"], mine
    set_password(stage.new, USERS["other"], replicate=False)
    assert warm(stage)["ready"] == MANY
    assert account(stage.sluice, "refused") == []
    stage.move()
    for client in clients:
        assert one(client, "SELECT CURRENT_USER()") == "other@%"


@test(deadline=90, own=True, family=FAMILIES)
def test_refused_at_release(t: Case) -> None:
    """The same without any preparation: the sessions end with their reason, after one try."""
    stage = Trio(t)
    clients = sessions_of(stage)
    set_password(stage.new, NEW, replicate=False)
    before = refusals(stage.new)
    stage.move()
    for client in clients:
        expect_error((1053, 2006, 2013), lambda c=client: one(c, "SELECT 1"))
    assert refusals(stage.new) - before == 1, "only the first session may have tried"
    log = stage.sluice.log_text()
    assert "1045 (28000)" in log and "has refused another session of this account" in log


@test(own=True, family=FAMILIES)
def test_new_password(t: Case) -> None:
    """Sessions of before the change stay behind, those that log in with the new one move."""
    stage = Trio(t)
    old, = sessions_of(stage, 1)
    set_password(stage.old, NEW, replicate=True)
    servers.caught_up(stage.new, stage.old)
    new = stage.sluice.connect("other", NEW, database="app")
    wait_until(lambda: one(new, "SELECT 1") and "credential_unknown" not in
               stage.sluice.session_of(new.thread_id())["obstacles"], 10, "the new password")
    stage.move()
    assert one(new, "SELECT CURRENT_USER()") == "other@%"
    expect_error((1053, 2006, 2013), lambda: one(old, "SELECT 1"))


# --- auth.learn by a reload ---------------------------------------------------------------------

def reload(sluice: Sluice, learn: bool) -> None:
    sluice.settings["auth"] = {"learn": learn}
    sluice.write_config()
    sluice.ok("reload")


def learn_again(stage: Trio) -> None:
    stage.old.sql("FLUSH PRIVILEGES")       # so that MySQL asks for passwords in full
    stage.learns = True
    wait_until(stage.learned, 10, "sluice to know all accounts", every=0.1)


def secrets_in(sluice: Sluice) -> list[str]:
    """Where the password of `other`, or what is enough for a native login, lies in memory."""
    assert sluice.process is not None
    secret = USERS["other"].encode()
    wanted = {"the password": secret, "its SHA1": hashlib.sha1(secret).digest()}
    return [place for dumped in (True, False)
            for place in search_memory(sluice.process.pid, wanted, dumped)]


def unknown(sluice: Sluice, client: pymysql.Connection) -> bool:
    return "credential_unknown" in sluice.session_of(client.thread_id())["obstacles"]


@test(deadline=90, own=True, family=FAMILIES)
def test_learn_off_and_on(t: Case) -> None:
    """Off: nothing is left in memory, and sessions do not move. On: who logs in anew moves."""
    stage = Trio(t)
    sluice = stage.sluice
    before, = sessions_of(stage, 1)
    assert not unknown(sluice, before)
    assert secrets_in(sluice), "this test looks at the wrong place"
    reload(sluice, False)
    assert unknown(sluice, before)
    document = sluice.ctl_json("show", "accounts")
    assert document["learning"] is False and document["accounts"] == [], document
    during, = sessions_of(stage, 1)
    assert unknown(sluice, during)
    assert secrets_in(sluice) == [], "something is left"
    reload(sluice, True)
    learn_again(stage)
    after, = sessions_of(stage, 1)
    wait_until(lambda: not unknown(sluice, after), 10, "the account to be known again")
    assert unknown(sluice, before) and unknown(sluice, during), "they have not logged in anew"
    stage.move()
    assert one(after, "SELECT CURRENT_USER()") == "other@%"
    for client in (before, during):
        expect_error((1053, 2006, 2013), lambda c=client: one(c, "SELECT 1"))


@test(own=True, family=FAMILIES)
def test_learn_on_at_last(t: Case) -> None:
    """Off at the start, on by a reload: as if it had been on."""
    stage = Trio(t, learn=False)
    reload(stage.sluice, True)
    learn_again(stage)
    client, = sessions_of(stage, 1)
    wait_until(lambda: not unknown(stage.sluice, client), 10, "the account to be known")
    stage.move()
    assert one(client, "SELECT CURRENT_USER()") == "other@%"
