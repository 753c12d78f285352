"""MongoDB sets for tests: the simulator, or three real servers when MONGOD=/path is given; and
clients of such a set that write without a pause."""
from __future__ import annotations

import json
import os
import pathlib
import shutil
import signal
import socket
import subprocess
import threading
from typing import Any, Optional, Union

import bson
from bson import json_util
from bson.son import SON

from lib.case import Case
from lib.mongosim import Sim
from lib.mongowire import Peer
from lib.sluice import Sluice
from lib.util import BUILD, CLIENTS, REPO, Process, Skip, free_port, wait_until

MONGOD = os.environ.get("MONGOD")
WRITER = BUILD / "asan" / "bin" / "sluice-mongo-writer"


class RealSet:
    """Three real servers in throw-away folders, with the simulator's methods as far as they go."""

    def __init__(self, folder: pathlib.Path, count: int = 3):
        self.folder = folder
        self.name = "rs0"
        self.ports = [free_port() for _ in range(count)]
        self.processes: dict[str, Process] = {}
        for port in self.ports:
            self.revive(f"127.0.0.1:{port}")
        members = [{"_id": i, "host": h} for i, h in enumerate(self.hosts())]
        wait_until(lambda: self._admin(self.hosts()[0], "ping"), 30, "mongod to answer")
        self._admin(self.hosts()[0], {"replSetInitiate": {"_id": self.name, "members": members}})
        wait_until(self.primary, 60, "a primary")
        wait_until(lambda: all(m["state"] in (1, 2) for m in self._status()), 60, "all members")

    def _client(self, host: str) -> Any:
        import pymongo    # only here: the simulator does without
        return pymongo.MongoClient(f"mongodb://{host}/", serverSelectionTimeoutMS=2000,
                                   socketTimeoutMS=30000)

    def _admin(self, host: str, command: Any) -> Any:
        client = self._client(host)
        try:
            return client.admin.command(command)
        finally:
            client.close()

    def _status(self) -> Any:
        return self._admin(self.primary(), "replSetGetStatus")["members"]

    def hosts(self) -> list[str]:
        return [f"127.0.0.1:{port}" for port in self.ports]

    def uri(self, **options: str) -> str:
        extra = "".join(f"&{k}={v}" for k, v in options.items())
        return f"mongodb://{','.join(self.hosts()[:3])}/?replicaSet={self.name}{extra}"

    def primary(self) -> str:
        for host in self.processes:
            try:
                if self._admin(host, "isMaster").get("ismaster"):
                    return host
            except Exception:  # pylint: disable=broad-except
                continue
        return ""

    def config(self) -> Any:
        config = self._admin(self.primary(), "replSetGetConfig")["config"]
        config.pop("version")
        config.pop("term", None)
        return config

    def version_of_config(self) -> int:
        return int(self._admin(self.primary(), "replSetGetConfig")["config"]["version"])

    def frozen(self) -> list[str]:
        return []      # a real server does not tell

    def spare(self, replica: bool = True) -> Any:
        self.ports.append(free_port())
        host = self.hosts()[-1]
        self.revive(host, replica)
        wait_until(lambda: self._admin(host, "ping"), 30, "mongod to answer")
        return type("Spare", (), {"host": host})

    def kill(self, host: str) -> None:
        self.processes[host].kill()

    def revive(self, host: str, replica: bool = True) -> None:
        port = host.split(":")[1]
        folder = self.folder / port
        folder.mkdir(parents=True, exist_ok=True)
        argv = [MONGOD or "mongod", "--port", port, "--dbpath", str(folder), "--bind_ip",
                "127.0.0.1"] + (["--replSet", self.name] if replica else [])
        self.processes[host] = Process(argv, self.folder / f"{port}.log", f"mongod {port}")

    def hang(self, host: str, on: bool = True) -> None:
        self.processes[host].child.send_signal(signal.SIGSTOP if on else signal.SIGCONT)

    def rows(self, namespace: str) -> dict[Any, Any]:
        database, collection = namespace.split(".")
        client = self._client(self.primary())
        try:
            return {d["_id"]: d for d in client[database][collection].find()}
        finally:
            client.close()

    def stop(self) -> None:
        for process in self.processes.values():
            process.child.send_signal(signal.SIGCONT)
            process.kill()


AnySet = Union[Sim, RealSet]


def start(t: Case, count: int = 3, version: str = "4.0.10", **kwargs: Any) -> AnySet:
    """A set for this test. What only the simulator can do is asked for with `simulated`."""
    if MONGOD:
        found: AnySet = RealSet(t.dir / "mongo", count)
    else:
        found = Sim(count, version, **kwargs)
    t.defer(found.stop)
    return found


def simulated(t: Case, count: int = 3, version: str = "4.0.10", **kwargs: Any) -> Sim:
    if MONGOD:
        raise Skip("only the simulator can be told to fail like this")
    found = start(t, count, version, **kwargs)
    assert isinstance(found, Sim)
    return found


