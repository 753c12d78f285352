"""MongoDB from the admin socket: status, failover, add, remove, on the simulator or on real servers
(MONGOD=/path)."""
from __future__ import annotations

import json
import signal
from typing import Any

from lib import mongoset
from lib.case import Case, test
from lib.mongosim import Refused
from lib.sluice import CtlResult, Sluice
from lib.util import wait_until

VERSIONS = ("4.0.10", "6.0.5")


def refused(result: CtlResult, *words: str) -> None:
    """Exit status 1, and a reason that says these words."""
    text = result.out + result.err
    assert result.code == 1, f"expected a refusal: {result!r}"
    for word in words:
        assert word in text, f"expected {word!r} in {result!r}"


def wait_idle(sluice: Sluice) -> dict[str, Any]:
    """The last manoeuvre's end, once nothing is under way."""
    return wait_until(lambda: found if (found := sluice.ctl_json("mongo", "status"))["state"]
                      == "idle" else None, 30, "MongoDB's conductor to be idle")


# --- failover -------------------------------------------------------------------------------------

@test(deadline=170, own=True, order=5)
def test_fifty_failovers(t: Case) -> None:
    """One after the other, a client with retryable writes all the time: nothing is lost."""
    mongo = mongoset.start(t)
    sluice = mongoset.daemon(t, mongo)
    writer = mongoset.libmongoc_writer(t, mongo)
    before = mongo.config()
    gaps = []
    for number in range(50):
        chosen = mongo.hosts()[(number + 1) % 3]
        answer = sluice.ctl_json("mongo", "failover", chosen)
        assert mongo.primary() == chosen, f"{number}: {mongo.primary()} instead of {chosen}"
        assert mongo.config() == before, f"{number}: the configuration is {mongo.config()}"
        assert not mongo.frozen(), f"{number}: {mongo.frozen()} are frozen"
        gaps.append(answer["write_gap_ms"])
        writer.wait_more(1, "a write on the new primary")
    writer.stop()
    writer.check(mongo)
    assert min(gaps) > 0, f"{gaps}"
    print(f"gaps {min(gaps)} to {max(gaps)} ms; longest write {writer.longest} ms")


@test(own=True, version=VERSIONS, driver=("libmongoc", "node"))
def test_driver_follows(t: Case) -> None:
    """A driver's own client sees one slow write, and no error."""
    mongo = mongoset.start(t, version=t.version)
    sluice = mongoset.daemon(t, mongo)
    writer = mongoset.WRITERS[t.driver](t, mongo)
    for chosen in (mongo.hosts()[1], mongo.hosts()[0]):
        sluice.ok("mongo", "failover", chosen)
        assert mongo.primary() == chosen
        writer.wait_more(3, f"writes on {chosen}")
    writer.stop()
    writer.check(mongo)


@test(own=True, version=VERSIONS)
def test_failover_names_the_healthiest(t: Case) -> None:
    """Without a name, and why; the dry run has changed nothing."""
    mongo = mongoset.start(t, version=t.version)
    sluice = mongoset.daemon(t, mongo)
    before, version, primary = mongo.config(), mongo.version_of_config(), mongo.primary()
    dry = sluice.ctl_json("mongo", "failover", "--dry-run")
    assert dry["verdict"] == "GO", f"{dry}"
    rows = {row["name"]: row["evidence"] for row in dry["rows"]}
    assert "the best of 2" in rows["chosen"], f"{rows}"
    assert (mongo.primary(), mongo.version_of_config()) == (primary, version), "it was a dry run"
    said = sluice.ok("mongo", "failover").err
    assert "the best of 2" in said, f"why is not said: {said}"
    assert mongo.primary() != primary and mongo.config() == before


@test(own=True)
def test_failover_to_a_lighter_member(t: Case) -> None:
    """It keeps the priority that keeps it primary; the preflight says so."""
    mongo = mongoset.simulated(t)
    mongo.reconfigure(lambda c: c["members"][0].update(priority=3.0))
    sluice = mongoset.daemon(t, mongo)
    said = sluice.ok("mongo", "failover", mongo.hosts()[1]).err
    assert "WARN priority" in said, f"{said}"
    priorities = [m["priority"] for m in mongo.config()["members"]]
    assert priorities == [3.0, 3.0, 1.0], f"{priorities}"
    assert mongo.primary() == mongo.hosts()[1]


