"""A MongoDB replica set in one process: members with ports of their own, elections, replication,
lag, initial sync, freezes, priorities, configurations with version and term, retryable writes, and
faults.

The fields, codes and words of its replies are those that a real server was seen to give (4.0), or
is documented to give (6.0); test_mongo.py holds them to recordings where there are some. Its clocks
are faster: an election takes ELECTION seconds, not ten.
"""
from __future__ import annotations

import datetime
import threading
import time
from typing import Any, Callable, Optional

import bson
from bson.int64 import Int64
from bson.objectid import ObjectId
from bson.son import SON
from bson.timestamp import Timestamp

from lib.mongowire import Door, Hangup, Peer, Scram, Silence

ELECTION = 0.25        # after a primary is gone; 10 s in a real set
HANDOFF = 0.02         # after a step-down, to a member that is caught up
TAKEOVER = 4.0         # until a member with a higher priority stands
LOSE_MAJORITY = 0.3    # until a primary without a majority steps down
HEARTBEAT = 0.03       # until a member has a new configuration
TICK = 0.004

PRIMARY, SECONDARY, STARTUP2, DOWN, REMOVED = 1, 2, 5, 8, 10
STATES = {0: "STARTUP", 1: "PRIMARY", 2: "SECONDARY", 5: "STARTUP2", 7: "ARBITER",
          8: "(not reachable/healthy)", 10: "REMOVED"}
CODES = {2: "BadValue", 13: "Unauthorized", 18: "AuthenticationFailed", 59: "CommandNotFound",
         64: "WriteConcernFailed", 74: "NodeNotFound", 76: "NoReplicationEnabled",
         93: "InvalidReplicaSetConfig", 94: "NotYetInitialized", 95: "NotSecondary",
         103: "NewReplicaSetConfigurationIncompatible", 109: "ConfigurationInProgress",
         125: "CommandFailed", 189: "PrimarySteppedDown", 262: "ExceededTimeLimit",
         308: "CurrentConfigNotCommittedYet", 10107: "NotMaster", 13435: "NotMasterNoSlaveOk",
         11000: "DuplicateKey"}
RETRYABLE = {91, 189, 10107, 11600, 11602, 13435, 13436, 64}


class Refused(Exception):
    """An answer with ok: 0."""

    def __init__(self, code: int, text: str):
        super().__init__(text)
        self.code = code
        self.text = text


def refused_reply(code: int, text: str, modern: bool) -> dict[str, Any]:
    reply = SON([("ok", 0.0), ("errmsg", text), ("code", code), ("codeName", CODES.get(code, "?"))])
    if modern and code in RETRYABLE:
        reply["errorLabels"] = ["RetryableWriteError"]
    return reply


class Entry:
    """One operation of the log."""

    def __init__(self, ts: Timestamp, term: int, namespace: str, key: Any, document: Any,
                 retry: Any, result: Any):
        self.ts, self.term, self.namespace = ts, term, namespace
        self.key, self.document, self.retry, self.result = key, document, retry, result


class Member:
    """One server."""

    def __init__(self, world: "Sim", number: int, replica: bool = True):
        self.world = world
        self.number = number
        self.replica = replica           # started with --replSet
        self.state = 0
        self.config: Any = None
        self.applied = 0                 # entries of the world's log that it has
        self.docs: dict[str, dict[Any, Any]] = {}
        self.docs_at = 0
        self.alive, self.hung, self.cut, self.paused = True, False, False, False
        self.behind = 0                  # seconds that a paused member says it is behind
        self.frozen_until = 0.0
        self.no_stand_until = 0.0
        self.sync = 0.0
        self.seen_config_at = 0.0
        self.lonely_since = 0.0
        self.began = time.time()
        self.door = Door(self._handle)
        self.port = self.door.port
        self.host = f"127.0.0.1:{self.port}"

    def _handle(self, peer: Peer, database: str, command: "SON[str, Any]") -> dict[str, Any]:
        return self.world.handle(self, peer, database, command)

    @property
    def me(self) -> Any:
        """Its own entry in its configuration."""
        if self.config is None:
            return None
        return next((m for m in self.config["members"] if m["host"] == self.host), None)


class Held:
    """A command that waits in the simulator."""

    def __init__(self, sim: "Sim"):
        self.sim = sim
        self.reached = threading.Event()
        self.released = False

    def wait(self) -> None:
        self.reached.set()
        while not self.released and not self.sim.stopped:
            self.sim.changed.wait(0.05)

    def release(self) -> None:
        with self.sim.lock:
            self.released = True
            self.sim.changed.notify_all()


