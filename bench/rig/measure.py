"""Measurements: what the kernel says about processes, and what load generators say."""
from __future__ import annotations

import dataclasses
import json
import os
import pathlib
import re
import subprocess
import threading
import time
from typing import Any, Sequence

from rig import mariadb
from rig.peers import Peer
from rig.processes import Failed, program, run, wait_for

TABLE_SIZE = 10000
_TICK = os.sysconf("SC_CLK_TCK")


def cpu_us(pids: Sequence[int]) -> float:
    """Processor time that these processes have used so far, user and system."""
    ticks = 0
    for pid in pids:
        fields = pathlib.Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
        ticks += int(fields[11]) + int(fields[12])
    return ticks * 1e6 / _TICK


def memory(pids: Sequence[int]) -> dict[str, int]:
    """Resident bytes of these processes together: all, and the anonymous part."""
    total = {"Rss": 0, "Anonymous": 0}
    for pid in pids:
        text = pathlib.Path(f"/proc/{pid}/smaps_rollup").read_text()
        for key in total:
            found = re.search(rf"^{key}:\s+(\d+) kB", text, re.M)
            total[key] += int(found[1]) * 1024 if found else 0
    return total


class PeakWatch:
    """Samples the resident bytes of processes in the background; a context manager."""

    def __init__(self, pids: Sequence[int]) -> None:
        self.pids = pids
        self.before = self.peak = memory(pids)["Rss"]
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._watch, daemon=True)

    def _watch(self) -> None:
        while not self._over.wait(0.01):
            self.peak = max(self.peak, memory(self.pids)["Rss"])

    def __enter__(self) -> PeakWatch:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._over.set()
        self._thread.join()
        self.peak = max(self.peak, memory(self.pids)["Rss"])


def _sysbench(port: int, test: str, *more: str) -> str:
    return run([program("sysbench"), test, "--db-driver=mysql", "--mysql-host=127.0.0.1",
                f"--mysql-port={port}", f"--mysql-user={mariadb.APP[0]}",
                f"--mysql-password={mariadb.APP[1]}", f"--mysql-db={mariadb.DATABASE}",
                "--mysql-ssl=off", "--tables=1", f"--table-size={TABLE_SIZE}", *more], 600)


def prepare_tables(port: int) -> None:
    _sysbench(port, "oltp_read_write", "prepare")


@dataclasses.dataclass(frozen=True)
class SysbenchResult:
    queries: int
    seconds: float
    p50_ms: float
    p99_ms: float
    errors: int


def _quantile(histogram: Sequence[tuple[float, int]], part: float) -> float:
    wanted = part * sum(count for _, count in histogram)
    seen = 0
    for value, count in histogram:
        seen += count
        if seen >= wanted:
            return value
    return 0.0


def parse_sysbench(text: str) -> SysbenchResult:
    """Output of a run with --histogram. Latency is that of an event: a query for point selects,
    a transaction for read-write."""
    def number(pattern: str) -> float:
        found = re.search(pattern, text)
        if not found:
            raise Failed(f"sysbench gave no {pattern}:\n{text[-500:]}")
        return float(found[1])
    histogram = [(float(ms), int(count))
                 for ms, count in re.findall(r"^\s*([\d.]+) \|\**\s+(\d+)$", text, re.M)]
    return SysbenchResult(
        queries=int(number(r"total:\s+(\d+)")), seconds=number(r"total time:\s+([\d.]+)s"),
        p50_ms=_quantile(histogram, 0.5), p99_ms=_quantile(histogram, 0.99),
        errors=int(number(r"ignored errors:\s+(\d+)")))


def queries(peer: Peer, test: str, connections: int, seconds: float) -> dict[str, float]:
    """One sysbench run, with the peer's processor time a query."""
    before = cpu_us(peer.pids())
    result = parse_sysbench(_sysbench(peer.port, test, f"--threads={connections}",
                                      f"--time={max(1, round(seconds))}", "--histogram", "run"))
    used = cpu_us(peer.pids()) - before
    return {"qps": result.queries / result.seconds, "p50_ms": result.p50_ms,
            "p99_ms": result.p99_ms, "cpu_us": used / max(1, result.queries)}


