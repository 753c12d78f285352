"""A small client of the MySQL protocol that can also misbehave. Blocking sockets."""
from __future__ import annotations

import hashlib
import select
import socket
import struct
import time
from typing import Optional, Union

LONG_PASSWORD = 1
CONNECT_WITH_DB = 8
PROTOCOL_41 = 0x200
SSL = 0x800
TRANSACTIONS = 0x2000
SECURE_CONNECTION = 0x8000
MULTI_STATEMENTS = 0x10000
MULTI_RESULTS = 0x20000
PS_MULTI_RESULTS = 0x40000
PLUGIN_AUTH = 0x80000
DEPRECATE_EOF = 0x1000000
BASIC = (LONG_PASSWORD | PROTOCOL_41 | TRANSACTIONS | SECURE_CONNECTION | MULTI_RESULTS
         | PLUGIN_AUTH)

QUIT, INIT_DB, QUERY, STATISTICS, PING, PREPARE, EXECUTE, LONG_DATA, CLOSE, RESET = (
    1, 2, 3, 9, 14, 0x16, 0x17, 0x18, 0x19, 0x1F)


class Closed(Exception):
    """The other side closed or reset the connection."""


class ServerError(Exception):
    """An ERR packet."""

    def __init__(self, payload: bytes):
        self.code = struct.unpack_from("<H", payload, 1)[0]
        marked = payload[3:4] == b"#"
        self.state = payload[4:9].decode() if marked else ""
        self.message = payload[9 if marked else 3:].decode(errors="replace")
        super().__init__(f"{self.code} ({self.state}): {self.message}")


def packet(seq: int, payload: bytes) -> bytes:
    return struct.pack("<I", len(payload))[:3] + bytes([seq & 255]) + payload


def native_answer(password: bytes, scramble: bytes) -> bytes:
    if not password:
        return b""
    one = hashlib.sha1(password).digest()
    two = hashlib.sha1(scramble + hashlib.sha1(one).digest()).digest()
    return bytes(a ^ b for a, b in zip(one, two))


def sha2_answer(password: bytes, scramble: bytes) -> bytes:
    if not password:
        return b""
    one = hashlib.sha256(password).digest()
    two = hashlib.sha256(hashlib.sha256(one).digest() + scramble).digest()
    return bytes(a ^ b for a, b in zip(one, two))


class Greeting:
    """The server's first packet."""

    def __init__(self, payload: bytes):
        if payload[:1] == b"\xff":
            raise ServerError(payload)
        self.payload = payload
        end = payload.index(b"\0", 1)
        self.version = payload[1:end].decode()
        self.thread_id = struct.unpack_from("<I", payload, end + 1)[0]
        first = payload[end + 5:end + 13]
        rest = payload[end + 14:]
        low, high = struct.unpack_from("<H", rest, 0)[0], struct.unpack_from("<H", rest, 5)[0]
        self.caps = low | high << 16
        tail = rest[18:]
        self.scramble = first + tail[:12]
        self.plugin = tail[13:].split(b"\0")[0].decode()