SETTINGS = {"step_down": "20s", "catch_up": "5s", "max_lag": "10s"}


def daemon(t: Case, mongo: AnySet, uri: Optional[str] = None, **settings: Any) -> Sluice:
    """sluice with that set. Its MySQL servers do not exist, which MongoDB does not mind."""
    where = mongo.uri() if uri is None else uri
    sluice = Sluice(t.dir / f"s{len(t.daemons)}",
                    {"b0": {"address": "127.0.0.1:1"}, "b1": {"address": "127.0.0.1:2"}}, "b0",
                    "asan", mongo={**SETTINGS, "uri": where, **settings})
    t.daemons.append(sluice)
    return sluice.start()


class Writer:
    """A real driver that inserts 1, 2, 3, ... with majority and retryable writes."""

    def __init__(self, t: Case, argv: list[str], namespace: str, **kwargs: Any):
        self.namespace = namespace
        self.acknowledged: list[int] = []
        self.errors: list[str] = []
        self.longest = 0.0
        self.child = subprocess.Popen(argv, stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                                      text=True, **kwargs)
        self.reader = threading.Thread(target=self._read, daemon=True)
        self.reader.start()
        t.defer(self.child.kill)
        self.wait_more(3, "the writer to begin")

    def _read(self) -> None:
        assert self.child.stdout is not None
        for line in self.child.stdout:
            word, number, rest = line.split(" ", 2)
            if word == "OK":
                self.acknowledged.append(int(number))
                self.longest = max(self.longest, float(rest))
            elif word == "ERR":
                self.errors.append(line.strip())

    def wait_more(self, count: int, what: str) -> None:
        before = len(self.acknowledged)
        wait_until(lambda: len(self.acknowledged) >= before + count, 20,
                   f"{what} (errors: {self.errors[-2:]})")

    def stop(self) -> None:
        assert self.child.stdin is not None
        self.child.stdin.close()
        assert self.child.wait(30) == 0, f"the writer ended with {self.child.returncode}"
        self.reader.join(10)

    def check(self, mongo: AnySet) -> None:
        """Nothing that was acknowledged is lost, nothing went wrong."""
        there = set(mongo.rows(self.namespace))
        lost = set(self.acknowledged) - there
        assert not lost, f"{len(lost)} acknowledged writes are lost: {sorted(lost)[:5]}"
        assert not self.errors, f"{len(self.errors)} errors, first: {self.errors[0]}"


def libmongoc_writer(t: Case, mongo: AnySet) -> Writer:
    if not WRITER.exists():
        raise Skip(f"{WRITER} is not built (make func)")
    return Writer(t, [str(WRITER), mongo.uri(serverSelectionTimeoutMS="20000")], "app.libmongoc")


def node_writer(t: Case, mongo: AnySet) -> Writer:
    node = shutil.which("node")
    if node is None or not pathlib.Path("/usr/share/nodejs/mongodb").exists():
        raise Skip("no node, or no node-mongodb")
    return Writer(t, [node, str(CLIENTS / "mongo_node.js"), mongo.uri()], "app.node",
                  env={**os.environ, "NODE_PATH": "/usr/share/nodejs"})


WRITERS = {"libmongoc": libmongoc_writer, "node": node_writer}


# --- recordings of a real server ------------------------------------------------------------------

def _recordings() -> Optional[pathlib.Path]:
    for place in (os.environ.get("MONGO_REPLIES"), str(REPO.parent / "shared" / "mongo-replies")):
        if place and pathlib.Path(place).is_dir():
            return pathlib.Path(place)
    return None


RECORDINGS = _recordings()


def ask(mongo: Sim, member: int, name: str, command: dict[str, Any]) -> Any:
    """What the simulator says to a recorded command, as canonical extended JSON."""
    asked = SON([(name, command[name])])
    asked.update((k, v) for k, v in command.items() if k != name)
    said = mongo.handle(mongo.members[member], Peer(socket.socket()), "admin", asked)
    return json.loads(json_util.dumps(bson.decode(bson.encode(SON(said))),
                                      json_options=json_util.CANONICAL_JSON_OPTIONS))


def differences(real: Any, ours: Any, at: str = "") -> list[str]:
    """Where two shapes differ; empty lists and documents say nothing."""
    if isinstance(real, dict) and isinstance(ours, dict):
        found = [f"{at}.{k} is missing" for k in real if k not in ours]
        found += [f"{at}.{k} is not real" for k in ours if k not in real]
        for key in set(real) & set(ours):
            found += differences(real[key], ours[key], f"{at}.{key}")
        return found
    if isinstance(real, list) and isinstance(ours, list):
        return differences(real[0], ours[0], f"{at}[]") if real and ours else []
    return [] if real == ours else [f"{at}: {ours} instead of {real}"]
