"""The control plane's hands on one real server, called one by one: build/asan/bin/sluice-probe."""
from __future__ import annotations

import pathlib
import subprocess
from typing import Sequence

from lib import servers
from lib.servers import Server

PATH = pathlib.Path("build/asan/bin/sluice-probe")


class Refused(Exception):
    """The call failed; the text is what an operator would read."""

    def __init__(self, code: int, text: str):
        super().__init__(f"{code}: {text}")
        self.code = code
        self.text = text


def words(items: Sequence[object]) -> str:
    return ",".join(str(i) for i in items) or "-"


class Probe:
    """One process with one connection."""

    def __init__(self, server: Server, user: str = servers.CONTROL[0],
                 password: str = servers.CONTROL[1]):
        self.process = subprocess.Popen(
            [str(PATH), "127.0.0.1", str(server.port), user, password], text=True,
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, bufsize=1)
        self._read()

    def _read(self) -> str:
        assert self.process.stdout is not None
        line = self.process.stdout.readline().rstrip("\n")
        verdict, _, rest = line.partition(" ")
        if verdict == "ok":
            return rest
        assert verdict == "fail", f"the probe died: {line!r}, exit {self.process.poll()}"
        code, _, text = rest.partition(" ")
        raise Refused(int(code), text)

    def __call__(self, line: str) -> str:
        assert self.process.stdin is not None
        self.process.stdin.write(line + "\n")
        self.process.stdin.flush()
        return self._read()

    def refused(self, line: str, *expected: str) -> str:
        """The reason why this call fails; it must hold these words."""
        try:
            answer = self(line)
        except Refused as reason:
            assert all(e in reason.text for e in expected), f"{reason.text!r}, not {expected}"
            return reason.text
        raise AssertionError(f"{line!r} was done: {answer}")

    def plan(self, keep: Sequence[str] = (), seen: Sequence[str] = ()) -> set[str]:
        """The accounts to lock, as user@host."""
        answer = self(f"plan {words(keep)} {words(seen)}").split()
        return {word for word in answer if "@" in word}

    def close(self) -> None:
        assert self.process.stdin is not None
        self.process.stdin.close()
        status = self.process.wait(20)
        assert status == 0, f"the probe ended with {status}"