@test(own=True)
def test_failover_with_login(t: Case) -> None:
    """SCRAM-SHA-256; a wrong password is an error that says so, and changes nothing."""
    mongo = mongoset.simulated(t, users={"ops": "sekret"})
    good = mongo.uri(login="ops:sekret@", authMechanism="SCRAM-SHA-256")
    mongoset.daemon(t, mongo, uri=good).ok("mongo", "failover", mongo.hosts()[1])
    assert mongo.primary() == mongo.hosts()[1]
    bad = mongoset.daemon(t, mongo, uri=good.replace("sekret", "wrong"))
    for command in (("status",), ("failover",), ("add", "127.0.0.1:1")):
        refused(bad.ctl("mongo", *command), "uthentication")
    assert "sekret" not in t.daemons[0].log_text() + bad.log_text()
    assert mongo.primary() == mongo.hosts()[1]


# --- what goes wrong ------------------------------------------------------------------------------

def lagging(mongo: Any) -> tuple[str, ...]:
    mongo.pause(mongo.hosts()[1], behind=100)
    return ("lag", "100 s behind")


def nobody_catches_up(mongo: Any) -> tuple[str, ...]:
    def pause(*_: Any) -> None:
        for host in mongo.hosts()[1:]:
            mongo.pause(host)
    mongo.when("replSetStepDown", pause)
    return ("No electable secondaries caught up", "262 ExceededTimeLimit")


def chosen_dies(mongo: Any) -> tuple[str, ...]:
    mongo.at_step_down = lambda: mongo.kill(mongo.hosts()[1])
    return ("did not become primary",)


def chosen_is_cut_off(mongo: Any) -> tuple[str, ...]:
    mongo.at_step_down = lambda: mongo.partition(mongo.hosts()[1])
    return ("did not become primary",)


def stale_configuration(mongo: Any) -> tuple[str, ...]:
    def refuse(*_: Any) -> None:
        raise Refused(103, "New replica set configuration version must be greater than old")
    mongo.when("replSetReconfig", refuse)
    return ("103 NewReplicaSetConfigurationIncompatible",)


def not_allowed(mongo: Any) -> tuple[str, ...]:
    def refuse(*_: Any) -> None:
        raise Refused(13, "not authorized on admin to execute command")
    mongo.when("replSetFreeze", refuse)
    return ("13 Unauthorized",)


def frozen_one_is_gone(mongo: Any) -> tuple[str, ...]:
    mongo.when("replSetFreeze", lambda m, _: mongo.kill(mongo.hosts()[2]), 1)
    return ("replSetFreeze",)


def no_majority(mongo: Any) -> tuple[str, ...]:
    mongo.kill(mongo.hosts()[1])
    mongo.kill(mongo.hosts()[2])
    wait_until(lambda: mongo.primary() == "", 10, "the primary to step down")
    return ("no primary",)


FAULTS = {f.__name__: f for f in (
    lagging, nobody_catches_up, chosen_dies, chosen_is_cut_off, stale_configuration, not_allowed,
    frozen_one_is_gone, no_majority)}


@test(own=True, fault=tuple(FAULTS))
def test_failover_fault(t: Case) -> None:
    """A clear error, exit status 1, and the set as it was."""
    mongo = mongoset.simulated(t)
    sluice = mongoset.daemon(t, mongo, step_down="3s", catch_up="1s")
    before, primary = mongo.config(), mongo.primary()
    words = FAULTS[t.fault](mongo)
    refused(sluice.ctl("mongo", "failover", mongo.hosts()[1]), *words)
    if t.fault != "no_majority":
        assert mongo.primary() == primary, f"the primary is {mongo.primary()}"
        assert mongo.config() == before, f"the configuration is {mongo.config()}"
    assert set(mongo.frozen()) <= {h for h in mongo.hosts() if not mongo.at(h).alive}
    mongo.faults.clear()
    mongo.at_step_down = None
    for host in mongo.hosts():
        mongo.pause(host, False)
        mongo.partition(host, False)
        if not mongo.at(host).alive:
            mongo.revive(host)
    wait_until(lambda: mongo.config() == before, 10, "the set to be whole")
    status = wait_idle(sluice)
    assert status["ended"] == "undone", f"{status}"


