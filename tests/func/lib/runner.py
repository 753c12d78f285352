"""Finds the tests, runs each in a process of its own, two at a time where that is safe.

A test's process leads a process group; when its deadline passes the whole group is killed, so a
hanging daemon or server never outlives its test.
"""
from __future__ import annotations

import argparse
import ctypes
import faulthandler
import importlib
import os
import pathlib
import resource
import shutil
import signal
import sys
import tempfile
import time
import traceback
from typing import Optional

from lib import case, servers, tls
from lib.case import Case, Spec
from lib.servers import Server
from lib.util import BUILD, PATIENCE, Skip, tail

HERE = pathlib.Path(__file__).resolve().parents[1]
RESULTS = pathlib.Path(os.environ.get("RESULTS", BUILD / "results" / "func.tsv"))
PR_SET_CHILD_SUBREAPER = 36


def discover() -> list[Spec]:
    for path in sorted(HERE.glob("test_*.py")):
        importlib.import_module(path.stem)
    return sorted(case.REGISTRY, key=lambda spec: spec.order)


def selected(specs: list[Spec], patterns: list[str]) -> list[Spec]:
    if not patterns:
        return specs
    return [s for s in specs if any(p in s.full_name for p in patterns)]


class Running:
    """A test in its child process."""

    def __init__(self, spec: Spec, folder: pathlib.Path, number: int, shared: dict[str, Server]):
        self.spec = spec
        self.folder = folder
        self.begin = time.monotonic()
        self.timed_out = False
        folder.mkdir()
        sys.stdout.flush()
        self.pid = os.fork()
        if self.pid == 0:
            _child(spec, folder, number, shared)

    def seconds(self) -> float:
        return time.monotonic() - self.begin

    def kill_group(self) -> None:
        try:
            os.killpg(self.pid, signal.SIGKILL)
        except ProcessLookupError:
            pass


def _child(spec: Spec, folder: pathlib.Path, number: int, shared: dict[str, Server]) -> None:
    """Runs the test; its verdict is the file `verdict` (word, newline, detail)."""
    os.setpgid(0, 0)
    output = os.open(folder / "output", os.O_WRONLY | os.O_CREAT, 0o644)
    os.dup2(output, 1)
    os.dup2(output, 2)
    # SIGUSR1 just before the deadline leaves in `output` what the test was waiting for.
    faulthandler.register(signal.SIGUSR1, all_threads=True)
    for server in shared.values():
        server._root = None      # the parent's connection must not be shared
    running = Case(spec, folder, shared, number)
    try:
        spec.function(running)
        running.finish()
        word, detail = "passed", ""
    except Skip as reason:
        running.abandon()
        word, detail = "skipped", str(reason)
    except BaseException as err:  # pylint: disable=broad-except
        word = "failed"
        detail = f"{type(err).__name__}: {err}"
        traceback.print_exc()
        sys.stdout.flush()
        running.abandon()
    (folder / "verdict").write_text(f"{word}\n{detail}")
    sys.stdout.flush()
    os._exit(0)


