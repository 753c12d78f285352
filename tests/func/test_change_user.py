"""COM_CHANGE_USER and COM_RESET_CONNECTION around a move: who is let in, and what is left behind.

After a move the scramble that the client knows is not the one of its link. The password of the new
user must be checked by the server all the same, and a refusal must be the server's own.
"""
from __future__ import annotations

import os
import signal
from typing import Any

from lib import servers, tls
from lib.case import Case, test
from lib.moving import Trio, same
from lib.raw import Raw, packet, sha2_answer
from lib.servers import Server
from lib.sluice import Sluice, table_of
from lib.states import USERS
from lib.talk import Driver, MySQLdbSession, RawSession, Session
from lib.util import wait_until

FAMILIES = ("mariadb", "mysql")
CLIENT_TLS = {"mode": "preferred", "cert": str(tls.SLUICE.cert), "key": str(tls.SLUICE.key)}
# libmariadb answers to the first scramble of the connection, for which the account must be known.
DRIVERS = ("mysqldb", "php-mysqli", "node-mysql2", "raw-text", "raw-binary", "raw-track")
ME = "SELECT CURRENT_USER(), DATABASE(), @a, @@time_zone"
PASSWORD = "of-nobody-else"
STATE = ("SET @a = 5", "SET time_zone = '+03:00'", "SET SESSION net_write_timeout = 77",
         ("prepare", "p", "SELECT 42"), "SET NAMES latin1")
# What COM_RESET_CONNECTION must have ended, read.
AFTER = ("SELECT @a, @@time_zone, @@net_write_timeout, @@character_set_client, CURRENT_USER()",
         ("execute", "p"))


def account(server: Server, name: str, password: str = PASSWORD, plugin: str = "") -> None:
    how = f"WITH {plugin} BY" if plugin else servers.IDENTIFIED[server.family]
    server.sql(f"CREATE USER {name}@'%' IDENTIFIED {how} '{password}'" if password
               else f"CREATE USER {name}@'%'")
    server.sql(f"GRANT ALL ON *.* TO {name}@'%'")


def on_all(stage: Trio, name: str, password: str = PASSWORD, plugin: str = "") -> None:
    """The same account everywhere, and its password in the twin server's cache."""
    for server in (stage.active[1], stage.third):
        account(server, name, password, plugin)
    servers.caught_up(stage.idle[1], stage.active[1])


class Two:
    """A session that moves and its twin, which must answer alike."""

    def __init__(self, stage: Trio, driver: Driver, user: str = "app"):
        self.moved, self.twin = (driver.open(port, user, USERS[user], "app")
                                 for port in (stage.sluice.port, stage.third.port))

    def both(self, *actions: Any) -> None:
        for action in actions:
            moved, twin = self.moved.do(action), self.twin.do(action)
            assert same(moved, twin), \
                f"{action}: moved {moved.shown()}, direct {twin.shown()}"

    def close(self) -> None:
        for one in (self.moved, self.twin):
            one.close()


def driver_of(t: Case) -> Driver:
    made = Driver(t.driver)
    t.defer(made.close)
    return made


@test(deadline=90, own=True, family=FAMILIES, driver=DRIVERS)
def test_after_move(t: Case) -> None:
    """Every kind of account, known to sluice or not, there and back."""
    stage = Trio(t)
    on_all(stage, "unseen")         # sluice has never met it, the control account has
    read = stage.sluice.ctl_json("show", "accounts")["reader"]["accounts"]
    stage.sluice.ok("reload")
    wait_until(lambda: stage.sluice.ctl_json("show", "accounts")["reader"]["accounts"] > read, 5,
               "the accounts to be read again")
    on_all(stage, "nopw", "")
    if t.family == "mysql":
        on_all(stage, "sha256", plugin="sha256_password")
    two = Two(stage, driver_of(t))
    others: list[tuple[str, str]] = [("other", USERS["other"]), ("unseen", PASSWORD),
                                     ("nopw", ""), ("app", USERS["app"])]
    if t.family == "mysql" and t.driver.startswith("raw"):
        others.append(("sha256", PASSWORD))
    for user, password in others:
        two.both("SET @a = 5", "SET time_zone = '+03:00'")
        stage.move()
        two.both(("change_user", user, password, "app"), ME)
    stage.move()
    two.both(ME)


