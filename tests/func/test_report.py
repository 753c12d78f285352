"""The report of a cutover: what clients felt, who did what, the fence's proof, the watch."""
from __future__ import annotations

import os
import stat
from typing import Any

import pymysql

from lib.case import Case, test
from lib.db import one, run
from lib.sluice import Sluice
from lib.util import Background, wait_until
from test_switch import FAMILIES, Writers, stage

STEPS = ["preflight", "invite", "warm", "approach", "close_target", "hold", "drain", "fence",
         "catch_up", "promote", "repoint", "verify", "testers", "ask", "release", "turn"]


def report(sluice: Sluice, *number: str) -> dict[str, Any]:
    document = sluice.ctl_json("cutover", "report", *number)["report"]
    assert document["version"] == 1, document
    return dict(document)


def check_stall(document: dict[str, Any]) -> None:
    """The quantiles are in order, and the parts of the longest wait add up to it."""
    stall = document["stall"]
    assert stall["commands"] > 0, stall
    assert 0 < stall["p50_ms"] <= stall["p99_ms"] <= stall["max_ms"], stall
    longest = stall["longest"]
    parts = {part["part"]: part["ms"] for part in longest["parts"]}
    assert abs(sum(p["ms"] for p in longest["parts"]) - stall["max_ms"]) < 0.1, stall
    assert "fence" in parts and "release" in parts and "answer" in parts, parts
    assert longest["user"] == "app", longest


@test(deadline=120, own=True, family=FAMILIES, shape=("one-way", "both-ways"))
def test_all_of_it(t: Case) -> None:
    """Every part is there and fits the others; who cannot move is named with its reason."""
    old, new, sluice = stage(t, cutover={"watch": "0s", "checks": [
        {"name": "six", "sql": "SELECT 6"}, {"name": "says", "command": "echo all is well"}]})
    writers = Writers(sluice, 6)
    writers.wait_for_more()
    stays = sluice.connect()
    run(stays, "CREATE TEMPORARY TABLE app.mine (a INT)")
    answer = sluice.ctl_json("cutover", "start", "b1")
    assert answer["ended"] == "done", answer
    writers.wait_for_more()
    document = report(sluice)
    assert (document["verdict"], document["kind"]) == ("done", "cutover")
    assert document["number"] == answer["report"] == 1
    assert (document["from"]["name"], document["to"]["name"]) == ("b0", "b1")
    assert document["from"]["version"] == old.one("SELECT @@version")
    assert [row["step"] for row in document["timeline"]] == STEPS
    assert all(row["result"] == "done" and row["took_ms"] >= 0 for row in document["timeline"])
    starts = [row["at_ms"] for row in document["timeline"]]
    assert starts == sorted(starts), starts
    check_stall(document)
    assert document["sessions"]["moved"] == answer["moved"] >= 6
    assert document["sessions"]["ended"] == answer["sessions_ended"] == 1
    (ended,) = document["sessions"]["ended_rows"]
    assert (ended["reason"], ended["user"], ended["count"]) == ("CANNOT_MOVE", "app", 1), ended
    assert "temporary_table" in ended["why"], ended
    fence = document["fence"]
    assert fence["stable"] is True and fence["accounts_locked"] > 0, fence
    assert fence["old_behind_the_fence"] and fence["old_at_the_end"], fence
    if t.shape == "one-way":
        assert fence["old_behind_the_fence"] == fence["old_at_the_end"], fence
    checks = {row["name"]: row for row in document["checks"]}
    assert checks["six"]["good"] and checks["six"]["said"] == "6", checks
    assert checks["says"]["good"] and "all is well" in checks["says"]["said"], checks
    assert document["drain"]["sessions"] >= 7, document["drain"]
    assert document["preflight"]["rows"], document
    text = sluice.ok("cutover", "report", "1").out
    for word in ("stall, as clients felt it", "temporary_table", "behind the fence", "check says"):
        assert word in text, text
    assert stat.S_IMODE(os.stat(sluice.folder / "state" / "report-1.json").st_mode) == 0o640
    missing = sluice.ctl("cutover", "report", "7")
    assert missing.code == 1 and "no report 7" in missing.err, missing
    try:
        one(stays, "SELECT 1")
        raise AssertionError("a session with a temporary table went on")
    except pymysql.MySQLError:
        pass
    writers.verdict(new)