class Runner:
    """Starts tests as their groups allow, collects verdicts."""

    def __init__(self, specs: list[Spec], jobs: int, keep: bool):
        self.waiting = list(specs)
        self.running: list[Running] = []
        self.jobs = jobs
        self.keep = keep
        self.counts = {"passed": 0, "failed": 0, "skipped": 0}
        self.failures: list[str] = []
        self.number = 0
        self.total = len(specs)
        self.root = pathlib.Path(tempfile.mkdtemp(prefix="slf", dir="/tmp"))
        self.root.chmod(0o755)
        self.shared: dict[str, Server] = {}
        RESULTS.parent.mkdir(parents=True, exist_ok=True)

    def run(self) -> int:
        begin = time.monotonic()
        try:
            while self.waiting or self.running:
                self._start_some()
                self._collect()
        finally:
            self._end()
        print(f"{self.counts['passed']} passed, {self.counts['failed']} failed, "
              f"{self.counts['skipped']} skipped in {time.monotonic() - begin:.0f} s")
        for name in self.failures:
            print(f"  failed: {name}")
        return 1 if self.failures else 0

    def _may_start(self, spec: Spec) -> bool:
        if len(self.running) >= self.jobs or any(r.spec.alone for r in self.running):
            return False
        if spec.alone and self.running:
            return False
        return not any(spec.group and r.spec.group == spec.group for r in self.running)

    def _start_some(self) -> None:
        for spec in list(self.waiting):
            missing = [f for f in spec.shared if not servers.available(f)]
            if not missing and spec.params.get("family") in servers.FAMILIES:
                missing = [f for f in (spec.params["family"],) if not servers.available(f)]
            if missing:
                self.waiting.remove(spec)
                self._report(spec, "skipped", f"NO {missing[0].upper()} SERVER HERE", 0.0, None)
                continue
            if not self._may_start(spec):
                if spec.alone:
                    break       # do not let it starve
                continue
            self.waiting.remove(spec)
            self.number += 1
            shared = {f: self._shared(f) for f in spec.shared}
            self.running.append(Running(spec, self.root / str(self.number), self.number, shared))

    def _shared(self, family: str) -> Server:
        if family not in self.shared:
            server = Server.create(family, self.root / f"shared-{family}")
            server.start()
            self.shared[family] = server
        return self.shared[family]

    def _collect(self) -> None:
        for item in list(self.running):
            pid, _ = os.waitpid(item.pid, os.WNOHANG)
            if pid == 0:
                self._check_deadline(item)
                continue
            item.kill_group()
            self.running.remove(item)
            self._verdict(item)
        _reap_orphans({r.pid for r in self.running} | self._server_pids())
        time.sleep(0.01)

    def _server_pids(self) -> set[int]:
        return {s.process.pid for s in self.shared.values() if s.process is not None}

    @staticmethod
    def _check_deadline(item: Running) -> None:
        late = item.seconds() - PATIENCE * item.spec.deadline
        if late > 0 and not item.timed_out:
            item.timed_out = True
            os.kill(item.pid, signal.SIGUSR1)
        elif late > 0.5:
            item.kill_group()

    def _verdict(self, item: Running) -> None:
        try:
            word, _, detail = (item.folder / "verdict").read_text().partition("\n")
        except OSError:
            word, detail = "failed", "the test's process died"
        if item.timed_out:
            word, detail = "failed", f"not done within {PATIENCE * item.spec.deadline:g} s"
        self._report(item.spec, word, detail, item.seconds(), item.folder)
        if word != "failed" and not self.keep:
            shutil.rmtree(item.folder, ignore_errors=True)

    def _report(self, spec: Spec, word: str, detail: str, seconds: float,
                folder: Optional[pathlib.Path]) -> None:
        self.counts[word] += 1
        name = spec.full_name
        note = f"  ({detail})" if word == "skipped" else ""
        print(f"{sum(self.counts.values()):3d}/{self.total} {word:7s} {name} {seconds:.1f} s{note}",
              flush=True)
        with open(RESULTS, "a") as results:
            flat = " ".join(detail.split())[:300]
            results.write(f"{word}\tfunc.{name}\t{flat}\n")
        if word == "failed":
            self.failures.append(name)
            if folder is not None:
                self._explain(spec, folder)

    def _explain(self, spec: Spec, folder: pathlib.Path) -> None:
        """Everything one needs to understand a failure, and the command that repeats it."""
        sections = [folder / "output", *sorted(folder.glob("s*/sluice.log")),
                    *sorted(folder.glob("*/server.log"))]
        if not list(folder.glob("*/server.log")):
            sections += [self.shared[f].log for f in spec.shared if f in self.shared]
        for path in sections:
            lines = 60 if path.name == "output" else 40
            if path.name == "server.log":
                lines = 8
            print(f"---- {path}\n{tail(path, lines)}")
        for journal in sorted(folder.glob("s*/state/*")):
            print(f"---- state: {journal} {journal.stat().st_size} bytes")
        print(f"---- to run this test alone: tests/func/run --keep '{spec.full_name}'\n",
              flush=True)

    def _end(self) -> None:
        for item in self.running:
            item.kill_group()
        for server in self.shared.values():
            server.stop(9)
        if not self.keep:
            shutil.rmtree(self.root, ignore_errors=True)
        else:
            print(f"kept: {self.root}")


def _reap_orphans(known: set[int]) -> None:
    """Children of killed tests become ours; they are reaped by their own process ids."""
    try:
        children = pathlib.Path(f"/proc/self/task/{os.getpid()}/children").read_text().split()
    except OSError:
        return
    for pid in map(int, children):
        if pid not in known:
            try:
                os.waitpid(pid, os.WNOHANG)
            except ChildProcessError:
                pass


def main(argv: list[str]) -> int:
    parser = argparse.ArgumentParser(prog="tests/func/run")
    parser.add_argument("patterns", nargs="*", help="run tests whose name contains one of these")
    parser.add_argument("--list", action="store_true")
    parser.add_argument("--jobs", type=int, default=int(os.environ.get("FUNC_JOBS", "2")))
    parser.add_argument("--keep", action="store_true", help="keep the folders of all tests")
    args = parser.parse_args(argv)
    patterns = args.patterns or ([os.environ["T"]] if os.environ.get("T") else [])
    specs = selected(discover(), patterns)
    if args.list:
        print("\n".join(f"{s.full_name}" for s in specs))
        return 0
    if not specs:
        print(f"no functional test matches {patterns}")
        return 0 if os.environ.get("T") else 2
    ctypes.CDLL(None).prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    tls.ensure()
    if any("mysql" in (s.params.get("family"), *s.shared) for s in specs) \
            and not servers.available("mysql"):
        print("=" * 72 + "\nNO MYSQL SERVER: the MySQL half of the tests is skipped "
              f"({servers.MYSQL_TREE}/usr/sbin/mysqld)\n" + "=" * 72)
    return Runner(specs, args.jobs, args.keep).run()
