"""A backend that follows a script of packets, and can stop in the middle of any of them.

A scenario says at which stage the server misbehaves (greeting, auth, command), the bytes that it
sends then, and that it closes. At every other stage, and for user `bystander`, it behaves.
"""
from __future__ import annotations

import dataclasses
import socket
import struct
import threading
from typing import Iterator, Optional

from lib.raw import packet

CAPS = 0x81BFF7FF & ~0x800 & ~0x20 & ~0x1000000     # no TLS, no compression, classic EOF
SCRAMBLE = b"abcdefghijklmnopqrst"


def lenenc(data: bytes) -> bytes:
    assert len(data) < 251
    return bytes([len(data)]) + data


def greeting() -> bytes:
    payload = b"\x0a" + b"8.0.99-fake\0" + struct.pack("<I", 77) + SCRAMBLE[:8] + b"\0"
    payload += struct.pack("<HBHHB", CAPS & 0xFFFF, 45, 2, CAPS >> 16, 21) + b"\0" * 10
    return packet(0, payload + SCRAMBLE[8:] + b"\0" + b"mysql_native_password\0")


def ok(seq: int) -> bytes:
    return packet(seq, b"\0\0\0\x02\0\0\0")


def error(seq: int, code: int, text: bytes) -> bytes:
    return packet(seq, b"\xff" + struct.pack("<H", code) + b"#HY000" + text)


def eof(seq: int, status: int = 2) -> bytes:
    return packet(seq, b"\xfe\0\0" + struct.pack("<H", status))


def column(seq: int, name: bytes = b"c") -> bytes:
    parts = b"".join(lenenc(x) for x in (b"def", b"", b"", b"", name, b""))
    return packet(seq, parts + b"\x0c" + struct.pack("<HIBHB", 45, 100, 253, 0, 0) + b"\0\0")


def result(rows: int = 3) -> list[bytes]:
    """The packets of a text result."""
    packets = [packet(1, b"\x01"), column(2), eof(3)]
    for i in range(rows):
        packets.append(packet(4 + i, lenenc(b"row %d" % i)))
    return [*packets, eof(4 + rows)]


def prepared() -> list[bytes]:
    """The packets of an answer to COM_STMT_PREPARE: two parameters, one column."""
    head = packet(1, b"\0" + struct.pack("<IHHBH", 1, 1, 2, 0, 0))
    return [head, column(2, b"?"), column(3, b"?"), eof(4), column(5), eof(6)]


def cuts(packets: list[bytes]) -> Iterator[tuple[str, bytes]]:
    """Every way to stop: before, in the header of, after the header of, and inside a packet."""
    before = b""
    for number, whole in enumerate(packets):
        for where in sorted({0, 1, 3, 4, 5, len(whole) // 2 + 2, len(whole) - 1}):
            if where < len(whole):
                yield f"packet {number} byte {where}", before + whole[:where]
        before += whole


@dataclasses.dataclass
class Scenario:
    name: str
    stage: str          # greeting, auth, command
    data: bytes
    close: bool = True


class FakeServer:
    """Listens on loopback; one thread a connection."""

    def __init__(self) -> None:
        self.scenario: Optional[Scenario] = None
        self.listener = socket.socket()
        self.listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        self.listener.bind(("127.0.0.1", 0))
        self.listener.listen(200)
        self.port = int(self.listener.getsockname()[1])
        self.served = 0
        threading.Thread(target=self._accept, daemon=True).start()

    def _accept(self) -> None:
        while True:
            try:
                sock, _ = self.listener.accept()
            except OSError:
                return
            threading.Thread(target=self._serve, args=(sock,), daemon=True).start()

    def _serve(self, sock: socket.socket) -> None:
        self.served += 1
        try:
            with sock:
                self._talk(sock)
        except OSError:
            pass

    def _misbehave(self, sock: socket.socket, stage: str) -> bool:
        scenario = self.scenario
        if scenario is None or scenario.stage != stage:
            return False
        sock.sendall(scenario.data)
        if not scenario.close:
            while sock.recv(65536):
                pass
        return True

    def _talk(self, sock: socket.socket) -> None:
        if self._misbehave(sock, "greeting"):
            return
        sock.sendall(greeting())
        seq, payload = read_packet(sock)
        user = payload[32:].partition(b"\0")[0]
        if user not in (b"bystander", b"victim"):
            sock.sendall(error(seq + 1, 1045, b"the fake server knows nobody"))
            return
        if user == b"victim" and self._misbehave(sock, "auth"):
            return
        sock.sendall(ok(seq + 1))
        while True:
            _, payload = read_packet(sock)
            if payload[:1] == b"\x01":
                return
            plain = user == b"bystander" or payload[1:].startswith((b"SET", b"set"))
            if not plain and self._misbehave(sock, "command"):
                return
            sock.sendall(ok(1))

    def close(self) -> None:
        self.listener.close()


def read_packet(sock: socket.socket) -> tuple[int, bytes]:
    def exactly(count: int) -> bytes:
        data = b""
        while len(data) < count:
            piece = sock.recv(count - len(data))
            if not piece:
                raise OSError("closed")
            data += piece
        return data
    head = exactly(4)
    return head[3], exactly(int.from_bytes(head[:3], "little"))
