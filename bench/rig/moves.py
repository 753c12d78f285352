"""Many sessions moved at once between two servers: sluice's part alone, nothing is fenced."""
from __future__ import annotations

import json

from rig import mariadb, peers
from rig.measure import bench_argv
from rig.peers import Peer
from rig.processes import Failed, Rig, run
from rig.sluice import Sluice

_SECOND: dict[str, mariadb.Server] = {}  # the server that sessions move to, one for each rig


def _second(rig: Rig) -> mariadb.Server:
    key = str(rig.folder)
    if key not in _SECOND:
        _SECOND[key] = mariadb.tuned_for_speed(rig, "second")
    return _SECOND[key]


def _has_warm(daemon: Sluice) -> bool:
    try:
        daemon.ask("help warm")
        return True
    except Failed:
        return False


def move(peer: Peer, sessions: int) -> dict[str, float]:
    """Milliseconds from asking for the pause to the last answer, and what the same without a move
    did not take: the replay's share."""
    running: Sluice = peer.more
    first = next(iter(running.servers.values()))
    both = {"milan": first, "aws": _second(running.rig)}
    daemon = Sluice(running.rig, both, str(peers.THREADS), peers.MAX_SESSIONS).start()
    try:
        argv = bench_argv(daemon.port, "move", "--sessions", str(sessions), "--admin",
                          str(daemon.socket), "--to", "aws")
        answer = json.loads(run([*argv, *(["--warm"] if _has_warm(daemon) else [])], 300))
    finally:
        daemon.stop()
    moved = answer["moved"]
    return {"stall_ms": moved["stall_ms"], "p50_ms": moved["stall_p50_ms"],
            "replay_ms": answer["replay_ms"], "held_ms": answer["held"]["stall_ms"]}