class Raw:
    """One connection: packets in and out, login, simple queries."""

    def __init__(self, address: Union[int, str], timeout: float = 15, rcvbuf: int = 0):
        kind = socket.AF_INET if isinstance(address, int) else socket.AF_UNIX
        self.sock = socket.socket(kind, socket.SOCK_STREAM)
        if rcvbuf:
            self.sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, rcvbuf)
        self.sock.settimeout(timeout)
        self.sock.connect(("127.0.0.1", address) if isinstance(address, int) else address)
        self.buffer = b""
        self.greeting: Optional[Greeting] = None

    def fileno(self) -> int:
        return self.sock.fileno()

    def send(self, data: bytes) -> None:
        try:
            self.sock.sendall(data)
        except (BrokenPipeError, ConnectionResetError) as err:
            raise Closed(str(err)) from err

    def _need(self, count: int) -> None:
        while len(self.buffer) < count:
            try:
                data = self.sock.recv(1 << 16)
            except ConnectionResetError as err:
                raise Closed("reset") from err
            if not data:
                raise Closed(f"end of stream with {len(self.buffer)} of {count} bytes")
            self.buffer += data

    def read(self) -> tuple[int, bytes]:
        """Sequence number and payload of the next packet."""
        self._need(4)
        length = int.from_bytes(self.buffer[:3], "little")
        seq = self.buffer[3]
        self._need(4 + length)
        payload, self.buffer = self.buffer[4:4 + length], self.buffer[4 + length:]
        return seq, payload

    def read_greeting(self) -> Greeting:
        self.greeting = Greeting(self.read()[1])
        return self.greeting

    def login_payload(self, user: str, password: str, database: str = "",
                      caps: int = BASIC) -> bytes:
        assert self.greeting is not None
        if database:
            caps |= CONNECT_WITH_DB
        secret, scramble = password.encode(), self.greeting.scramble
        if self.greeting.plugin == "caching_sha2_password":
            answer = sha2_answer(secret, scramble)
        else:
            answer = native_answer(secret, scramble)
        payload = struct.pack("<IIB23x", caps, 1 << 24, 45) + user.encode() + b"\0"
        payload += bytes([len(answer)]) + answer
        if database:
            payload += database.encode() + b"\0"
        return payload + self.greeting.plugin.encode() + b"\0"

    def login(self, user: str, password: str, database: str = "", caps: int = BASIC) -> "Raw":
        """Native or (cache warm) caching_sha2 login."""
        self.read_greeting()
        self.send(packet(1, self.login_payload(user, password, database, caps)))
        self._finish_login(password)
        return self

    def _finish_login(self, password: str) -> None:
        while True:
            seq, payload = self.read()
            if payload[:1] == b"\0":
                return
            if payload[:1] == b"\xff":
                raise ServerError(payload)
            if payload[:1] == b"\xfe":
                plugin, _, data = payload[1:].partition(b"\0")
                make = sha2_answer if b"sha2" in plugin else native_answer
                self.send(packet(seq + 1, make(password.encode(), data[:20])))
            elif payload[:2] != b"\x01\x03":
                raise AssertionError(f"full authentication asked for: {payload!r}")

    def command(self, code: int, argument: bytes = b"") -> None:
        self.send(packet(0, bytes([code]) + argument))

    def answer(self) -> bytes:
        """The first packet of an answer; an ERR becomes an exception."""
        payload = self.read()[1]
        if payload[:1] == b"\xff":
            raise ServerError(payload)
        return payload

    def query(self, sql: str) -> list[list[Optional[str]]]:
        """Rows of one text query (capabilities of BASIC: classic EOF)."""
        self.command(QUERY, sql.encode())
        return self.result()

    def result(self) -> list[list[Optional[str]]]:
        first = self.answer()
        if first[:1] == b"\0":
            return []
        for _ in range(first[0] + 1):
            self.read()
        rows = []
        while True:
            payload = self.answer()
            if payload[:1] == b"\xfe" and len(payload) < 9:
                return rows
            rows.append(_text_row(payload))

    def ping(self) -> None:
        self.command(PING)
        assert self.answer()[:1] == b"\0"

    def is_closed(self, deadline: float = 10) -> bool:
        """Reads and forgets what comes until the other side closes; False when it does not."""
        end = time.monotonic() + deadline
        while time.monotonic() < end:
            if not select.select([self.sock], [], [], max(0.0, end - time.monotonic()))[0]:
                return False
            try:
                if not self.sock.recv(1 << 16):
                    return True
            except ConnectionResetError:
                return True
        return False

    def reset(self) -> None:
        """Closes with RST."""
        self.sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.sock.close()

    def close(self) -> None:
        self.sock.close()


def _text_row(payload: bytes) -> list[Optional[str]]:
    row: list[Optional[str]] = []
    at = 0
    while at < len(payload):
        length = payload[at]
        at += 1
        if length == 0xFB:
            row.append(None)
            continue
        if length >= 0xFC:
            size = {0xFC: 2, 0xFD: 3, 0xFE: 8}[length]
            length = int.from_bytes(payload[at:at + size], "little")
            at += size
        row.append(payload[at:at + length].decode(errors="replace"))
        at += length
    return row