@test(own=True)
def test_failover_although_the_primary_dies(t: Case) -> None:
    """Lost connections during a step-down are no failures: what counts is who is primary then."""
    mongo = mongoset.simulated(t)
    sluice = mongoset.daemon(t, mongo)
    old = mongo.primary()
    mongo.at_step_down = lambda: mongo.kill(old)
    sluice.ok("mongo", "failover", mongo.hosts()[1])
    assert mongo.primary() == mongo.hosts()[1]
    assert [m["priority"] for m in mongo.config()["members"]] == [1.0, 1.0, 1.0]


@test(own=True, code=(109, 103))
def test_failover_waits_for_other_changes(t: Case) -> None:
    """Somebody else changes the configuration at the same time: tried again."""
    mongo = mongoset.simulated(t)
    sluice = mongoset.daemon(t, mongo)

    def busy(*_: Any) -> None:
        if t.code == 103:      # another operator's change came first, and stays
            mongo.reconfigure(lambda c: c["members"][2].update(tags={"by": "other"}))
        raise Refused(t.code, "not now")
    mongo.when("replSetReconfig", busy, 2)
    sluice.ok("mongo", "failover", mongo.hosts()[1])
    assert mongo.primary() == mongo.hosts()[1]
    assert [m["priority"] for m in mongo.config()["members"]] == [1.0, 1.0, 1.0]
    if t.code == 103:
        assert mongo.config()["members"][2]["tags"] == {"by": "other"}


@test(own=True)
def test_failover_abort(t: Case) -> None:
    """While the others are frozen; a second manoeuvre and a cutover are refused meanwhile."""
    mongo = mongoset.simulated(t)
    sluice = mongoset.daemon(t, mongo)
    before, primary = mongo.config(), mongo.primary()
    held = mongo.hold("replSetFreeze")
    waiting = sluice.ctl_start("mongo", "failover", mongo.hosts()[1])
    assert held.reached.wait(60), "the freeze did not come"
    refused(sluice.ctl("mongo", "failover"), "under way")
    refused(sluice.ctl("cutover", "start", "b1"), "mongo failover")
    sluice.ok("mongo", "abort")
    held.release()
    out, err = waiting.communicate(timeout=60)
    assert waiting.returncode == 1 and "aborted by the operator" in out + err, f"{out} {err}"
    assert (mongo.config(), mongo.primary(), mongo.frozen()) == (before, primary, [])
    refused(sluice.ctl("mongo", "abort"), "nothing is under way")


# The command of each step; those behind the step-down are waited for when it has been done.
KILLED_AT = {"prefer": "replSetReconfig", "freeze": "replSetFreeze",
             "step_down": "replSetStepDown", "take_over": "update", "restore": "replSetReconfig"}


@test(own=True, step=tuple(KILLED_AT))
def test_failover_killed(t: Case) -> None:
    """kill -9 in the middle of a step: the next start makes the set whole, without a command."""
    mongo = mongoset.simulated(t)
    sluice = mongoset.daemon(t, mongo)
    before, chosen, primary = mongo.config(), mongo.hosts()[1], mongo.primary()
    held: list[Any] = []

    def hold() -> None:
        if not held:
            held.append(mongo.hold(KILLED_AT[t.step]))
    if t.step in ("take_over", "restore"):
        mongo.at_step_down = hold
    else:
        hold()
    waiting = sluice.ctl_start("mongo", "failover", chosen)
    wait_until(lambda: held and held[0].reached.is_set(), 20, f"the command of {t.step}")
    sluice.kill9()
    waiting.communicate(timeout=30)
    held[0].release()
    sluice.start()
    status = wait_idle(sluice)
    assert status["repair"], f"nothing was repaired: {status}"
    assert mongo.config() == before, f"{mongo.config()}"
    assert not mongo.frozen()
    # Undone, or finished where the chosen one had become primary before sluice was back.
    expected = [chosen] if status["ended"] == "done" else [primary]
    assert mongo.primary() in expected, f"{mongo.primary()}, {status}"
    assert t.step != "restore" or status["ended"] == "done", f"{status}"
    sluice.ok("mongo", "failover", mongo.hosts()[2])