class Sim:
    """The set. Methods of the second half are what tests do to it."""

    def __init__(self, count: int = 3, version: str = "4.0.10", name: str = "rs0",
                 users: Optional[dict[str, str]] = None, arbiter: bool = False,
                 sync_seconds: float = 0.4):
        self.name = name
        self.version = version
        parts = [int(p) for p in version.split(".")]
        self.modern = parts[:2] >= [4, 4]
        self.wire = {(3, 6): 6, (4, 0): 7, (4, 2): 8, (4, 4): 9}.get(tuple(parts[:2]), 17)
        self.users = users or {}
        self.sync_seconds = sync_seconds
        self.lock = threading.RLock()
        self.changed = threading.Condition(self.lock)
        self.log: list[Entry] = []
        self.retries: dict[Any, int] = {}
        self.term = 1
        self.increment = (0, 0)
        self.leaderless_since = 0.0
        self.handoff = False
        self.challenged_since = 0.0
        self.elections: list[str] = []
        self.faults: list[Callable[[Member, "SON[str, Any]"], None]] = []
        self.at_step_down: Optional[Callable[[], None]] = None
        self.history: list[Any] = []     # every configuration's members
        self.stopped = False
        self.members: list[Member] = [Member(self, i) for i in range(count)]
        self.set_id = ObjectId()
        self._initiate(arbiter)
        threading.Thread(target=self._run, daemon=True).start()

    # --- configuration ------------------------------------------------------------------------

    def member_config(self, number: int, host: str, **fields: Any) -> "SON[str, Any]":
        delay = "secondaryDelaySecs" if self.wire >= 13 else "slaveDelay"
        base = SON([("_id", number), ("host", host), ("arbiterOnly", False),
                    ("buildIndexes", True), ("hidden", False), ("priority", 1.0), ("tags", SON()),
                    (delay, Int64(0)), ("votes", 1)])
        base.update(fields)
        return base

    def _initiate(self, arbiter: bool) -> None:
        config = SON([("_id", self.name), ("version", 1)])
        if self.modern:
            config["term"] = Int64(self.term)
        config["protocolVersion"] = Int64(1)
        config["writeConcernMajorityJournalDefault"] = True
        config["members"] = [self.member_config(m.number, m.host) for m in self.members]
        if arbiter:
            config["members"][-1].update(arbiterOnly=True, priority=0.0)
        config["settings"] = SON([
            ("chainingAllowed", True), ("heartbeatIntervalMillis", 2000),
            ("heartbeatTimeoutSecs", 10), ("electionTimeoutMillis", 10000),
            ("catchUpTimeoutMillis", -1), ("catchUpTakeoverDelayMillis", 30000),
            ("getLastErrorModes", SON()),
            ("getLastErrorDefaults", SON([("w", 1), ("wtimeout", 0)])),
            ("replicaSetId", self.set_id)])
        for m in self.members:
            m.config = config
            m.state = 7 if m.me["arbiterOnly"] else SECONDARY
        self.members[0].state = PRIMARY
        self._append("", None, None, None, None)

    def leader(self) -> Optional[Member]:
        found = [m for m in self.members if m.state == PRIMARY and m.alive]
        return max(found, key=lambda m: m.config["version"]) if found else None

    def _reaches(self, a: Member, b: Member) -> bool:
        return a is b or (a.alive and b.alive and not a.cut and not b.cut
                          and not a.hung and not b.hung)

    def _of_host(self, host: str) -> Optional[Member]:
        return next((m for m in self.members if m.host == host), None)

    def _voters(self, of: Member) -> list[Member]:
        """The voters of its configuration that it reaches."""
        found = []
        for entry in of.config["members"]:
            m = self._of_host(entry["host"])
            if entry["votes"] and m is not None and self._reaches(of, m) and m.me is not None \
                    and m.state in (PRIMARY, SECONDARY, 7):
                found.append(m)
        return found

    @staticmethod
    def _majority(config: Any) -> int:
        return sum(1 for m in config["members"] if m["votes"]) // 2 + 1

    # --- time passes --------------------------------------------------------------------------

    def _run(self) -> None:
        while not self.stopped:
            with self.lock:
                now = time.monotonic()
                self._spread_config(now)
                self._replicate()
                self._lose(now)
                self._elect(now)
                self.changed.notify_all()
            time.sleep(TICK)

    def _spread_config(self, now: float) -> None:
        leader = self.leader()
        if leader is None:
            return
        for m in self.members:
            if m is leader or not self._reaches(leader, m) or not m.replica:
                continue
            if m.config is not None and m.config["_id"] != leader.config["_id"]:
                continue
            listed = any(e["host"] == m.host for e in leader.config["members"])
            known = (m.config or {}).get("version", 0)
            if known >= leader.config["version"] or (not listed and m.config is None):
                continue
            if now - leader.seen_config_at < HEARTBEAT:
                continue
            was = m.me
            m.config = leader.config
            if m.me is None:
                m.state = REMOVED
            elif was is None:
                m.state, m.sync, m.applied, m.docs_at, m.docs = STARTUP2, 0.0, 0, 0, {}

    def _replicate(self) -> None:
        leader = self.leader()
        for m in self.members:
            if leader is None or not self._reaches(leader, m) or m.paused or m.me is None:
                continue
            if m.state == STARTUP2:
                m.sync = min(1.0, m.sync + TICK / self.sync_seconds)
                if m.sync >= 1.0:
                    m.state, m.applied = SECONDARY, leader.applied
            elif m.state == SECONDARY:
                m.applied = leader.applied

    def _lose(self, now: float) -> None:
        for m in self.members:
            if m.state != PRIMARY or not m.alive:
                continue
            if len(self._voters(m)) >= self._majority(m.config):
                m.lonely_since = 0.0
            elif m.lonely_since == 0.0:
                m.lonely_since = now
            elif now - m.lonely_since > LOSE_MAJORITY:
                self._depose(m)

    def _depose(self, m: Member, but: Optional[Peer] = None) -> None:
        m.state = SECONDARY
        m.lonely_since = 0.0
        self.leaderless_since = time.monotonic()
        if self.wire < 8:      # before 4.2
            m.door.drop(but)

    def _may_win(self, m: Member, now: float, stand: bool = True) -> bool:
        if not m.alive or m.hung or m.cut or m.me is None or m.state != SECONDARY:
            return False
        if m.me["priority"] <= 0 or not m.me["votes"]:
            return False
        if now < max(m.frozen_until, m.no_stand_until):
            return False
        votes = [v for v in self._voters(m) if v.applied <= m.applied]
        return stand and len(votes) >= self._majority(m.config)

    def _elect(self, now: float) -> None:
        leader = self.leader()
        if leader is not None and not leader.cut and not leader.hung:
            self._challenge(leader, now)
            return
        wait = HANDOFF if self.handoff else ELECTION
        if self.leaderless_since == 0.0:
            self.leaderless_since = now
        if now - self.leaderless_since < wait:
            return
        able = [m for m in self.members if self._may_win(m, now)]
        if able:
            self._win(max(able, key=lambda m: (m.me["priority"], m.applied)))

    def _challenge(self, leader: Member, now: float) -> None:
        self.leaderless_since = 0.0
        able = [m for m in self.members if m.me is not None and leader.me is not None and
                m.me["priority"] > leader.me["priority"] and m.applied == leader.applied
                and self._may_win(m, now)]
        if not able:
            self.challenged_since = 0.0
        elif self.challenged_since == 0.0:
            self.challenged_since = now
        elif now - self.challenged_since > TAKEOVER:
            self._win(able[0])

    def _win(self, m: Member) -> None:
        for other in self.members:
            if other is not m and other.state == PRIMARY and self._reaches(m, other):
                self._depose(other)
        del self.log[m.applied:]
        self.retries = {k: at for k, at in self.retries.items() if at < m.applied}
        for other in self.members:
            if other.applied > m.applied:
                other.applied, other.docs, other.docs_at = m.applied, {}, 0
        self.term += 1
        m.state = PRIMARY
        self.handoff = False
        self.leaderless_since = self.challenged_since = 0.0
        if self.modern:
            m.config = SON(m.config)
            m.config["term"] = Int64(self.term)
        self.elections.append(m.host)
        self._append("", None, None, None, None, m)

    # --- the log ------------------------------------------------------------------------------

    def _append(self, namespace: str, key: Any, document: Any, retry: Any, result: Any,
                by: Optional[Member] = None) -> int:
        second = int(time.time())
        self.increment = (second, self.increment[1] + 1 if self.increment[0] == second else 1)
        self.log.append(Entry(Timestamp(*self.increment), self.term, namespace, key, document,
                              retry, result))
        if retry is not None:
            self.retries[retry] = len(self.log) - 1
        leader = by or self.leader() or self.members[0]
        leader.applied = len(self.log)
        self._replicate()
        return len(self.log)

    def documents(self, m: Member, namespace: str) -> dict[Any, Any]:
        for entry in self.log[m.docs_at:m.applied]:
            if entry.namespace:
                where = m.docs.setdefault(entry.namespace, {})
                if entry.document is None:
                    where.pop(entry.key, None)
                else:
                    where[entry.key] = entry.document
        m.docs_at = m.applied
        return m.docs.setdefault(namespace, {})

    def _optime(self, m: Member) -> dict[str, Any]:
        if m.applied == 0:
            return SON([("ts", Timestamp(0, 0)), ("t", Int64(-1))])
        entry = self.log[m.applied - 1]
        ts = Timestamp(entry.ts.time - m.behind, entry.ts.inc)
        return SON([("ts", ts), ("t", Int64(entry.term))])

    def _has(self, position: int, leader: Member) -> bool:
        holders = sum(1 for entry in leader.config["members"] if entry["votes"]
                      and not entry["arbiterOnly"]
                      and (m := self._of_host(entry["host"])) is not None and m.applied >= position
                      and self._reaches(leader, m) and not m.paused)
        return holders >= self._majority(leader.config)

    # --- commands -----------------------------------------------------------------------------

    def handle(self, m: Member, peer: Peer, database: str,
               command: "SON[str, Any]") -> dict[str, Any]:
        name = next(iter(command))
        with self.lock:
            if not m.alive:
                raise Hangup()
            if m.hung:
                raise Silence()
            try:
                for fault in list(self.faults):
                    fault(m, command)
                reply = self._dispatch(m, peer, name, database, command)
            except Refused as why:
                reply = refused_reply(why.code, why.text, self.modern)
            if m.replica:
                stamp = self._optime(m)["ts"]
                reply["operationTime"] = stamp
                reply["$clusterTime"] = SON([("clusterTime", stamp), ("signature", SON([
                    ("hash", b"\0" * 20), ("keyId", Int64(0))]))])
            return reply

    def _dispatch(self, m: Member, peer: Peer, name: str, database: str,
                  command: "SON[str, Any]") -> dict[str, Any]:
        run = getattr(self, "do_" + name.lower(), None)
        if run is None or (name == "hello" and not self.modern):
            raise Refused(59, f"no such command: '{name}'")
        free = name.lower() in ("ismaster", "hello", "ping", "buildinfo", "saslstart",
                                "saslcontinue", "endsessions")
        if self.users and peer.user is None and not free and m.config is not None:
            raise Refused(13, f"command {name} requires authentication")
        reply: dict[str, Any] = SON(run(m, peer, database, command))
        reply.setdefault("ok", 1.0)
        return reply

    def do_ping(self, *_: Any) -> dict[str, Any]:
        return {}

    def do_endsessions(self, *_: Any) -> dict[str, Any]:
        return {}

    def do_buildinfo(self, *_: Any) -> dict[str, Any]:
        parts = [int(p) for p in self.version.split(".")] + [0]
        return SON([("version", self.version), ("versionArray", parts)])

    def do_ismaster(self, m: Member, *_: Any) -> dict[str, Any]:
        return self._hello(m, "ismaster")

    def do_hello(self, m: Member, *_: Any) -> dict[str, Any]:
        return self._hello(m, "isWritablePrimary")

    def _hello(self, m: Member, word: str) -> dict[str, Any]:
        reply: "SON[str, Any]" = SON()
        if not m.replica:
            reply[word] = True
        elif m.me is None:
            if m.config is not None:
                reply["hosts"] = [e["host"] for e in m.config["members"]]
                reply["setName"] = m.config["_id"]
            reply.update(SON([(word, False), ("secondary", False),
                              ("info", "Does not have a valid replica set config"),
                              ("isreplicaset", True)]))
        else:
            self._hello_of_member(m, word, reply)
        now = datetime.datetime.utcnow()
        reply.update(SON([
            ("maxBsonObjectSize", 16777216), ("maxMessageSizeBytes", 48000000),
            ("maxWriteBatchSize", 100000), ("localTime", now),
            ("logicalSessionTimeoutMinutes", 30), ("minWireVersion", 0),
            ("maxWireVersion", self.wire), ("readOnly", False)]))
        return reply

    def _hello_of_member(self, m: Member, word: str, reply: "SON[str, Any]") -> None:
        shown = [e for e in m.config["members"] if not e["hidden"]]
        for key, entries in (
                ("hosts", [e for e in shown if e["priority"] > 0]),
                ("passives", [e for e in shown if e["priority"] == 0 and not e["arbiterOnly"]]),
                ("arbiters", [e for e in shown if e["arbiterOnly"]])):
            if entries:
                reply[key] = [e["host"] for e in entries]
        reply.update(SON([("setName", m.config["_id"]), ("setVersion", m.config["version"]),
                          (word, m.state == PRIMARY), ("secondary", m.state == SECONDARY)]))
        leader = self.leader()
        if leader is not None and self._reaches(m, leader):
            reply["primary"] = leader.host
        if m.me["arbiterOnly"]:
            reply["arbiterOnly"] = True
        elif m.me["priority"] == 0:
            reply["passive"] = True
        if m.me["hidden"]:
            reply["hidden"] = True
        reply["me"] = m.host
        if m.state == PRIMARY:
            reply["electionId"] = ObjectId(f"7fffffff{self.term:016x}")
        optime = self._optime(m)
        date = datetime.datetime.utcfromtimestamp(optime["ts"].time)
        reply["lastWrite"] = SON([("opTime", optime), ("lastWriteDate", date),
                                  ("majorityOpTime", optime), ("majorityWriteDate", date)])

    def _need_member(self, m: Member) -> None:
        if not m.replica:
            raise Refused(76, "not running with --replSet")
        if m.config is None:
            raise Refused(94, "no replset config has been received")

    def do_replsetgetconfig(self, m: Member, _: Peer, __: str, command: Any) -> dict[str, Any]:
        self._need_member(m)
        reply = SON([("config", m.config)])
        if command.get("commitmentStatus") and self.modern:
            if m.state != PRIMARY:
                raise Refused(10107, "commitmentStatus is only supported on primary.")
            reply["commitmentStatus"] = self._committed(m)
        return reply

    def _committed(self, leader: Member) -> bool:
        with_it = [v for v in self._voters(leader)
                   if v.config["version"] >= leader.config["version"]]
        return len(with_it) >= self._majority(leader.config)

    def do_replsetgetstatus(self, m: Member, _: Peer, __: str, command: Any) -> dict[str, Any]:
        self._need_member(m)
        if m.me is None:
            raise Refused(93, "Our replica set config is invalid or we are not a member of it")
        optime = self._optime(m)
        reply = SON([("set", m.config["_id"]), ("date", datetime.datetime.utcnow()),
                     ("myState", m.state), ("term", Int64(self.term)), ("syncingTo", ""),
                     ("syncSourceHost", ""), ("syncSourceId", -1),
                     ("heartbeatIntervalMillis", Int64(2000)),
                     ("optimes", SON([(k, optime) for k in (
                         "lastCommittedOpTime", "readConcernMajorityOpTime", "appliedOpTime",
                         "durableOpTime")])),
                     ("members", [self._status_of(m, e) for e in m.config["members"]])])
        if command.get("initialSync") and m.state == STARTUP2:
            total = 1 << 30
            reply["initialSyncStatus"] = SON([
                ("failedInitialSyncAttempts", 0), ("approxTotalDataSize", Int64(total)),
                ("approxTotalBytesCopied", Int64(int(total * m.sync))),
                ("remainingInitialSyncEstimatedMillis",
                 Int64(int((1 - m.sync) * self.sync_seconds * 1000)))])
        return reply

    def _status_of(self, asked: Member, entry: Any) -> "SON[str, Any]":
        m = self._of_host(entry["host"])
        leader = self.leader()
        optime = SON([("ts", Timestamp(0, 0)), ("t", Int64(-1))])
        if m is None or not self._reaches(asked, m) or m.config is None \
                or m.config["_id"] != asked.config["_id"]:
            return self._status_of_lost(m, entry, optime)
        optime = self._optime(m)
        date = datetime.datetime.utcfromtimestamp(optime["ts"].time)
        source = leader.host if leader is not None and m is not leader else ""
        row = SON([("_id", entry["_id"]), ("name", entry["host"]), ("health", 1.0),
                   ("state", m.state), ("stateStr", STATES[m.state]),
                   ("uptime", int(time.time() - m.began)), ("optime", optime)])
        if m is not asked:
            row["optimeDurable"] = optime
        row["optimeDate"] = date
        if m is not asked:
            now = datetime.datetime.utcnow()
            row.update(SON([("optimeDurableDate", date), ("lastHeartbeat", now),
                            ("lastHeartbeatRecv", now), ("pingMs", Int64(0)),
                            ("lastHeartbeatMessage", "")]))
        row.update(SON([("syncingTo", source), ("syncSourceHost", source),
                        ("syncSourceId", -1), ("infoMessage", "")]))
        if m.state == PRIMARY:
            row["electionTime"] = optime["ts"]
            row["electionDate"] = date
        row["configVersion"] = m.config["version"]
        if m is asked:
            row["self"] = True
            row["lastHeartbeatMessage"] = ""
        return row

    def _status_of_lost(self, m: Optional[Member], entry: Any, optime: Any) -> "SON[str, Any]":
        message = f"Error connecting to {entry['host']} :: caused by :: Connection refused"
        if m is not None and m.alive and not m.replica:
            message = "not running with --replSet"
        elif m is not None and m.alive and m.config is not None and m.config["_id"] != self.name:
            message = "replica set IDs do not match"
        epoch = datetime.datetime.utcfromtimestamp(0)
        return SON([("_id", entry["_id"]), ("name", entry["host"]), ("health", 0.0),
                    ("state", DOWN), ("stateStr", STATES[DOWN]), ("uptime", 0),
                    ("optime", optime), ("optimeDurable", optime), ("optimeDate", epoch),
                    ("optimeDurableDate", epoch), ("lastHeartbeat", datetime.datetime.utcnow()),
                    ("lastHeartbeatRecv", epoch), ("pingMs", Int64(0)),
                    ("lastHeartbeatMessage", message), ("syncingTo", ""), ("syncSourceHost", ""),
                    ("syncSourceId", -1), ("infoMessage", ""), ("configVersion", -1)])

    # --- reconfiguration ----------------------------------------------------------------------

    def do_replsetreconfig(self, m: Member, _: Peer, __: str, command: Any) -> dict[str, Any]:
        self._need_member(m)
        if m.state != PRIMARY:
            raise Refused(10107, "replSetReconfig should only be run on PRIMARY, but my state is "
                          f"{STATES[m.state]}; use the \"force\" argument to override")
        new, old = command["replSetReconfig"], m.config
        if new.get("_id") != old["_id"]:
            raise Refused(93, f"Attempting to reconfigure a replica set with name {new.get('_id')}"
                          f", but command line reports {old['_id']}; rejecting")
        full = SON(new)
        full["members"] = [self._full_member(e) for e in new["members"]]
        self._check_config(m, old, full)
        if self.modern:
            if not self._committed(m):
                raise Refused(308, "Cannot run replSetReconfig because the current config is not"
                              " majority committed.")
            full["term"] = Int64(self.term)
        self._check_quorum(m, full)
        m.config = full
        self.history.append(full["members"])
        m.seen_config_at = time.monotonic()
        self._append("", None, None, None, None, m)
        return {}

    def _full_member(self, entry: Any) -> "SON[str, Any]":
        full = self.member_config(entry["_id"], entry["host"])
        for key, value in entry.items():
            if key not in full:
                raise Refused(93, f"BadValue: Unexpected field {key} in replica set member "
                              "configuration")
            full[key] = value
        full["priority"] = float(full["priority"])
        return full

    def _check_config(self, m: Member, old: Any, new: Any) -> None:
        def bad(text: str) -> None:
            raise Refused(103, text)
        members = new["members"]
        if new["version"] <= old["version"]:
            bad("New replica set configuration version must be greater than old, but "
                f"{new['version']} is not greater than {old['version']} for replica set "
                f"{self.name}")
        voters = [e for e in members if e["votes"]]
        if not 1 <= len(voters) <= 7:
            bad(f"Replica set configuration contains {len(voters)} voting members, but must be at "
                "least 1 and no more than 7")
        for key in ("_id", "host"):
            if len({e[key] for e in members}) != len(members):
                bad(f"Found two member configurations with same {key} field")
        if any(e["priority"] > 0 and not e["votes"] for e in members):
            bad("priority must be 0 when non-voting (votes:0)")
        before = {e["host"]: e for e in old["members"]}
        for e in members:
            if e["host"] in before and before[e["host"]]["_id"] != e["_id"]:
                bad(f"New and old configurations both have members with host of {e['host']} but "
                    "in the new configuration the _id field differs")
        if not any(e["host"] == m.host and e["priority"] > 0 for e in members):
            bad("This node is not electable under the new configuration")
        changed = {e["host"] for e in old["members"] if e["votes"]} \
            ^ {e["host"] for e in voters}
        if self.modern and len(changed) > 1:
            bad("Non force replica set reconfig can only add or remove at most 1 voting member.")

    def _check_quorum(self, m: Member, new: Any) -> None:
        there = [e for e in new["members"] if e["votes"] and (v := self._of_host(e["host"]))
                 is not None and self._reaches(m, v)]
        if len(there) < self._majority(new):
            raise Refused(74, "Quorum check failed because not enough voting nodes responded; "
                          f"required {self._majority(new)} but only the following {len(there)} "
                          "voting nodes responded: " + ", ".join(e["host"] for e in there))

    # --- elections by command -----------------------------------------------------------------

    def do_replsetfreeze(self, m: Member, _: Peer, __: str, command: Any) -> dict[str, Any]:
        self._need_member(m)
        seconds = command["replSetFreeze"]
        if m.state == PRIMARY:
            raise Refused(95, "cannot freeze node when primary or running for election. state: "
                          "Primary")
        if seconds == 0:
            m.frozen_until = m.no_stand_until = 0.0
            return SON([("info", "unfreezing")])
        m.frozen_until = time.monotonic() + seconds
        return {}

    def do_replsetstepup(self, m: Member, *_: Any) -> dict[str, Any]:
        self._need_member(m)
        if m.state == PRIMARY:
            return {}
        if not self._may_win(m, time.monotonic()):
            raise Refused(125, "Election failed.")
        self._win(m)
        return {}

    def do_replsetstepdown(self, m: Member, peer: Peer, __: str, command: Any) -> dict[str, Any]:
        seconds = command["replSetStepDown"]
        catch_up = command.get("secondaryCatchUpPeriodSecs", 10)
        self._need_member(m)
        if m.state != PRIMARY:
            raise Refused(10107, "not primary so can't step down")
        if seconds < 0:
            raise Refused(2, "stepdown period must be a positive integer")
        if seconds < catch_up:
            raise Refused(2, "stepdown period must be longer than secondaryCatchUpPeriodSecs")
        end = time.monotonic() + catch_up
        while not command.get("force") and not self._somebody_can(m):
            if time.monotonic() >= end:
                stamp = datetime.datetime.utcnow().isoformat(timespec="milliseconds")
                raise Refused(262, f"No electable secondaries caught up as of {stamp}+0000Please "
                              "use the replSetStepDown command with the argument {force: true} to "
                              "force node to step down.")
            self.changed.wait(0.02)
            if m.state != PRIMARY:
                raise Refused(10107, "not primary so can't step down")
        m.no_stand_until = time.monotonic() + seconds
        self.handoff = True
        self._depose(m, None)
        if self.at_step_down is not None:
            self.at_step_down()
        return {}

    def _somebody_can(self, leader: Member) -> bool:
        able = [v for v in self._voters(leader) if v is not leader and v.applied >= leader.applied
                and not v.paused and v.state == SECONDARY]
        return self._has(leader.applied, leader) and any(
            v.me["priority"] > 0 and time.monotonic() >= v.frozen_until for v in able)

    # --- logging in ---------------------------------------------------------------------------

    def do_saslstart(self, _: Member, peer: Peer, __: str, command: Any) -> dict[str, Any]:
        if command["mechanism"] != "SCRAM-SHA-256":
            raise Refused(2, "Received authentication for mechanism which is not enabled")
        peer.login = Scram(self.users, bytes(command["payload"]))
        return SON([("conversationId", 1), ("done", False), ("payload", peer.login.first.encode())])

    def do_saslcontinue(self, m: Member, peer: Peer, __: str, command: Any) -> dict[str, Any]:
        if peer.user is not None:
            return SON([("conversationId", 1), ("done", True), ("payload", b"")])
        known = m.config is not None    # an empty member knows no users
        signature = peer.login.finish(bytes(command["payload"])) if peer.login and known else None
        if signature is None or peer.login is None:
            raise Refused(18, "Authentication failed.")
        peer.user = peer.login.user
        return SON([("conversationId", 1), ("done", False),
                    ("payload", b"v=" + signature.encode())])

    # --- data ---------------------------------------------------------------------------------

    def do_listdatabases(self, *_: Any) -> dict[str, Any]:
        return SON([("databases", []), ("totalSize", 65536.0)])

    def do_find(self, m: Member, _: Peer, database: str, command: Any) -> dict[str, Any]:
        namespace = f"{database}.{command['find']}"
        wanted = command.get("filter", {})
        if namespace == "local.oplog.rs":
            after = wanted["ts"]["$gt"]
            found = [SON([("ts", e.ts)]) for e in self.log[:m.applied] if e.ts > after]
        else:
            found = [d for d in self.documents(m, namespace).values()
                     if all(d.get(k) == v for k, v in wanted.items())]
        limit = command.get("limit", 0)
        return SON([("cursor", SON([("firstBatch", found[:limit] if limit else found),
                                    ("id", Int64(0)), ("ns", namespace)]))])

    def do_insert(self, m: Member, _: Peer, database: str, command: Any) -> dict[str, Any]:
        def one(index: int) -> Any:
            document = command["documents"][index]
            if document["_id"] in self.documents(m, namespace):
                return {"index": index, "code": 11000, "errmsg": "E11000 duplicate key error"}
            return document["_id"], document
        namespace = f"{database}.{command['insert']}"
        return self._write(m, namespace, command, len(command["documents"]), one)

    def do_update(self, m: Member, _: Peer, database: str, command: Any) -> dict[str, Any]:
        def one(index: int) -> Any:
            update = command["updates"][index]
            key = update["q"]["_id"]
            before = self.documents(m, namespace).get(key)
            if before is None and not update.get("upsert"):
                return None
            after = SON(before or {"_id": key})
            after.update(update["u"].get("$set", {}))
            for field, by in update["u"].get("$inc", {}).items():
                after[field] = after.get(field, 0) + by
            return key, after
        namespace = f"{database}.{command['update']}"
        return self._write(m, namespace, command, len(command["updates"]), one)

    def do_delete(self, m: Member, _: Peer, database: str, command: Any) -> dict[str, Any]:
        def one(index: int) -> Any:
            key = command["deletes"][index]["q"].get("_id")
            return (key, None) if key in self.documents(m, namespace) else None
        namespace = f"{database}.{command['delete']}"
        return self._write(m, namespace, command, len(command["deletes"]), one)

    def _write(self, m: Member, namespace: str, command: Any, count: int,
               one: Callable[[int], Any]) -> dict[str, Any]:
        if m.state != PRIMARY:
            raise Refused(10107, "not master")
        done, errors, position = 0, [], m.applied
        for index in range(count):
            retry = (str(command["lsid"]["id"]), command["txnNumber"], index) \
                if "txnNumber" in command else None
            if retry in self.retries:      # it was done before: the same answer, once
                position = max(position, self.retries[retry] + 1)
                done += self.log[self.retries[retry]].result
                continue
            change = one(index)
            if isinstance(change, dict):
                errors.append(change)
                break
            done += change is not None
            if change is not None:
                position = self._append(namespace, change[0], change[1], retry, 1, m)
        reply = SON([("n", done)])
        if "update" in command:
            reply["nModified"] = done
        if errors:
            reply["writeErrors"] = errors
        problem = self._await(m, position, command.get("writeConcern", {}))
        if problem is not None:
            reply["writeConcernError"] = problem
            if self.modern and problem["code"] in RETRYABLE:
                reply["errorLabels"] = ["RetryableWriteError"]
        return reply

    def _await(self, m: Member, position: int, concern: Any) -> Optional[dict[str, Any]]:
        if concern.get("w") != "majority":
            return None
        limit = concern.get("wtimeout", 0)
        end = time.monotonic() + limit / 1000 if limit else None
        term = self.term
        while not self._has(position, m):
            self.changed.wait(0.02)
            if not m.alive or m.hung:
                raise Hangup()
            if m.state != PRIMARY or self.term != term:
                return {"code": 189, "codeName": "PrimarySteppedDown",
                        "errmsg": "Primary stepped down while waiting for replication"}
            if end is not None and time.monotonic() > end:
                return {"code": 64, "codeName": "WriteConcernFailed",
                        "errmsg": "waiting for replication timed out",
                        "errInfo": {"wtimeout": True}}
        return None

    # --- what tests do ------------------------------------------------------------------------

    def hosts(self) -> list[str]:
        return [m.host for m in self.members]

    def uri(self, **options: str) -> str:
        login = options.pop("login", "")
        extra = "".join(f"&{k}={v}" for k, v in options.items())
        return f"mongodb://{login}{','.join(self.hosts()[:3])}/?replicaSet={self.name}{extra}"

    def primary(self) -> str:
        with self.lock:
            leader = self.leader()
            return leader.host if leader is not None else ""

    def config(self) -> Any:
        """The configuration as an operator sees it, less what every change changes."""
        with self.lock:
            leader = self.leader()
            if leader is None:
                return None
            config = bson.decode(bson.encode(leader.config))
        config.pop("version")
        config.pop("term", None)
        return config

    def version_of_config(self) -> int:
        with self.lock:
            leader = self.leader()
            return leader.config["version"] if leader else 0

    def frozen(self) -> list[str]:
        with self.lock:
            now = time.monotonic()
            return [m.host for m in self.members if m.frozen_until > now]

    def spare(self, replica: bool = True) -> Member:
        """A server that is not in the set."""
        with self.lock:
            m = Member(self, len(self.members), replica)
            self.members.append(m)
            return m

    def at(self, host: str) -> Member:
        found = self._of_host(host)
        assert found is not None, f"no member {host}"
        return found

    def kill(self, host: str) -> None:
        with self.lock:
            self.at(host).alive = False
        self.at(host).door.shut()

    def revive(self, host: str) -> None:
        with self.lock:
            m = self.at(host)
            m.alive = True
            m.state = SECONDARY if m.state == PRIMARY else m.state
            m.frozen_until = m.no_stand_until = 0.0
        m.door.open()

    def hang(self, host: str, on: bool = True) -> None:
        with self.lock:
            self.at(host).hung = on
        if not on:
            self.at(host).door.drop()

    def partition(self, host: str, on: bool = True) -> None:
        """The member does not reach the others; clients reach it."""
        with self.lock:
            self.at(host).cut = on

    def pause(self, host: str, on: bool = True, behind: int = 0) -> None:
        """It does not copy any more, and says that it is so many seconds behind."""
        with self.lock:
            m = self.at(host)
            m.paused, m.behind = on, behind if on else 0

    def reconfigure(self, change: Callable[[Any], None]) -> None:
        """As an operator would, from elsewhere."""
        with self.lock:
            leader = self.leader()
            assert leader is not None
            config = bson.decode(bson.encode(leader.config))
            change(config)
            config["version"] += 1
            leader.config = config
            leader.seen_config_at = 0.0
            self._spread_config(time.monotonic())

    def when(self, command: str, act: Callable[[Member, Any], None], times: int = 1000000) -> None:
        """Has `act` done before a command of that name, so many times; it may raise Refused."""
        left = [times]

        def fault(m: Member, asked: "SON[str, Any]") -> None:
            if next(iter(asked)) == command and left[0] > 0:
                left[0] -= 1
                act(m, asked)
        with self.lock:
            self.faults.append(fault)

    def hold(self, command: str) -> "Held":
        """Has the next command of that name wait."""
        held = Held(self)
        self.when(command, lambda m, asked: held.wait(), 1)
        return held

    def rows(self, namespace: str) -> dict[Any, Any]:
        with self.lock:
            leader = self.leader()
            return dict(self.documents(leader, namespace)) if leader else {}

    def stop(self) -> None:
        self.stopped = True
        for m in self.members:
            m.door.shut()
