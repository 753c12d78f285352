"""Small things every other module needs: paths, ports, waiting, child processes."""
from __future__ import annotations

import os
import pathlib
import signal
import socket
import subprocess
import threading
import time
from typing import Any, Callable, Optional, Sequence, TypeVar

T = TypeVar("T")

REPO = pathlib.Path(__file__).resolve().parents[3]
BUILD = REPO / "build"
CACHE = BUILD / "cache"
CLIENTS = REPO / "tests" / "func" / "clients"


# Tests of what issue 3 still has open run only when asked for.
OPEN_TOO = os.environ.get("ISSUE3") == "1"


class Skip(Exception):
    """Raised by a test (or the library) when what it needs is not on this machine."""


class Timeout(AssertionError):
    """A condition did not come true before its deadline."""


def is_root() -> bool:
    return os.geteuid() == 0


def free_port() -> int:
    """A port that was free a moment ago; servers that lose the race are started again."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


# Virtual machines lose half of their time and more to their neighbours, for minutes.
PATIENCE = 3


def wait_until(cond: Callable[[], T], deadline: float, what: str, every: float = 0.02) -> T:
    """Calls cond until it returns something true; says what it waited for when it never does.

    An exception from cond counts as "not yet"; the last one is part of the message. The deadline
    is for a machine of one's own; a shared one gets PATIENCE times as long."""
    deadline *= PATIENCE
    end = time.monotonic() + deadline
    last: object = None
    while True:
        try:
            value = cond()
            if value:
                return value
            last = value
        except (OSError, AssertionError, ValueError, KeyError, subprocess.SubprocessError) as err:
            last = err
        if time.monotonic() > end:
            raise Timeout(f"waited {deadline:g} s for {what}; last seen: {last!r}")
        time.sleep(every)


def tail(path: pathlib.Path, lines: int = 40) -> str:
    try:
        text = path.read_text(errors="replace")
    except OSError as err:
        return f"({err})"
    return "\n".join(text.splitlines()[-lines:])


class Process:
    """A child with its log file; stopped by its own process id and reaped."""

    def __init__(self, argv: Sequence[str], log: pathlib.Path, name: str,
                 env: Optional[dict[str, str]] = None, cwd: Optional[pathlib.Path] = None,
                 pass_fds: Sequence[int] = (), preexec: Optional[Callable[[], None]] = None):
        self.name = name
        self.log = log
        self.argv = list(argv)
        with open(log, "ab") as out:
            self.child = subprocess.Popen(
                self.argv, stdin=subprocess.DEVNULL, stdout=out, stderr=out, env=env, cwd=cwd,
                pass_fds=tuple(pass_fds), preexec_fn=preexec)

    @property
    def pid(self) -> int:
        return self.child.pid

    def alive(self) -> bool:
        return self.child.poll() is None

    def stop(self, sig: int = signal.SIGTERM, deadline: float = 20.0) -> int:
        """Sends sig, waits, kills when the deadline has passed; the exit status."""
        if self.alive():
            self.child.send_signal(sig)
        try:
            return self.child.wait(deadline)
        except subprocess.TimeoutExpired:
            self.child.kill()
            self.child.wait()
            raise Timeout(f"{self.name} did not end within {deadline:g} s of signal {sig}")

    def kill(self) -> None:
        if self.alive():
            self.child.kill()
        self.child.wait()


def run(argv: Sequence[str], deadline: float = 60.0, check: bool = True,
        **kwargs: Any) -> subprocess.CompletedProcess[str]:
    """Runs a command to its end; with check, a failure shows what it printed."""
    done = subprocess.run(list(argv), capture_output=True, text=True, errors="replace",
                          timeout=deadline, **kwargs)
    if check and done.returncode != 0:
        raise AssertionError(f"{' '.join(argv)}: exit {done.returncode}\n"
                             f"{done.stdout[-2000:]}{done.stderr[-4000:]}")
    return done


def cpu_ticks(pid: int) -> int:
    """User and system time of all threads of a process, in clock ticks."""
    text = pathlib.Path(f"/proc/{pid}/stat").read_text()
    fields = text[text.rindex(")") + 2:].split()
    return int(fields[11]) + int(fields[12])


def resident_kib(pid: int) -> int:
    for line in pathlib.Path(f"/proc/{pid}/status").read_text().splitlines():
        if line.startswith("VmRSS:"):
            return int(line.split()[1])
    raise AssertionError("no VmRSS")


class Background:
    """A call in a thread of its own; `result` waits for it, with a deadline."""

    def __init__(self, function: Callable[..., Any], *args: Any, **kwargs: Any):
        self.value: Any = None
        self.error: Optional[BaseException] = None
        self.begin = time.monotonic()
        self.seconds = 0.0

        def go() -> None:
            try:
                self.value = function(*args, **kwargs)
            except BaseException as err:  # pylint: disable=broad-except
                self.error = err
            self.seconds = time.monotonic() - self.begin
        self.thread = threading.Thread(target=go, daemon=True)
        self.thread.start()

    def running(self) -> bool:
        return self.thread.is_alive()

    def wait(self, deadline: float = 20, what: str = "a call in the background") -> None:
        self.thread.join(deadline)
        if self.thread.is_alive():
            raise Timeout(f"waited {deadline:g} s for {what}")

    def result(self, deadline: float = 20, what: str = "a call in the background") -> Any:
        self.wait(deadline, what)
        if self.error is not None:
            raise self.error
        return self.value

    def failure(self, deadline: float = 20) -> BaseException:
        self.wait(deadline)
        assert self.error is not None, f"expected an error, got {self.value!r}"
        return self.error
