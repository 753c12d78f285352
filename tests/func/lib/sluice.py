"""Runs the daemon under test and speaks to it through sluicectl.

The daemon is the address-sanitised build unless SLUICE_BIN names another one. A test that ends
with a sanitizer report, or with an exit status other than 0 after SIGTERM, has failed.
"""
from __future__ import annotations

import json
import os
import pathlib
import re
import resource
import shutil
import signal
import subprocess
import time
from typing import Any, Optional, Sequence

import pymysql

from lib import servers
from lib.util import BUILD, REPO, Process, Skip, free_port, wait_until

SANITIZER = re.compile(r"(ERROR: (Address|Leak|Thread)Sanitizer|runtime error:"
                       r"|WARNING: ThreadSanitizer|Assertion .* failed)")
STAND_IN = os.environ.get("SLUICE_STAND_IN")    # a plain forwarder, to try the tests themselves


def daemon_path(variant: str = "asan") -> pathlib.Path:
    """build/asan/bin unless SLUICE_BIN says otherwise; tests that measure take the release."""
    if variant == "release":
        return BUILD / "bin" / "sluice"
    chosen = os.environ.get("SLUICE_BIN")
    if chosen:
        return pathlib.Path(chosen).resolve()
    return BUILD / variant / "bin" / "sluice"


def ctl_path() -> pathlib.Path:
    chosen = os.environ.get("SLUICECTL")
    if chosen:
        return pathlib.Path(chosen).resolve()
    beside = daemon_path().parent / "sluicectl"
    for place in (BUILD / "bin" / "sluicectl", beside):
        if place.exists():
            return place
    raise AssertionError(f"no sluicectl ({beside}): make all")


def yaml_text(settings: dict[str, Any]) -> str:
    """One top-level key a line, its value in flow style (JSON is YAML)."""
    lines = []
    for key, value in settings.items():
        if key == "backends":
            lines.append("backends:")
            lines += [f"  {name}: {json.dumps(backend)}" for name, backend in value.items()]
        else:
            lines.append(f"{key}: {json.dumps(value)}")
    return "\n".join(lines) + "\n"


def merge(base: dict[str, Any], more: dict[str, Any]) -> dict[str, Any]:
    """Deep merge of dictionaries, `more` wins; a value of None removes the key."""
    result = dict(base)
    for key, value in more.items():
        if value is None:
            result.pop(key, None)
        elif isinstance(value, dict) and isinstance(result.get(key), dict):
            result[key] = merge(result[key], value)
        else:
            result[key] = value
    return result


class CtlResult:
    """What sluicectl returned."""

    def __init__(self, argv: Sequence[str], code: int, out: str, err: str):
        self.argv, self.code, self.out, self.err = list(argv), code, out, err

    def __repr__(self) -> str:
        return f"{' '.join(self.argv)} -> {self.code}\n{self.out}{self.err}"