@test(own=True)
def test_failover_ends_with_sluice(t: Case) -> None:
    """SIGTERM in the middle: undone before the daemon is gone."""
    mongo = mongoset.simulated(t)
    sluice = mongoset.daemon(t, mongo)
    before, primary = mongo.config(), mongo.primary()
    held = mongo.hold("replSetFreeze")
    waiting = sluice.ctl_start("mongo", "failover", mongo.hosts()[1])
    assert held.reached.wait(60), "the freeze did not come"
    sluice.signal(signal.SIGTERM)
    sluice.wait_log("event=stopping")
    held.release()
    sluice.stop()
    out, err = waiting.communicate(timeout=60)
    assert waiting.returncode == 1 and "shutting down" in out + err, f"{out} {err}"
    assert (mongo.config(), mongo.primary(), mongo.frozen()) == (before, primary, [])
    sluice.start()
    assert not sluice.ctl_json("mongo", "status")["repair"]


@test(own=True)
def test_forget(t: Case) -> None:
    """A set that does not come back keeps nobody from giving up, and the start from anything."""
    mongo = mongoset.simulated(t)
    sluice = mongoset.daemon(t, mongo)
    held = mongo.hold("replSetFreeze")
    waiting = sluice.ctl_start("mongo", "failover", mongo.hosts()[1])
    assert held.reached.wait(60)
    for host in mongo.hosts():
        mongo.kill(host)
    held.release()
    wait_until(lambda: sluice.ctl("mongo", "forget").code == 0, 30, "it to be stuck")
    out, err = waiting.communicate(timeout=60)
    assert waiting.returncode == 1 and "given up" in out + err, f"{out} {err}"
    refused(sluice.ctl("mongo", "forget"), "nothing is stuck")
    sluice.stop()
    sluice.start()
    refused(sluice.ctl("mongo", "abort"), "nothing is under way")


# --- status ---------------------------------------------------------------------------------------

@test(own=True, version=VERSIONS)
def test_status(t: Case) -> None:
    """Every member with what it says of itself; one that is gone is said to be."""
    mongo = mongoset.start(t, version=t.version)
    sluice = mongoset.daemon(t, mongo)
    found = sluice.ctl_json("mongo", "status")
    assert found["primary"] == mongo.primary() and found["set"] == mongo.name
    assert [m["member"] for m in found["members"]] == mongo.hosts()
    for member in found["members"]:
        leads = member["member"] == mongo.primary()
        assert member["state"] == ("PRIMARY" if leads else "SECONDARY")
        assert member["lag_seconds"] == 0 and member["votes"] == 1 and member["priority"] == "1"
        assert member["version"] and member["ping_us"] > 0 and member["storage_bytes"] > 0
    gone = next(h for h in mongo.hosts() if h != mongo.primary())
    mongo.kill(gone)
    wait_until(lambda: {m["member"]: m["state"] for m in sluice.ctl_json("mongo", "status")
                        ["members"]}[gone] == "DOWN", 30, "the dead member to be seen")
    assert "(not reachable" not in sluice.ok("mongo", "status").out


@test(own=True)
def test_status_counts_operations(t: Case) -> None:
    """Lag in seconds, and in operations of the primary's log."""
    mongo = mongoset.simulated(t)
    sluice = mongoset.daemon(t, mongo)
    mongo.pause(mongo.hosts()[2], behind=7)
    row = sluice.ctl_json("mongo", "status")["members"][2]
    assert row["lag_seconds"] == 7, f"{row}"
    assert row["lag_operations"] >= 1, f"{row}"


@test(own=True)
def test_socket_answers_while_a_server_hangs(t: Case) -> None:
    """show status does not wait for MongoDB, whatever hangs."""
    mongo = mongoset.start(t)
    sluice = mongoset.daemon(t, mongo)
    for host in mongo.hosts():
        mongo.hang(host)
    status, failover = sluice.ctl_start("mongo", "status"), sluice.ctl_start("mongo", "failover")
    t.defer(status.kill)
    t.defer(failover.kill)
    for _ in range(10):
        sluice.ok("show", "status")
    assert status.poll() is None, "mongo status has ended before ten looks elsewhere"
    for host in mongo.hosts():
        mongo.hang(host, False)
    status.communicate(timeout=60)
    failover.communicate(timeout=90)
    wait_idle(sluice)
    for host in mongo.hosts():
        mongo.hang(host)
    leaving = sluice.ctl_start("mongo", "status")
    t.defer(leaving.kill)
    wait_until(lambda: sluice.ok("show", "status"), 10, "an answer")
    sluice.stop()       # waits for no more than one of its commands
    leaving.communicate(timeout=30)


