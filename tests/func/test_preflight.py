"""`cutover check`: all GO on a clean pair, and for each NO a situation that makes it say so."""
from __future__ import annotations

import json
from typing import Any, Callable

from lib import servers
from lib.case import Case, test
from lib.db import run
from lib.servers import Server
from lib.sluice import Sluice
from lib.util import Background, wait_until

FAMILIES = ("mariadb", "mysql")
Findings = dict[str, tuple[str, str]]


class Stage:
    """A one-way pair, and what `cutover check` says of it."""

    def __init__(self, t: Case, **settings: Any):
        self.mysql = t.family == "mysql"
        self.old, self.new = t.pair(both_ways=False)
        servers.read_only(self.new, True)
        servers.caught_up(self.new, self.old)
        self.sluice: Sluice = t.sluice(self.old, self.new, **settings)

    def check(self) -> Findings:
        result = self.sluice.ctl("--json", "cutover", "check", "b1")
        answer = json.loads(result.out.strip().splitlines()[-1])
        rows = {r["name"]: (r["verdict"], r["evidence"]) for r in answer.get("rows", [])}
        bad = [name for name, (verdict, _) in rows.items() if verdict == "NO"]
        assert rows and result.code == (1 if bad else 0), result
        assert all(name in answer.get("error", "") for name in bad), "the error names the rows"
        assert all(evidence for _, evidence in rows.values()), "every row has evidence"
        return rows

    def expect(self, name: str, verdict: str, *words: str) -> Findings:
        rows = self.check()
        found, evidence = rows[name]
        assert found == verdict and all(w in evidence for w in words), \
            f"{name} is {found}: {evidence!r}, not {verdict} {words}"
        return rows

    def replica(self, verb: str, what: str = "") -> None:
        self.new.sql(f"{verb} {'REPLICA' if self.mysql else 'SLAVE'} {what}")

    def on_target(self, *statements: str, logged: bool = False) -> None:
        """As an administrator past read_only, by default without a trace in the binary log."""
        servers.read_only(self.new, False)
        if not logged:
            self.new.sql("SET SESSION sql_log_bin = 0")
        for statement in statements:
            self.new.sql(statement)
        self.new.sql("SET SESSION sql_log_bin = 1")
        servers.read_only(self.new, True)

    def change(self, variable: str, value: str) -> Callable[[], None]:
        """Sets it on the target; what is returned sets it back."""
        was = self.new.one(f"SELECT @@global.{variable}")
        self.new.sql(f"SET GLOBAL {variable} = {value}")
        return lambda: self.new.sql(f"SET GLOBAL {variable} = %s", (was,)) and None


# --- situations ---------------------------------------------------------------------------------

def settings_that_differ(s: Stage) -> None:
    isolation = "transaction_isolation" if s.mysql else "tx_isolation"
    for variable, value, row, verdict, words in (
            ("sql_mode", "''", "sql_mode", "NO", ("STRICT_TRANS_TABLES only on b0",)),
            ("character_set_server", "latin1", "character_set", "NO", ("latin1 on b1",)),
            ("time_zone", "'+05:00'", "time_zone", "NO", ("UTC+0 h on b0", "UTC+5 h on b1")),
            (isolation, "'READ-COMMITTED'", "isolation", "NO", ("READ-COMMITTED on b1",)),
            ("max_allowed_packet", "1048576", "max_allowed_packet", "NO", ("b1 only 1048576",)),
            ("max_connections", "10", "connections", "NO", ("b1 takes 10,", "sessions would come")),
            ("auto_increment_increment", "7", "auto_increment", "WARN", ("7 on b1",)),
    ):
        back = s.change(variable, value)
        crowd = [s.sluice.connect("plain", "plain-secret") for _ in range(10)] \
            if variable == "max_connections" else []
        s.expect(row, verdict, *words)
        for client in crowd:
            client.close()
        back()


def accounts_that_differ(s: Stage) -> None:
    s.on_target("DROP USER plain@'%'")
    s.expect("accounts", "NO", "not on b1", "'plain'@'%'")
    s.on_target("CREATE USER plain@'%' IDENTIFIED BY 'other'")
    rows = s.expect("grants", "WARN", "'plain'@'%'")
    # A salted hash does not tell; a native one does.
    assert rows["passwords"][0] == ("WARN" if s.mysql else "NO"), rows["passwords"]
    s.on_target("DROP USER plain@'%'",
                "CREATE USER plain@'%' IDENTIFIED BY 'plain-secret' ACCOUNT LOCK")
    s.expect("accounts", "NO", "locked on b1, and not by sluice", "'plain'@'%'")
    s.on_target("ALTER USER plain@'%' ACCOUNT UNLOCK",
                "GRANT SELECT, INSERT, UPDATE, DELETE, CREATE, DROP ON *.* TO plain@'%'")
    rows = s.expect("grants", "GO")
    assert rows["accounts"][0] == "GO"


def privileges_that_lack(s: Stage) -> None:
    power, back = ("CONNECTION_ADMIN, SUPER",) * 2 if s.mysql else ("READ_ONLY ADMIN",) * 2
    s.on_target(f"REVOKE {power} ON *.* FROM sluice@'%'")
    s.expect("privileges", "NO", "on b1:",
             "CONNECTION_ADMIN (to kill" if s.mysql else "READ_ONLY ADMIN (to set read_only")
    s.on_target(f"GRANT {back} ON *.* TO sluice@'%'")
    s.expect("privileges", "GO")


