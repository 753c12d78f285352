"""What stops a cutover: each time with a reason, traffic back on the old master, and a journal that
tells the story (lib/stopping.py says what is looked at)."""
from __future__ import annotations

from lib.case import Case, test
from lib.db import run
from lib.stopping import Stopping
from lib.util import PATIENCE, Background, wait_until

FAMILIES = ("mariadb", "mysql")
BROKEN = ("Duplicate entry", "failed executing transaction")    # MariaDB, MySQL
PATIENT = {"rules": [{"match": {"user": "app"}, "wait": "1h", "then": "wait"}]}


def replica(s: Stopping, verb: str, what: str = "") -> None:
    s.new.sql(f"{verb} {'REPLICA' if s.mysql else 'SLAVE'} {what}")


def on_target(s: Stopping, statement: str, logged: bool = False) -> None:
    """As an administrator past read_only."""
    if s.mysql:
        s.new.sql("SET GLOBAL super_read_only = 0")
    s.new.sql(f"SET SESSION sql_log_bin = {int(logged)}")
    s.new.sql(statement)
    s.new.sql("SET SESSION sql_log_bin = 1")
    if s.mysql:
        s.new.sql("SET GLOBAL super_read_only = 1")


def mend_replica(s: Stopping) -> None:
    on_target(s, "DELETE FROM app.extra")
    replica(s, "STOP")
    replica(s, "START")


# --- before anybody waits -----------------------------------------------------------------------

def lag(s: Stopping) -> None:
    lock = s.new.connect()
    run(lock, "FLUSH TABLES app.ledger WITH READ LOCK")
    s.refused("did not get within cutover.max_lag (3s)", "preflight")
    lock.close()


def broken_replica(s: Stopping) -> None:
    on_target(s, "INSERT INTO app.extra VALUES (1)")
    s.old.sql("INSERT INTO app.extra VALUES (1)")
    wait_until(lambda: BROKEN[s.mysql] in str(
        s.sluice.ctl_json("show", "backends")["backends"]), 20, "the replica to break")
    s.refused(BROKEN[s.mysql], "preflight")
    mend_replica(s)


def hung_from_the_start(s: Stopping) -> None:
    for server, words in ((s.new, "b1 cannot be asked"), (s.old, "b0 cannot be asked")):
        with s.stopped(server):
            running = s.begin()
            running.wait(60 * PATIENCE)
        s.over(running, words, "preflight", timed=False)    # who is slow is the server


def errant(s: Stopping) -> None:
    on_target(s, "INSERT INTO app.extra VALUES (77)", logged=True)
    s.refused("b1 has transactions that b0 never had", "preflight")


@test(deadline=90, own=True, family=FAMILIES)
def test_before_anybody_waits(t: Case) -> None:
    s = Stopping(t)
    lag(s)
    broken_replica(s)
    hung_from_the_start(s)
    errant(s)
    s.crew.end()
    s.crew.verify(s.old)


# --- while clients are held ---------------------------------------------------------------------

class Open:
    """A transaction that the drain waits for."""

    def __init__(self, s: Stopping, value: int):
        self.s = s
        self.client = s.sluice.connect()
        run(self.client, "BEGIN")
        run(self.client, f"INSERT INTO app.extra VALUES ({value})")

    def end(self, verb: str = "COMMIT") -> None:
        run(self.client, verb)
        self.client.close()


def no_go(s: Stopping) -> None:
    running = s.begin("--ask")
    s.wait_state("asking")
    s.sluice.ok("cutover", "no-go")
    s.over(running, "no-go, said the operator", "ask")


def nobody_says_go(s: Stopping) -> None:
    s.refused("the budget of 3 s is used up: nobody said go", "ask", "--ask")


def failing_check(s: Stopping) -> None:
    for checks, words in (([{"name": "rows", "sql": "SELECT 1", "expect": "2"}],
                           "the check \"rows\" failed: it gave 1, expected 2"),
                          ([{"name": "slow", "command": "sleep 600", "timeout": "10m"}],
                           "the budget of 3 s is used up: the check \"slow\" failed")):
        s.sluice.settings["cutover"]["checks"] = checks
        s.sluice.write_config()
        s.sluice.ok("reload")
        s.refused(words, "verify")
    s.sluice.settings["cutover"]["checks"] = []
    s.sluice.write_config()
    s.sluice.ok("reload")


def budget_used_up(s: Stopping) -> None:
    work = Open(s, 2)
    s.refused("the budget of 3 s is used up: 1 sessions are still at work", "drain")
    work.end()
    assert s.old.one("SELECT COUNT(*) FROM app.extra WHERE id = 2") == 1


def replica_breaks_in_the_middle(s: Stopping) -> None:
    on_target(s, "INSERT INTO app.extra VALUES (3)")
    work = Open(s, 3)
    running = s.begin()
    s.wait_step("drain")
    work.end()
    s.over(running, BROKEN[s.mysql], "catch_up")
    mend_replica(s)