@test(deadline=90, own=True, family=("mariadb",), shape=("one-way",))
def test_dry_run_and_undone(t: Case) -> None:
    """Both have a report: what was undone, by whom, and a command that waited meanwhile."""
    old, new, sluice = stage(t, cutover={"watch": "0s"})
    answer = sluice.ctl("cutover", "report")
    assert answer.code == 1 and "no report yet" in answer.err, answer
    writers = Writers(sluice, 2)
    writers.wait_for_more()
    sluice.ok("cutover", "start", "b1", "--dry-run")
    document = report(sluice)
    assert (document["kind"], document["number"]) == ("dry_run", 1)
    assert [row["step"] for row in document["timeline"]] == ["preflight", "approach", "hold",
                                                             "drain"]
    assert "undo_took_ms" in document["timeline"][2], document["timeline"]
    assert document["stall"]["commands"] > 0 and document["sessions"]["moved"] == 0
    asking = sluice.ctl_start("cutover", "start", "b1", "--ask")
    wait_until(lambda: sluice.ctl_json("cutover", "status")["state"] == "asking", 30,
               "the question")
    sluice.ok("cutover", "no-go")
    asking.communicate(timeout=30)
    document = report(sluice)
    assert (document["verdict"], document["number"]) == ("undone", 2)
    assert "no-go" in document["why"], document
    (word,) = document["words"]
    assert word["word"] == "no-go" and "pid" in word["by"], word
    undone = {row["step"] for row in document["timeline"] if "undo_took_ms" in row}
    assert {"hold", "fence", "promote", "repoint"} <= undone, undone
    parts = [part["part"] for part in document["stall"]["longest"]["parts"]]
    assert "verify" in parts and "undo of fence" in parts, parts
    assert report(sluice, "1")["kind"] == "dry_run"
    new.sql("STOP SLAVE SQL_THREAD")
    assert sluice.ctl("cutover", "start", "b1").code == 1
    new.sql("START SLAVE SQL_THREAD")
    document = report(sluice)
    assert document["number"] == 3 and "stall" not in document, document
    assert document["preflight"]["verdict"] == "NO", document["preflight"]
    writers.verdict(old)


@test(deadline=120, own=True, family=FAMILIES, shape=("one-way",))
def test_watch(t: Case) -> None:
    """Samples each second, a warning when errors rise; the next cutover ends the watch."""
    old, new, sluice = stage(t, cutover={"watch": "300s"})
    writers = Writers(sluice, 3)
    writers.wait_for_more()
    watching = sluice.ctl_start("cutover", "start", "b1", "--watch")
    wait_until(lambda: sluice.ctl_json("cutover", "status")["state"] == "watching", 60, "the watch")
    assert report(sluice)["verdict"] == "done"

    def fail(stop: list[bool]) -> None:
        client = sluice.connect()
        while not stop:
            try:
                run(client, "SELECT * FROM app.missing")
            except pymysql.MySQLError:
                pass

    stop: list[bool] = []
    failing = Background(fail, stop)
    wait_until(lambda: "WARN watch: " in sluice.log_text(), 40, "the warning")
    stop.append(True)
    failing.result()
    answer = sluice.ctl_json("cutover", "start", "b0")
    assert answer["ended"] == "done", answer
    out, err = watching.communicate(timeout=30)
    assert watching.returncode == 0 and "watch: " in err, (out, err)
    document = report(sluice, "1")
    watch = document["watch"]
    assert watch["ended"] == "cut short" and watch["warnings"] >= 1, watch
    assert watch["before"]["commands"] > 0 and watch["before"]["p99_ms"] > 0, watch
    samples = watch["samples"]
    assert len(samples) >= 5 and any(s.get("errors_schema", 0) > 1 for s in samples), samples
    assert any(s["commands"] > 0 and s["p99_ms"] > 0 for s in samples), samples
    assert any("threads_running" in s for s in samples), samples
    assert "most are schema" in "".join(line["line"] for line in document["story"])
    assert report(sluice)["number"] == 2
    writers.verdict(old)


@test(deadline=90, own=True, family=("mariadb",), shape=("one-way",))
def test_accept(t: Case) -> None:
    """A NO is accepted by name, told, journalled, in the report; not what makes it impossible."""
    old, new, sluice = stage(t, cutover={"watch": "0s"})
    old.sql("CREATE USER only_here@'%' IDENTIFIED BY 'x'")
    wait_until(lambda: new.sql("SELECT 1 FROM mysql.user WHERE user = 'only_here'"), 20,
               "the account")
    new.sql("SET sql_log_bin = 0")
    new.sql("DROP USER only_here@'%'")
    new.sql("SET sql_log_bin = 1")
    refused = sluice.ctl("cutover", "start", "b1")
    assert refused.code == 1 and "accounts: " in refused.err, refused
    for names, words in (("replication", "cannot be accepted"), ("nonsense", "no row"),
                         ("accounts,reachable", "cannot be accepted")):
        answer = sluice.ctl("cutover", "start", "b1", "--accept", names)
        assert answer.code == 1 and words in answer.err, answer
    answer = sluice.ctl("cutover", "start", "b1", "--accept", "lag,accounts")
    assert answer.code == 0 and "NO accounts, accepted" in answer.err, answer
    document = report(sluice)
    assert document["options"]["accepted"] == ["lag", "accounts"], document["options"]
    assert document["preflight"]["verdict"] == "NO" and document["verdict"] == "done"
    journal = (sluice.folder / "state" / "journal-2.jsonl").read_text()
    assert '"lag"' in journal.splitlines()[0], journal