def people_at_work(s: Stage) -> None:
    s.old.sql("CREATE TABLE app.work (id INT PRIMARY KEY)")
    direct = s.old.connect("plain", "plain-secret")
    run(direct, "BEGIN")
    run(direct, "INSERT INTO app.work VALUES (1)")
    through = s.sluice.connect("plain", "plain-secret")
    run(through, "SELECT GET_LOCK('mine', 0)")
    s.expect("direct_sessions", "WARN", "1 connections to b0 bypass sluice", "plain@127.0.0.1")
    s.expect("sessions", "WARN", "1 of 1 could not move", "1 user_lock")
    wait_until(lambda: s.check()["long_transactions"][0] == "WARN", 15, "the transaction is old")
    s.expect("long_transactions", "WARN", f"connection {direct.thread_id()} (plain@127.0.0.1)")
    ddl = s.old.connect()
    waiting = Background(run, ddl, "ALTER TABLE app.work ADD COLUMN x INT")
    wait_until(lambda: s.old.sql("SELECT 1 FROM information_schema.PROCESSLIST WHERE INFO LIKE"
                                 " 'ALTER TABLE%%'"), 10, "DDL that waits")
    s.expect("ddl", "NO", "ALTER TABLE on b0", f"connection {ddl.thread_id()} (app)")
    run(direct, "ROLLBACK")
    waiting.result()
    for client in (direct, ddl, through):
        client.close()
    servers.caught_up(s.new, s.old)
    wait_until(lambda: s.check()["sessions"][0] == "GO", 10, "the session has gone")


def powerful_applications(s: Stage) -> None:
    client = s.sluice.connect()
    s.expect("powerful_accounts", "WARN", "'app'@'%'")
    client.close()


def replication_in_trouble(s: Stage) -> None:
    s.replica("STOP", "SQL_THREAD")
    s.old.sql("INSERT INTO app.digit VALUES (100)")
    rows = s.expect("replication", "NO", "b1's applier from b0 does not run")
    assert rows["lag"][0] == "NO"
    s.replica("START")
    lock = s.new.connect()
    run(lock, "FLUSH TABLES app.digit WITH READ LOCK")
    s.old.sql("DELETE FROM app.digit WHERE d = 100")
    s.expect("lag", "NO", "did not get within cutover.max_lag (1s)", "transactions behind")
    lock.close()
    servers.caught_up(s.new, s.old)
    s.expect("lag", "GO", "b1 had all of b0 within")


def errant(s: Stage) -> None:
    s.on_target("INSERT INTO app.digit VALUES (77)", logged=True)
    s.expect("errant_transactions", "NO", "b1 has transactions that b0 never had",
             "0-2-" if not s.mysql and "0-2-" in str(s.new.one("SELECT @@gtid_binlog_pos")) else "")


def wrong_direction(s: Stage) -> None:
    s.replica("STOP")
    s.replica("RESET", "ALL")
    rows = s.expect("replication", "NO", "b1 does not replicate from b0")
    assert rows["lag"] == ("NO", "not measured: replication does not run"), rows["lag"]


def unreachable(s: Stage) -> None:
    s.new.stop(9)
    rows = s.expect("reachable", "NO", "b1 cannot be asked")
    assert set(rows) == {"reachable", "sessions", "testers", "disk"}, "only what is known is said"


@test(deadline=180, own=True, family=FAMILIES)
def test_each_row(t: Case) -> None:
    s = Stage(t, cutover={"max_lag": "1s", "watch": "0s"})
    clean = s.check()
    assert {v for v, _ in clean.values()} == {"GO"}, clean
    assert len(clean) > 25
    assert not list((s.sluice.folder / "state").glob("journal-*")), "a check leaves no journal"
    text = s.sluice.ok("cutover", "check", "b1").out
    assert "b1 replicates from b0" in text and "verdict" in text
    settings_that_differ(s)
    accounts_that_differ(s)
    privileges_that_lack(s)
    people_at_work(s)
    left = {name for name, (verdict, _) in s.check().items() if verdict != "GO"}
    assert left == ({"passwords"} if s.mysql else set()), "all else is as before"
    powerful_applications(s)
    replication_in_trouble(s)
    errant(s)
    wrong_direction(s)
    # A cutover begins with the same, and says the same.
    refused = s.sluice.ctl("cutover", "start", "b1")
    assert refused.code == 1 and "b1 does not replicate from b0" in refused.err, refused
    assert "errant_transactions" in refused.err, refused
    assert s.sluice.ctl_json("show", "status")["active"] == "b0"
    unreachable(s)


@test(deadline=90, own=True, family=FAMILIES)
def test_master_master(t: Case) -> None:
    old, new = t.pair()
    sluice = t.sluice(old, new, cutover={"watch": "0s"})
    servers.caught_up(new, old)
    rows = {r["name"]: r for r in sluice.ctl_json("cutover", "check", "b1")["rows"]}
    assert {r["verdict"] for r in rows.values()} == {"GO"}, rows
    assert "and back" in rows["replication"]["evidence"]
    assert "by 2" in rows["auto_increment"]["evidence"]
    stop(old)
    refused = sluice.ctl("cutover", "check", "b1")
    assert refused.code == 1 and "b0 replicates from b1, too, and that does not run" in refused.err


def stop(server: Server) -> None:
    server.sql("STOP REPLICA" if server.family == "mysql" else "STOP SLAVE")
