"""The proxies that are compared, each with comparable settings: two threads or workers, no TLS,
no compression, TCP_NODELAY, time-outs of an hour."""
from __future__ import annotations

import dataclasses
import pathlib
import subprocess
from typing import Any, Callable

from rig.mariadb import Server
from rig.processes import BIN, REPO, Failed, Rig, free_port, program, stop
from rig.sluice import Sluice

THREADS = 2
MAX_SESSIONS = 7000
PEERS = REPO / "build/peers"
MYSQL_TREE = REPO / "build/mysql"


@dataclasses.dataclass
class Peer:
    """Something that listens on a port and leads to the server. `child` is None for the server
    itself."""
    name: str
    port: int
    child: "subprocess.Popen[Any] | None"
    more: Any = None  # the Sluice, for its admin commands

    def pids(self) -> list[int]:
        """The process and its descendants."""
        return _tree(self.child.pid) if self.child else []

    def stop(self) -> None:
        if self.child:
            stop(self.child)


def _tree(pid: int) -> list[int]:
    found = [pid]
    for task in pathlib.Path(f"/proc/{pid}/task").glob("*/children"):
        for child in task.read_text().split():
            found += _tree(int(child))
    return found


def peer_argv(name: str, *words: str) -> list[str]:
    """What `tests/deps peers` has prepared, else what is installed; Failed if there is none."""
    prepared = PEERS / "bin" / name
    return [str(prepared) if prepared.exists() else program(name), *words]


def _launch(rig: Rig, name: str, argv: list[str], port: int, more: Any = None) -> Peer:
    child = rig.start(name, argv)
    rig.wait_port(name, child, port)
    return Peer(name, port, child, more)


def start_direct(rig: Rig, server: Server) -> Peer:
    return Peer("direct", server.port, None)


def start_sluice(rig: Rig, server: Server) -> Peer:
    daemon = Sluice(rig, {"server": server}, str(THREADS), MAX_SESSIONS)
    daemon.start()
    return Peer("sluice", daemon.port, daemon.child, daemon)


def start_haproxy(rig: Rig, server: Server) -> Peer:
    port = free_port()
    config = rig.folder / "haproxy.cfg"
    config.write_text(
        f"global\n  nbthread {THREADS}\n  maxconn {MAX_SESSIONS}\n"
        "defaults\n  mode tcp\n  timeout connect 10s\n  timeout client 1h\n  timeout server 1h\n"
        f"listen mysql\n  bind 127.0.0.1:{port}\n  maxconn {MAX_SESSIONS}\n"
        f"  server one 127.0.0.1:{server.port}\n")
    return _launch(rig, "haproxy", peer_argv("haproxy", "-db", "-f", str(config)), port)


def _nginx_module() -> str:
    for folder in (PEERS / "modules", pathlib.Path("/usr/lib/nginx/modules")):
        if (folder / "ngx_stream_module.so").exists():
            return f"load_module {folder}/ngx_stream_module.so;\n"
    return ""  # built in, or the configuration will not load, which says so


def start_nginx(rig: Rig, server: Server) -> Peer:
    port = free_port()
    config = rig.folder / "nginx.conf"
    config.write_text(
        f"{_nginx_module()}worker_processes {THREADS};\ndaemon off;\n"
        f"pid {rig.folder}/nginx.pid;\nerror_log stderr error;\n"
        f"events {{ worker_connections {2 * MAX_SESSIONS}; }}\n"
        "stream {\n  proxy_timeout 1h;\n  tcp_nodelay on;\n"
        f"  server {{ listen 127.0.0.1:{port} backlog=4096;\n"
        f"    proxy_pass 127.0.0.1:{server.port}; }}\n"
        "}\n")
    argv = peer_argv("nginx", "-e", "stderr", "-p", str(rig.folder), "-c", str(config))
    return _launch(rig, "nginx", argv, port)


def router_argv() -> list[str]:
    """The router runs with the C library it was built for, which lies beside it."""
    if (PEERS / "bin/mysqlrouter").exists():
        return [str(PEERS / "bin/mysqlrouter")]
    binary = MYSQL_TREE / "usr/bin/mysqlrouter"
    if not binary.exists():
        return peer_argv("mysqlrouter")
    loader = next(MYSQL_TREE.glob("usr/lib/*/ld-linux-*.so.*"))
    libraries = f"{loader.parent}:{MYSQL_TREE}/usr/lib/mysql-router"
    return [str(loader), "--library-path", libraries, str(binary)]


def _router_plugins() -> pathlib.Path:
    found = MYSQL_TREE / "usr/lib/mysqlrouter/plugin"
    return found if found.is_dir() else pathlib.Path("/usr/lib/mysqlrouter/plugin")


def start_router(rig: Rig, server: Server) -> Peer:
    port = free_port()
    config = rig.folder / "router.conf"
    home = rig.folder / "router"
    home.mkdir(exist_ok=True)
    config.write_text(
        f"[DEFAULT]\nlogging_folder={home}\nruntime_folder={home}\ndata_folder={home}\n"
        f"plugin_folder={_router_plugins()}\nmax_total_connections={MAX_SESSIONS}\n"
        "[logger]\nlevel=ERROR\n"
        f"[io]\nthreads={THREADS}\n"
        f"[routing:rw]\nbind_address=127.0.0.1\nbind_port={port}\nprotocol=classic\n"
        f"destinations=127.0.0.1:{server.port}\nrouting_strategy=first-available\n"
        "client_ssl_mode=DISABLED\nserver_ssl_mode=DISABLED\nmax_connect_errors=4294967295\n"
        f"max_connections={MAX_SESSIONS}\n")
    return _launch(rig, "router", [*router_argv(), "-c", str(config)], port)


START: dict[str, Callable[[Rig, Server], Peer]] = {
    "direct": start_direct,
    "sluice": start_sluice,
    "haproxy": start_haproxy,
    "nginx": start_nginx,
    "router": start_router,
}

TITLES = {"direct": "direct", "sluice": "sluice", "haproxy": "HAProxy (tcp)",
          "nginx": "nginx stream", "router": "MySQL Router"}


def available(rig: Rig, server: Server, names: list[str]) -> tuple[list[str], dict[str, str]]:
    """Those that start here, and for the others why not."""
    there, missing = [], {}
    for name in names:
        try:
            START[name](rig, server).stop()
            there.append(name)
        except (Failed, OSError, StopIteration) as reason:
            missing[name] = str(reason).splitlines()[0] if str(reason) else "not found"
    return there, missing


def describe() -> str:
    return (f"{THREADS} threads (sluice workers, HAProxy nbthread, nginx worker_processes, router "
            f"io threads), at most {MAX_SESSIONS} sessions each, no TLS; programs from {BIN}")