@test(own=True)
def test_without_a_set(t: Case) -> None:
    """mongo.uri is not set, names no set, or another one."""
    mongo = mongoset.start(t)
    plain = mongoset.daemon(t, mongo, uri="")
    for command in (("status",), ("failover",), ("remove", "db1")):
        refused(plain.ctl("mongo", *command), "mongo.uri is not set")
    assert plain.ctl("mongo", "add", "db 1").code == 2
    other = mongoset.daemon(t, mongo, uri=mongo.uri().replace(f"={mongo.name}", "=other"))
    refused(other.ctl("mongo", "status"), "other")
    refused(other.ctl("mongo", "failover"), "other")


# --- add and remove -------------------------------------------------------------------------------

@test(own=True, version=VERSIONS)
def test_add_and_remove(t: Case) -> None:
    """A larger member comes, is filled, votes, leads; the oldest goes."""
    mongo = mongoset.start(t, version=t.version)
    sluice = mongoset.daemon(t, mongo)
    before = mongo.config()
    new = mongo.spare().host
    said = sluice.ok("mongo", "add", new).err
    assert "SECONDARY" in said, f"{said}"
    after = mongo.config()
    assert after["members"][:3] == before["members"]
    assert (after["members"][3]["host"], after["members"][3]["priority"],
            after["members"][3]["votes"]) == (new, 1.0, 1)
    if hasattr(mongo, "history"):
        steps = [(m["priority"], m["votes"]) for h in mongo.history for m in h if m["host"] == new]
        assert steps == [(0.0, 0), (0.0, 1), (1.0, 1)], f"{steps}"
    old = mongo.primary()
    sluice.ok("mongo", "failover", new)
    sluice.ok("mongo", "remove", old)
    assert mongo.primary() == new
    assert [m["host"] for m in mongo.config()["members"]] == \
        [m["host"] for m in after["members"] if m["host"] != old]
    refused(sluice.ctl("mongo", "remove", new), "is the primary")
    refused(sluice.ctl("mongo", "remove", old), "not a member")


@test(own=True)
def test_add_refused(t: Case) -> None:
    """What is no empty server for this set is not attached, and nothing is changed."""
    mongo = mongoset.start(t)
    sluice = mongoset.daemon(t, mongo)
    version = mongo.version_of_config()
    standalone = mongo.spare(replica=False).host
    other = mongoset.start(t, count=1, **({} if mongoset.MONGOD else {"name": "other"})) \
        if not mongoset.MONGOD else None
    cases = [(standalone, "standalone"), (mongo.hosts()[1], "member already"),
             ("127.0.0.1:1", "does not answer")]
    if other is not None:
        cases.append((other.hosts()[0], "another set"))
    for host, word in cases:
        refused(sluice.ctl("mongo", "add", host), word)
    assert mongo.version_of_config() == version


@test(own=True)
def test_add_without_majority(t: Case) -> None:
    """Refused when the healthy ones would not do."""
    mongo = mongoset.simulated(t, count=5)
    sluice = mongoset.daemon(t, mongo)
    for host in mongo.hosts()[3:5]:
        mongo.kill(host)
    refused(sluice.ctl("mongo", "remove", mongo.hosts()[2]), "no majority")
    sluice.ok("mongo", "remove", mongo.hosts()[4])
    assert len(mongo.config()["members"]) == 4


@test(own=True, signal=("kill", "term"))
def test_add_resumes(t: Case) -> None:
    """sluice ends while the member is being filled; its next start goes on with it."""
    mongo = mongoset.simulated(t, sync_seconds=1000)
    sluice = mongoset.daemon(t, mongo)
    new = mongo.spare().host
    waiting = sluice.ctl_start("mongo", "add", new)
    wait_until(lambda: len(mongo.config()["members"]) == 4, 20, "the member to be attached")
    wait_until(lambda: "% of the data" in sluice.log_text(), 20, "progress")
    if t.signal == "kill":
        sluice.kill9()
    else:
        sluice.stop()
    waiting.communicate(timeout=30)
    assert len(mongo.config()["members"]) == 4, "the sync was thrown away"
    mongo.sync_seconds = 0.1
    sluice.start()
    status = wait_idle(sluice)
    assert (status["ended"], status["deed"]) == ("done", "add"), f"{status}"
    member = mongo.config()["members"][3]
    assert (member["host"], member["priority"], member["votes"]) == (new, 1.0, 1)


