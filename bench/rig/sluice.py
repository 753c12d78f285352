"""The daemon under its own name, and the operator's client."""
from __future__ import annotations

import pathlib
import socket
import subprocess
import tempfile
from typing import Any, Optional

from rig.mariadb import CONTROL, Server
from rig.processes import Failed, Rig, free_port, program, run, stop, wait_for


class Sluice:
    """A running daemon in front of named servers; the first is active."""

    def __init__(self, rig: Rig, servers: dict[str, Server], workers: str = "auto",
                 max_sessions: int = 10000) -> None:
        self.rig = rig
        self.servers = servers
        self.port = free_port()
        self.folder = pathlib.Path(tempfile.mkdtemp(prefix="sluice", dir=rig.folder))
        self.socket = self.folder / "admin.sock"
        self.config = self.folder / "sluice.yaml"
        self.config.write_text(self._configuration(servers, workers, max_sessions))
        self.child: Optional[subprocess.Popen[Any]] = None

    def _configuration(self, servers: dict[str, Server], workers: str, sessions: int) -> str:
        backends = "\n".join(
            f"  {name}: {{address: \"127.0.0.1:{server.port}\", tls: {{mode: disabled}}}}"
            for name, server in servers.items())
        state = self.folder / "state"
        state.mkdir(mode=0o700)
        return (f"listen: [\"127.0.0.1:{self.port}\"]\nworkers: {workers}\n"
                f"max_sessions: {sessions}\nbackends:\n{backends}\nactive: {next(iter(servers))}\n"
                f"state_dir: {state}\ncontrol: {{user: {CONTROL[0]}, password: {CONTROL[1]}}}\n"
                f"admin: {{socket: {self.socket}, mode: \"0600\", "
                f"http: \"127.0.0.1:{free_port()}\"}}\n"
                f"log: {{level: info}}\n")

    def start(self) -> Sluice:
        self.child = self.rig.start("sluice", [program("sluice"), "-c", str(self.config)])
        self.rig.wait_port("sluice", self.child, self.port)
        wait_for("the admin socket", self.socket.exists)
        return self

    def stop(self) -> None:
        if self.child is not None:
            stop(self.child)

    def ask(self, line: str, seconds: float = 60.0) -> list[str]:
        """One request on the admin socket, without the time that starting sluicectl takes."""
        with socket.socket(socket.AF_UNIX) as connection:
            connection.settimeout(seconds)
            connection.connect(str(self.socket))
            connection.sendall(f"{line}\n".encode())
            answer: list[str] = []
            with connection.makefile("r") as lines:
                for text in lines:
                    if text.startswith("ERR "):
                        raise Failed(f"{line}: {text.strip()}")
                    if text == "OK\n":
                        return answer
                    answer.append(text.rstrip("\n"))
        raise Failed(f"{line}: sluice closed the connection")

    def ctl(self, *words: str, seconds: float = 60.0) -> str:
        """What an operator would do."""
        return run([program("sluicectl"), "-s", str(self.socket), *words], seconds)

    @property
    def pid(self) -> int:
        if self.child is None:
            raise Failed("sluice is not running")
        return self.child.pid