def bench_argv(port: int, subcommand: str, *more: str) -> list[str]:
    return [program("sluice-bench"), subcommand, "--port", str(port), "--user",
            mariadb.APP[0], "--password", mariadb.APP[1], *more]


def connects(peer: Peer, seconds: float, at_a_time: int = 16) -> dict[str, float]:
    before = cpu_us(peer.pids())
    answer = json.loads(run(bench_argv(peer.port, "connect", "--seconds", f"{seconds:g}s",
                                        "--concurrency", str(at_a_time))))
    used = cpu_us(peer.pids()) - before
    return {"per_second": answer["per_second"], "failed": answer["failed"],
            "cpu_us": used / max(1, answer["connects"])}


def stream(peer: Peer, mebibytes: int) -> dict[str, float]:
    """A big result; how long it takes and how far the peer grows meanwhile. A short query goes
    before, so that what is needed for any session does not count."""
    short = bench_argv(peer.port, "stream", "--query", "SELECT 1", "--database", mariadb.DATABASE)
    run(short)
    sql = f"SELECT REPEAT('x', 1048576) FROM seq_1_to_{mebibytes}"
    with PeakWatch(peer.pids()) as watch:
        answer = json.loads(run([*short[:-4], "--query", sql, "--database", mariadb.DATABASE], 300))
    return {"seconds": answer["seconds"], "growth": float(watch.peak - watch.before)}


def idle(peer: Peer, sessions: int) -> dict[str, float]:
    """Memory a session and idle processor time with many idle sessions; pause, for sluice."""
    connects(peer, 0.05, 1)  # what the first sessions need once; few, or their memory is reused
    before = memory(peer.pids())
    child = subprocess.Popen(bench_argv(peer.port, "idle", "--sessions", str(sessions)),
                             stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    assert child.stdin is not None and child.stdout is not None
    try:
        if not child.stdout.readline().startswith("ready"):
            raise Failed(f"{sessions} idle sessions through {peer.name} cannot be had")
        result = _with_idle_sessions(peer, sessions, before)
        child.stdin.close()
        left = child.stdout.readline()
        if left.split()[-1:] != [str(sessions)]:
            raise Failed(f"idle sessions through {peer.name} were lost: {left.strip()}")
        return result
    finally:
        child.kill()
        child.wait()


def _with_idle_sessions(peer: Peer, sessions: int, before: dict[str, int]) -> dict[str, float]:
    after = _settled_memory(peer)
    used, started = cpu_us(peer.pids()), time.monotonic()
    time.sleep(2)
    share = (cpu_us(peer.pids()) - used) / (time.monotonic() - started) / 1e4
    result = {"bytes": (after["Anonymous"] - before["Anonymous"]) / sessions,
              "rss_bytes": (after["Rss"] - before["Rss"]) / sessions, "idle_cpu_percent": share}
    if peer.more is not None:
        result["pause_ms"] = _pause_ms(peer.more)
    return result


def _pause_ms(daemon: Any) -> float:
    """The longest of five pauses, from sending the request to its OK."""
    longest = 0.0
    for _ in range(5):
        started = time.monotonic()
        daemon.ask("pause")
        longest = max(longest, (time.monotonic() - started) * 1e3)
        daemon.ask("resume")
    return longest


def _settled_memory(peer: Peer) -> dict[str, int]:
    """Memory once it has not changed for a moment."""
    last = [memory(peer.pids())]

    def unchanged() -> bool:
        time.sleep(0.3)
        now = memory(peer.pids())
        last.append(now)
        return abs(now["Rss"] - last[-2]["Rss"]) < 16384
    wait_for(f"the memory of {peer.name} to settle", unchanged)
    return last[-1]
