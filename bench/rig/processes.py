"""Processes and folders that do not outlive the program that made them.

Everything is started through a Rig and ended by it, by process id, in reverse order; the folder
goes last. Children also get a signal from the kernel when this program dies without a chance to
clean up."""
from __future__ import annotations

import ctypes
import os
import pathlib
import resource
import shutil
import signal
import socket
import subprocess
import tempfile
import time
from typing import Any, Callable, Optional

REPO = pathlib.Path(__file__).resolve().parents[2]
BIN = pathlib.Path(os.environ.get("SLUICE_BIN_DIR", REPO / "build/bin"))
WANTED_FILES = 65536
_PR_SET_PDEATHSIG = 1
_LIBC = ctypes.CDLL(None, use_errno=True)


class Failed(Exception):
    """What went wrong, in words for the person at the terminal."""


def raise_file_limit() -> int:
    """Open files: as many as this user may have. Children inherit it."""
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    for wanted in (max(hard, WANTED_FILES), hard):
        try:
            resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, wanted))
            break
        except (ValueError, OSError):
            continue
    return resource.getrlimit(resource.RLIMIT_NOFILE)[0]


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def wait_for(what: str, condition: Callable[[], Any], seconds: float = 30.0) -> Any:
    """Returns what the condition gives once that is true; Failed when the time is over."""
    deadline = time.monotonic() + seconds
    while True:
        value = condition()
        if value:
            return value
        if time.monotonic() > deadline:
            raise Failed(f"waited {seconds:.0f} s in vain for {what}")
        time.sleep(0.02)


def port_answers(port: int) -> bool:
    with socket.socket() as probe:
        probe.settimeout(1)
        return probe.connect_ex(("127.0.0.1", port)) == 0


def program(name: str) -> str:
    """A program of ours or of the system; the system's servers may be in sbin."""
    if (BIN / name).exists():
        return str(BIN / name)
    found = shutil.which(name, path=os.environ.get("PATH", "") + ":/usr/sbin:/sbin")
    if found is None:
        raise Failed(f"no program {name}; is it built, are the packages there (make deps)?")
    return found


def _die_with_parent() -> None:
    os.setsid()  # Ctrl-C in the terminal is for us; we then end the children in order
    _LIBC.prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)


class Rig:
    """A folder, and the processes that live in it. A context manager."""

    def __init__(self, name: str) -> None:
        self.name = name
        self.folder = pathlib.Path("/nonexistent")
        self._children: list[tuple[str, subprocess.Popen[Any]]] = []

    def __enter__(self) -> Rig:
        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            signal.signal(number, _interrupt)
        self.folder = pathlib.Path(tempfile.mkdtemp(prefix=f"sluice-{self.name}-"))
        return self

    def __exit__(self, *_: object) -> None:
        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            signal.signal(number, signal.SIG_IGN)  # a second Ctrl-C must not leave things behind
        for _, child in reversed(self._children):
            stop(child)
        shutil.rmtree(self.folder, ignore_errors=True)

    def start(self, name: str, argv: list[str], **more: Any) -> subprocess.Popen[Any]:
        """Starts a child; its output goes to <name>.log in the folder unless told otherwise."""
        with open(self.log_path(name), "ab") as log:
            more.setdefault("stdin", subprocess.DEVNULL)
            more.setdefault("stdout", log)
            more.setdefault("stderr", log)
            child = subprocess.Popen(argv, preexec_fn=_die_with_parent, **more)
        self._children.append((name, child))
        return child

    def log_path(self, name: str) -> pathlib.Path:
        return self.folder / f"{name}.log"

    def log_tail(self, name: str, lines: int = 12) -> str:
        try:
            text = self.log_path(name).read_text(errors="replace")
        except OSError:
            return ""
        return "\n".join(text.splitlines()[-lines:])

    def wait_port(self, name: str, child: subprocess.Popen[Any], port: int) -> None:
        def look() -> bool:
            if child.poll() is not None:
                raise Failed(f"{name} ended at once:\n{self.log_tail(name)}")
            return port_answers(port)
        wait_for(f"{name} to listen", look, 60)

    def dead_children(self) -> list[str]:
        """Names of children that ended with an error."""
        return [name for name, child in self._children if child.poll() not in (None, 0)]


def stop(child: subprocess.Popen[Any], seconds: float = 10.0) -> None:
    """Asks, waits, then insists."""
    if child.poll() is None:
        child.terminate()
        try:
            child.wait(seconds)
        except subprocess.TimeoutExpired:
            child.kill()
            child.wait()


def _interrupt(number: int, frame: object) -> None:
    raise KeyboardInterrupt


def run(argv: list[str], seconds: float = 60.0, stdin: Optional[str] = None) -> str:
    """Output of a command that must succeed."""
    try:
        done = subprocess.run(argv, input=stdin, capture_output=True, text=True, timeout=seconds)
    except subprocess.TimeoutExpired:
        raise Failed(f"{pathlib.Path(argv[0]).name}: no end within {seconds:.0f} s") from None
    if done.returncode != 0:
        reason = (done.stderr or done.stdout).strip()
        raise Failed(f"{' '.join([pathlib.Path(argv[0]).name, *argv[1:]])[:200]}\n{reason}")
    return done.stdout