def console_with_a_lock(s: Stopping) -> None:
    """Administrators stay in; one that the fence waits for is named. MariaDB does not tell which of
    those at rest it is."""
    console = s.old.connect("root", "", unix_socket=str(s.old.socket))
    for how in ("LOCK TABLES app.extra WRITE", "INSERT INTO app.extra SELECT SLEEP(60) + 99"):
        work = Background(run, console, how)
        if how.startswith("LOCK"):
            work.result()
        else:
            wait_until(lambda: s.old.sql("SELECT 1 FROM information_schema.PROCESSLIST WHERE INFO"
                                         " LIKE 'INSERT INTO app.extra%%'"), 10, "the statement")
        known = s.mysql or not how.startswith("LOCK")
        s.refused(f" {console.thread_id()} (root" if known else "(root@localhost", "fence")
        if how.startswith("LOCK"):
            run(console, "UNLOCK TABLES")
        else:
            s.old.sql(f"KILL QUERY {console.thread_id()}")
            work.wait()
    console.close()


@test(deadline=120, own=True, family=FAMILIES)
def test_while_clients_are_held(t: Case) -> None:
    s = Stopping(t, drain=PATIENT)
    no_go(s)
    nobody_says_go(s)
    failing_check(s)
    budget_used_up(s)
    replica_breaks_in_the_middle(s)
    console_with_a_lock(s)
    s.end()


@test(deadline=60, own=True, family=FAMILIES)
def test_a_global_read_lock(t: Case) -> None:
    """Not even accounts can be locked then: who holds it is named, and nothing had to be undone."""
    s = Stopping(t, load=False)
    console = s.old.connect("root", "", unix_socket=str(s.old.socket))
    run(console, "FLUSH TABLES WITH READ LOCK")
    client = s.sluice.connect()
    s.refused(f" {console.thread_id()} (root@localhost" if s.mysql else "(root@localhost", "fence")
    assert run(client, "SELECT 1") == [(1,)]
    run(console, "UNLOCK TABLES")
    s.end()


# --- servers and networks that stand still ------------------------------------------------------

def target_hangs_while_asked(s: Stopping) -> None:
    """Whatever it does: its accounts are locked, so traffic goes back without it."""
    running = s.begin("--ask")
    s.wait_state("asking")
    with s.stopped(s.new):
        s.sluice.ok("cutover", "no-go")
        s.wait_open()
        s.measure("the target hangs while the operator is asked")
        assert s.status()["state"] != "idle", "what is to be done on the target is not forgotten"
    s.over(running, "no-go, said the operator", "ask")


def target_hangs_in_the_drain(s: Stopping) -> None:
    work = Open(s, 4)
    running = s.begin()
    s.wait_step("drain")
    with s.stopped(s.new):
        work.end()
        s.wait_open()
        s.measure("the target hangs before it has caught up")
    s.over(running, "b1", "catch_up")


def old_hangs_in_the_drain(s: Stopping) -> None:
    """Nothing has been done to it: the gate opens without its word."""
    work = Open(s, 5)
    running = s.begin()
    s.wait_step("drain")
    with s.stopped(s.old):
        running.wait(60 * PATIENCE)
        assert not s.sluice.ctl_json("show", "status")["gate"]["closed"]
    work.end()
    # That one, and whoever had sent something when the server was stopped.
    s.over(running, "sessions are still at work", "drain", timed=False)


def old_hangs_while_asked(s: Stopping) -> None:
    """It is fenced, and only it can say that it is open again: clients wait for that."""
    running = s.begin("--ask")
    s.wait_state("asking")
    with s.stopped(s.old):
        s.sluice.ok("cutover", "go")
        s.wait_state("stuck")
        assert s.sluice.ctl_json("show", "status")["gate"]["closed"]
    s.wait_open()
    # Before anything of the release was announced: nothing of it has failed.
    s.over(running, "the fence of b0 does not hold: b0 does not answer", timed=False)


@test(deadline=120, own=True, family=FAMILIES)
def test_hung_servers(t: Case) -> None:
    s = Stopping(t, drain=PATIENT)
    target_hangs_while_asked(s)
    target_hangs_in_the_drain(s)
    old_hangs_in_the_drain(s)
    old_hangs_while_asked(s)
    s.end()


def network_stalls(s: Stopping, server: int, words: bytes, step: str) -> None:
    """From the statement with these words on; it arrives when all is over, and does no harm."""
    relay = s.relays[server]
    reason = f"b{server} does not answer"
    running = s.begin()
    relay.stall(words)
    wait_until(lambda: relay.stalled.is_set() or running.poll() is not None, 30, f"{words!r}")
    assert relay.stalled.is_set(), f"{words!r} was not sent: {running.communicate()}"
    if server == 1:
        s.wait_open()
        s.measure(f"the target's network stalls at {words.decode()}")
    else:
        s.wait_state("stuck")
    relay.flow()
    s.over(running, reason, step, timed=server == 1)


@test(deadline=120, own=True, family=FAMILIES)
def test_stalled_network(t: Case) -> None:
    s = Stopping(t, relayed=True)
    super_ = b"super_" if s.mysql else b""
    for server, words, step in ((1, b"SET GLOBAL read_only = 0", "promote"),
                                (0, b"SET GLOBAL " + super_ + b"read_only = 1", "fence"),
                                (0, b" ACCOUNT LOCK", "fence")):
        network_stalls(s, server, words, step)
    s.end()