@test(deadline=90, own=True, family=FAMILIES, driver=("mysqldb", "php-mysqli", "raw-text"))
def test_wrong_password(t: Case) -> None:
    """The server's own words, and the connection's fate is what it is directly."""
    stage = Trio(t)
    driver = driver_of(t)
    for user in ("other", "nobody"):
        two = Two(stage, driver)
        stage.move()
        moved, twin = (one.do(("change_user", user, "wrong", "app"))
                       for one in (two.moved, two.twin))
        assert moved.error and moved.error == twin.error, f"{moved.shown()}, not {twin.shown()}"
        lives = [not one.do("SELECT 1").lost for one in (two.moved, two.twin)]
        assert lives[0] == lives[1], f"{user}: the session lives: {lives[0]}, directly {lives[1]}"
        two.close()


@test(own=True, family=FAMILIES)
def test_held(t: Case) -> None:
    """A change of user that waits at the gate while the server moves."""
    stage = Trio(t)
    two = Two(stage, Driver("raw-text"))
    two.both("SET @a = 5")
    stage.pause()
    assert isinstance(two.moved, RawSession)
    two.moved.begin(("change_user", "other", USERS["other"], "app"))
    stage.sluice.wait_count("held", 1)
    stage.repoint()
    answer, direct = two.moved.end(), two.twin.do(("change_user", "other", USERS["other"], "app"))
    assert same(answer, direct), f"{answer.shown()}, not {direct.shown()}"
    two.both(ME)


def dirty(session: Session) -> None:
    for action in STATE:
        answer = session.do(action)
        assert answer.error is None, f"{action}: {answer.shown()}"


def compared(stage: Trio, two: Two) -> None:
    stage.move()
    two.both(*AFTER)
    two.close()


@test(own=True, family=("mariadb",))
def test_refused_and_moved(t: Case) -> None:
    """MariaDB goes on after a refusal, as the old user, but what the session had is gone."""
    stage = Trio(t)
    two = Two(stage, Driver("raw-text"))
    for one in (two.moved, two.twin):
        dirty(one)
    two.both(("change_user", "other", "wrong", "app"), "SET @b = 1")
    two.both("SET SESSION net_read_timeout = 99")
    stage.move()
    two.both(*AFTER, "SELECT @b, @@net_read_timeout")


@test(own=True, family=FAMILIES, how=("reset_connection", "change_user"))
def test_standby_forgets(t: Case) -> None:
    """A standby link that had been made alike already has nothing of what a reset ended."""
    stage = Trio(t, log={"level": "debug"})
    two = Two(stage, Driver("raw-text"))
    for one in (two.moved, two.twin):
        dirty(one)
    stage.sluice.ok("warm", stage.idle[0])
    wait_until(lambda: "to=VERIFIED" in stage.sluice.log_text(), 10, "the session to be captured")
    two.both(("reset_connection",) if t.how == "reset_connection"
             else ("change_user", "app", USERS["app"], "app"))
    compared(stage, two)


@test(own=True, family=FAMILIES)
def test_standby_waits_for_the_answer(t: Case) -> None:
    """A reset is on its way to a slow server: a standby link that was made anew before the answer
    was made like the session of before, variables that nobody compares included."""
    stage = Trio(t)
    two = Two(stage, Driver("raw-text"))
    for one in (two.moved, two.twin):
        dirty(one)
    stage.sluice.ok("warm", stage.idle[0])
    slow = stage.active[1].process
    assert slow is not None and isinstance(two.moved, RawSession)
    os.kill(slow.pid, signal.SIGSTOP)
    try:
        two.moved.begin(("reset_connection",))
        for _ in range(60):     # time for a standby link to be made: some tens of milliseconds
            stage.sluice.sessions()
    finally:
        os.kill(slow.pid, signal.SIGCONT)
    answer = two.moved.end()
    assert same(answer, two.twin.do(("reset_connection",))), answer.shown()
    compared(stage, two)


# --- learning from it ---------------------------------------------------------------------------

def accounts(sluice: Sluice) -> dict[str, tuple[bool, int]]:
    """User to: could it be moved, and its sessions."""
    rows = table_of(sluice.ctl_json("show", "accounts"), "accounts")
    return {row["user"]: (row["movable"], row["sessions"]) for row in rows}