@test(own=True, how=("abort", "dies"))
def test_add_undone(t: Case) -> None:
    """Aborted, or the member dies while it is filled: it is taken out again."""
    mongo = mongoset.simulated(t, sync_seconds=1000)
    sluice = mongoset.daemon(t, mongo, step_down="2s", catch_up="1s")
    before, new = mongo.config(), mongo.spare().host
    waiting = sluice.ctl_start("mongo", "add", new)
    wait_until(lambda: len(mongo.config()["members"]) == 4, 20, "the member to be attached")
    if t.how == "abort":
        sluice.ok("mongo", "abort")
    else:
        mongo.kill(new)
    out, err = waiting.communicate(timeout=90)
    assert waiting.returncode == 1, f"{out} {err}"
    assert ("aborted" if t.how == "abort" else "has been away") in out + err, f"{out} {err}"
    assert mongo.config() == before


# --- the simulator's honesty ----------------------------------------------------------------------

def shape(value: Any, depth: int = 0) -> Any:
    """Names and kinds of values, as extended JSON shows them."""
    if isinstance(value, dict):
        if len(value) == 1 and next(iter(value)).startswith("$"):
            return next(iter(value))
        return {k: shape(v, depth + 1) for k, v in value.items()} if depth < 4 else "{}"
    if isinstance(value, list):
        return [shape(value[0], depth + 1)] if value else []
    return type(value).__name__


RECORDED = {
    "059-isMaster-primary-3": ("isMaster", 0), "060-isMaster-secondary-3": ("isMaster", 1),
    "061-replSetGetStatus-primary-3": ("replSetGetStatus", 0),
    "062-replSetGetStatus-secondary-3": ("replSetGetStatus", 1),
    "063-replSetGetConfig-3": ("replSetGetConfig", 0),
    "054-err-reconfig-on-secondary": ("replSetReconfig", 1),
    "070-err-stepdown-on-secondary": ("replSetStepDown", 1),
    "073-err-freeze-on-primary": ("replSetFreeze", 0),
    "074-freeze-on-secondary": ("replSetFreeze", 1),
    "079-stepup-on-primary": ("replSetStepUp", 0),
}
# What the simulator leaves out on purpose: nobody here reads it.
LEFT_OUT = {"lastStableCheckpointTimestamp"}


@test(own=True)
def test_simulator_is_honest(t: Case) -> None:
    """Fields and kinds are those that a real server's recorded replies have."""
    mongo = mongoset.simulated(t)
    t.need(mongoset.RECORDINGS, "recordings of a real server (MONGO_REPLIES)")
    assert mongoset.RECORDINGS is not None
    compared = 0
    for name, (command, member) in RECORDED.items():
        recorded = json.loads((mongoset.RECORDINGS / f"{name}.json").read_text())
        said = mongoset.ask(mongo, member, command, recorded["command"])
        real, ours = (shape(r) for r in (recorded["reply_canonical"], said))
        for key in LEFT_OUT:
            real.pop(key, None)
        assert mongoset.differences(real, ours) == [], \
            f"{name}: {mongoset.differences(real, ours)}"
        if not real.get("errmsg") and "code" in said:
            raise AssertionError(f"{name}: refused with {said}")
        compared += 1
    assert compared == len(RECORDED)


# --- behind a cutover -----------------------------------------------------------------------------

@test(own=True, deadline=120)
def test_follows_a_cutover(t: Case) -> None:
    """cutover.mongo: after the release, on the same stream of events; not after a dry run."""
    mongo = mongoset.start(t)
    old, new = t.pair(both_ways=True)
    chosen = mongo.hosts()[2]
    sluice = t.sluice(old, new, cutover={"watch": "0s", "mongo": chosen},
                      mongo={**mongoset.SETTINGS, "uri": mongo.uri()})
    events = sluice.ctl_start("events", "--timeout", "60s")
    t.defer(events.kill)
    before = mongo.primary()
    sluice.ok("cutover", "start", "b1", "--dry-run")
    sluice.ok("cutover", "start", "b1")
    wait_until(lambda: mongo.primary() == chosen, 30, "the failover behind the cutover")
    status = wait_idle(sluice)
    assert (status["ended"], status["by"], status["from"]) == ("done", "the cutover", before)
    sluice.stop()
    seen = events.communicate(timeout=30)[0]
    for word in ("cutover_ended", "mongo_ended", f"host={chosen}"):
        assert word in seen, f"{word} is not among the events: {seen[-2000:]}"