class Sluice:
    """One daemon. `port` is its TCP listener, `unix` its unix socket."""

    def __init__(self, folder: pathlib.Path, backends: dict[str, Any], active: str,
                 variant: str = "asan", **settings: Any):
        self.folder = folder
        self.folder.mkdir(parents=True, exist_ok=True)
        self.variant = variant
        self.port = free_port()
        self.unix = folder / "m.sock"
        self.admin = folder / "a.sock"
        self.log = folder / "sluice.log"
        self.config = folder / "sluice.yaml"
        self.process: Optional[Process] = None
        self.expected_exit: set[int] = {0}
        self.prefix: list[str] = []          # e.g. valgrind
        self.deadline = 20.0
        self.env: dict[str, str] = {}        # besides what every daemon gets
        self.settings = merge({
            "listen": [f"127.0.0.1:{self.port}", f"unix:{self.unix}"],
            "backends": backends,
            "active": active,
            "state_dir": str(folder / "state"),
            "control": {"user": servers.CONTROL[0], "password": servers.CONTROL[1]},
            "admin": {"socket": str(self.admin), "http": "off"},
            "workers": 2,
        }, settings)

    def write_config(self, text: Optional[str] = None) -> None:
        (self.folder / "state").mkdir(exist_ok=True)
        self.config.write_text(yaml_text(self.settings) if text is None else text)

    def start(self, wait: bool = True) -> "Sluice":
        self.write_config()
        path = daemon_path(self.variant)
        if STAND_IN:
            self._start_stand_in()
            return self
        if not path.exists():
            raise AssertionError(f"no daemon: {path} is not built")
        env = dict(os.environ,
                   ASAN_OPTIONS="detect_leaks=1:abort_on_error=0:exitcode=77",
                   UBSAN_OPTIONS="print_stacktrace=1:halt_on_error=1:exitcode=77",
                   TSAN_OPTIONS="exitcode=77", **self.env)
        self.process = Process([*self.prefix, str(path), "-c", str(self.config)], self.log,
                               "sluice", env=env, preexec=_many_files)
        if wait:
            self.wait_ready()
        return self

    def _start_stand_in(self) -> None:
        """SLUICE_STAND_IN is run with: listen port, unix path, port of the active backend."""
        backend = self.settings["backends"][self.settings["active"]]["address"]
        self.process = Process([str(STAND_IN), str(self.port), str(self.unix),
                                backend.rpartition(":")[2]], self.log, "stand-in")
        self.expected_exit = {0, -15}
        wait_until(lambda: self.unix.exists(), 10, "the stand-in")

    def wait_ready(self) -> None:
        def answers() -> bool:
            assert self.process is not None
            if not self.process.alive():
                raise DaemonDied(f"sluice ended with {self.process.child.returncode} at start:\n"
                                 + self.log.read_text(errors="replace")[-3000:])
            return self.ctl("show", "version").code == 0
        wait_until(answers, self.deadline, "the admin socket to answer", every=0.05)

    def ctl_argv(self, args: Sequence[str]) -> list[str]:
        return [str(ctl_path()), "-s", str(self.admin), *args]

    def ctl(self, *args: str, deadline: float = 60.0, **kwargs: Any) -> CtlResult:
        if STAND_IN:
            raise Skip("a stand-in has no admin socket")
        argv = self.ctl_argv(args)
        done = subprocess.run(argv, capture_output=True, text=True, errors="replace",
                              timeout=deadline, stdin=subprocess.DEVNULL, **kwargs)
        return CtlResult(["sluicectl", *args], done.returncode, done.stdout, done.stderr)

    def ok(self, *args: str, deadline: float = 60.0) -> CtlResult:
        """A command that must succeed."""
        result = self.ctl(*args, deadline=deadline)
        assert result.code == 0, f"expected success: {result!r}"
        return result

    def ctl_start(self, *args: str) -> "subprocess.Popen[str]":
        """A command that waits; the caller collects it."""
        if STAND_IN:
            raise Skip("a stand-in has no admin socket")
        return subprocess.Popen(self.ctl_argv(args), stdout=subprocess.PIPE,
                                stderr=subprocess.PIPE, stdin=subprocess.DEVNULL, text=True)

    def ctl_json(self, *args: str, deadline: float = 60.0) -> Any:
        result = self.ctl("--json", *args, deadline=deadline)
        assert result.code == 0, f"expected success: {result!r}"
        try:
            return json.loads(result.out.strip().splitlines()[-1])   # progress comes before
        except ValueError as err:
            raise AssertionError(f"not JSON ({err}): {result!r}") from err

    def sessions(self, *filters: str) -> list[dict[str, Any]]:
        return table_of(self.ctl_json("show", "sessions", *filters), "sessions")

    def count(self, state: str) -> int:
        """Sessions in a state (held, waiting, idle, busy, ...)."""
        return len(self.sessions("--state", state))

    def wait_count(self, state: str, number: int, deadline: float = 10) -> None:
        wait_until(lambda: self.count(state) == number, deadline,
                   f"{number} sessions in state {state}")

    def session_of(self, thread_id: int) -> dict[str, Any]:
        """The row of a client's session, by the connection id that the client knows."""
        for row in self.sessions():
            if thread_id in (row.get("thread_id"), row.get("thread"), row.get("connection_id")):
                return row
        raise AssertionError(f"no session with thread id {thread_id} in {self.sessions()}")

    def connect(self, user: str = servers.APP[0], password: str = servers.APP[1],
                **kwargs: Any) -> pymysql.Connection:
        """A client connection through the daemon by TCP; unix_socket= overrides."""
        return servers.connect(self.port, user, password, **kwargs)

    def signal(self, sig: int) -> None:
        assert self.process is not None
        self.process.child.send_signal(sig)

    def log_text(self) -> str:
        return self.log.read_text(errors="replace")

    def wait_log(self, pattern: str, deadline: float = 10) -> None:
        wait_until(lambda: re.search(pattern, self.log_text()), deadline,
                   f"/{pattern}/ in the daemon's log")

    def kill9(self) -> None:
        assert self.process is not None
        self.process.child.send_signal(signal.SIGKILL)
        self.process.child.wait()
        self.process = None

    def stop(self) -> None:
        """SIGTERM, then the verdict on the whole life of the daemon."""
        if self.process is None:
            self.check_log()
            return
        process, self.process = self.process, None
        died = not process.alive()
        code = process.stop(deadline=self.deadline + 40)
        self.check_log()
        assert not died, f"sluice had ended by itself with {code}"
        assert code in self.expected_exit, f"sluice ended with {code} after SIGTERM"

    def kill(self) -> None:
        if self.process is not None:
            self.process.kill()
            self.process = None

    def check_log(self) -> None:
        if not self.log.exists():
            return
        found = SANITIZER.search(self.log_text())
        if found:
            start = max(0, found.start() - 200)
            raise AssertionError("sanitizer report:\n" + self.log_text()[start:start + 6000])


class DaemonDied(Exception):
    """The daemon ended when it should have started."""


def table_of(document: Any, key: str) -> list[dict[str, Any]]:
    """The table of an answer: the member of that name, or the only list of objects."""
    if isinstance(document.get(key), list):
        return list(document[key])
    for value in document.values():
        if isinstance(value, list) and all(isinstance(row, dict) for row in value):
            return list(value)
    raise AssertionError(f"no table {key} in {document}")


def find_keys(document: Any, *keys: str) -> dict[str, Any]:
    """The first object, at any depth, that has all these members."""
    if isinstance(document, dict):
        if all(key in document for key in keys):
            return document
        for value in document.values():
            found = find_keys(value, *keys)
            if found:
                return found
    return {}


def _many_files() -> None:
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))


def stop_time(sluice: Sluice) -> float:
    begin = time.monotonic()
    sluice.stop()
    return time.monotonic() - begin


def remove_state(sluice: Sluice) -> None:
    shutil.rmtree(sluice.folder / "state", ignore_errors=True)


__all__ = ["Sluice", "CtlResult", "DaemonDied", "daemon_path", "yaml_text", "merge", "REPO"]