def movable(sluice: Sluice, user: str) -> bool:
    return accounts(sluice).get(user, (False, 0))[0]


def warm_cache(server: Server, user: str) -> None:
    """A full login directly, so that the server takes the short way afterwards."""
    server.connect(user, PASSWORD).close()


class Asked(Raw):
    """A client on the unix socket, where a password goes in clear when it is asked for."""

    def _finish_login(self, password: str) -> None:
        self._follow(password.encode(), password.encode() + b"\0")

    def change(self, user: str, says: bytes) -> list[bytes]:
        """All that it is told; `says` is its answer to the question."""
        assert self.greeting is not None
        answer = sha2_answer(PASSWORD.encode(), self.greeting.scramble)
        self.command(17, user.encode() + b"\0" + bytes([len(answer)]) + answer + b"app\0\x2d\0"
                     b"caching_sha2_password\0")
        return self._follow(PASSWORD.encode(), says)

    def _follow(self, password: bytes, says: bytes) -> list[bytes]:
        told: list[bytes] = []
        while not told or told[-1][:1] not in (b"\0", b"\xff"):
            seq, payload = self.read()
            told.append(payload)
            if payload[:1] == b"\xfe":
                scramble = payload[1:].partition(b"\0")[2][:20]
                self.send(packet(seq + 1, sha2_answer(password, scramble)))
            elif payload[:2] == b"\x01\x04":
                self.send(packet(seq + 1, says))
        return told


@test(own=True, family=("mysql",))
def test_asks_for_the_password(t: Case) -> None:
    """The server took the short way, and sluice does not know the password: it asks, and learns."""
    servers_ = [t.own_server(), t.own_server(server_id=2)]
    for server in servers_:
        account(server, "unseen")
    sluice = t.sluice(*servers_)
    warm_cache(servers_[0], "unseen")
    link = Asked(str(sluice.unix))
    link.login("app", servers.APP[1], "app")
    told = link.change("unseen", b"not the password\0")
    assert told[-1][:1] == b"\0", f"it is in, whatever it answers to us: {told}"
    assert [b"\x01\x04"] == [p for p in told if p[:1] == b"\x01"], told
    assert link.query("SELECT CURRENT_USER()") == [["unseen@%"]]
    assert accounts(sluice) == {"app": (True, 0), "unseen": (False, 1)}, "the session is another's"
    told = link.change("unseen", PASSWORD.encode() + b"\0")
    assert told[-1][:1] == b"\0" and link.query("SELECT CURRENT_USER()") == [["unseen@%"]]
    wait_until(lambda: movable(sluice, "unseen"), 5, "the password to be known")
    assert accounts(sluice) == {"app": (True, 0), "unseen": (True, 1)}
    sluice.ok("reload")
    assert accounts(sluice) == {"app": (True, 0), "unseen": (True, 1)}, "a reload forgets nothing"
    told = link.change("unseen", b"")
    assert b"\x01\x04" not in told and b"\x01\x03" in told, f"it is known now: {told}"
    sluice.ok("pause")
    sluice.ok("repoint", "b1")
    sluice.ok("resume")
    assert link.query("SELECT CURRENT_USER()") == [["unseen@%"]]
    link.close()


@test(own=True, family=("mysql",))
def test_asks_over_tls(t: Case) -> None:
    """The same with a driver that has TLS: its sessions move from then on."""
    stage = Trio(t, client_tls=CLIENT_TLS)
    on_all(stage, "unseen")
    warm_cache(stage.old, "unseen")
    session = TlsSession(stage.sluice.port, "app", USERS["app"], "app")
    assert session.do(("change_user", "unseen", PASSWORD, "app")).error is None
    assert session.do("SET @a = 5").error is None
    assert movable(stage.sluice, "unseen")
    stage.move()
    answer = session.do(ME)
    assert answer.error is None and b"unseen@%" in str(answer.value).encode(), answer.shown()
    session.close()


class TlsSession(MySQLdbSession):
    """Over TLS."""

    def __init__(self, port: int, user: str, password: str, database: str):
        import MySQLdb
        self.link = MySQLdb.connect(host="127.0.0.1", port=port, user=user, passwd=password,
                                    db=database, ssl={"ca": str(tls.CA.cert)})
        self.thread_id = self.link.thread_id()
