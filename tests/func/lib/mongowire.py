"""MongoDB's wire protocol, from the server's side: OP_MSG, and OP_QUERY for the handshakes of old.

    socket ─> Door (a port) ─> a thread a connection ─> handler(connection, database, command)

What a handler returns is the reply; Hangup closes the connection instead, Silence leaves it open.
"""
from __future__ import annotations

import base64
import hashlib
import hmac
import os
import socket
import struct
import threading
from typing import Any, Callable, Optional

import bson
from bson.codec_options import CodecOptions
from bson.son import SON

OP_REPLY, OP_QUERY, OP_MSG = 1, 2004, 2013
MORE_TO_COME = 2
OPTIONS = CodecOptions(document_class=SON)


class Hangup(Exception):
    """The connection ends without a reply."""


class Silence(Exception):
    """No reply ever; the connection stays."""


class Peer:
    """One connection."""

    def __init__(self, sock: socket.socket):
        self.sock = sock
        self.login: Optional["Scram"] = None
        self.user: Optional[str] = None

    def close(self) -> None:
        try:
            self.sock.shutdown(socket.SHUT_RDWR)
        except OSError:
            pass
        self.sock.close()


Handler = Callable[[Peer, str, "SON[str, Any]"], "dict[str, Any]"]


def decode(data: bytes) -> "SON[str, Any]":
    return bson.decode(data, OPTIONS)


def _read(sock: socket.socket, count: int) -> bytes:
    data = b""
    while len(data) < count:
        part = sock.recv(count - len(data))
        if not part:
            raise OSError("closed")
        data += part
    return data


def _document(data: bytes, at: int) -> tuple["SON[str, Any]", int]:
    size = struct.unpack_from("<i", data, at)[0]
    return decode(data[at:at + size]), at + size


def parse_msg(body: bytes) -> tuple[int, "SON[str, Any]"]:
    """Flags and command, with the document sequences in their places."""
    flags = struct.unpack_from("<I", body)[0]
    end = len(body) - (4 if flags & 1 else 0)
    at = 4
    command: "SON[str, Any]" = SON()
    while at < end:
        kind = body[at]
        at += 1
        if kind == 0:
            document, at = _document(body, at)
            command.update(document)
            continue
        size = struct.unpack_from("<i", body, at)[0]
        stop, at = at + size, at + 4
        name_end = body.index(b"\0", at)
        name, at = body[at:name_end].decode(), name_end + 1
        documents = []
        while at < stop:
            document, at = _document(body, at)
            documents.append(document)
        command[name] = documents
    return flags, command


def parse_query(body: bytes) -> tuple[str, "SON[str, Any]"]:
    end = body.index(b"\0", 4)
    database = body[4:end].decode().split(".")[0]
    command, _ = _document(body, end + 1 + 8)
    inner = command.get("$query", command)
    return database, inner


class Door:
    """A port with a thread a connection. May be shut and opened again on the same port."""

    def __init__(self, handler: Handler, port: int = 0):
        self.handler = handler
        self.peers: set[Peer] = set()
        self.lock = threading.Lock()
        self.port = port
        self.listener: Optional[socket.socket] = None
        self.number = 0
        self.open()

    def open(self) -> None:
        listener = socket.socket()
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind(("127.0.0.1", self.port))
        listener.listen(64)
        self.port = listener.getsockname()[1]
        self.listener = listener
        threading.Thread(target=self._accept, args=(listener,), daemon=True).start()

    def shut(self) -> None:
        listener, self.listener = self.listener, None
        if listener is not None:
            try:
                listener.shutdown(socket.SHUT_RDWR)
            except OSError:
                pass
            listener.close()
        self.drop()

    def drop(self, but: Optional[Peer] = None) -> None:
        """Ends the connections, as a server before 4.2 does when it steps down."""
        with self.lock:
            gone = [p for p in self.peers if p is not but]
        for peer in gone:
            peer.close()

    def _accept(self, listener: socket.socket) -> None:
        while True:
            try:
                sock, _ = listener.accept()
            except OSError:
                return
            sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            peer = Peer(sock)
            with self.lock:
                self.peers.add(peer)
            threading.Thread(target=self._serve, args=(peer,), daemon=True).start()

    def _serve(self, peer: Peer) -> None:
        try:
            while True:
                self._exchange(peer)
        except (OSError, Hangup, struct.error, ValueError):
            pass
        finally:
            with self.lock:
                self.peers.discard(peer)
            peer.close()

    def _exchange(self, peer: Peer) -> None:
        size, request, _, opcode = struct.unpack("<iiii", _read(peer.sock, 16))
        body = _read(peer.sock, size - 16)
        if opcode == OP_MSG:
            flags, command = parse_msg(body)
            database = command.get("$db", "admin")
        elif opcode == OP_QUERY:
            flags = 0
            database, command = parse_query(body)
        else:
            raise Hangup()
        try:
            reply = bson.encode(SON(self.handler(peer, database, command)))
        except Silence:
            return
        if flags & MORE_TO_COME:
            return
        self.number += 1
        if opcode == OP_MSG:
            head, code = struct.pack("<IB", 0, 0), OP_MSG
        else:
            head, code = struct.pack("<iqii", 8, 0, 0, 1), OP_REPLY
        peer.sock.sendall(struct.pack("<iiii", 16 + len(head) + len(reply), self.number, request,
                                      code) + head + reply)


class Scram:
    """The server's side of SCRAM-SHA-256 (RFC 7677), one conversation."""

    ITERATIONS = 4096

    def __init__(self, users: dict[str, str], first: bytes):
        bare = first.decode().split(",", 2)[2]
        fields = dict(part.split("=", 1) for part in bare.split(","))
        self.user = fields["n"]
        self.password = users.get(self.user)
        self.nonce = fields["r"] + base64.b64encode(os.urandom(18)).decode()
        self.salt = os.urandom(28)
        self.bare = bare
        self.first = (f"r={self.nonce},s={base64.b64encode(self.salt).decode()},"
                      f"i={self.ITERATIONS}")

    def finish(self, final: bytes) -> Optional[str]:
        """The server's signature, or None: wrong user or password."""
        text = final.decode()
        without, _, proof = text.rpartition(",p=")
        if self.password is None:
            return None
        salted = hashlib.pbkdf2_hmac("sha256", self.password.encode(), self.salt, self.ITERATIONS)
        client_key = hmac.digest(salted, b"Client Key", "sha256")
        message = f"{self.bare},{self.first},{without}".encode()
        signature = hmac.digest(hashlib.sha256(client_key).digest(), message, "sha256")
        expected = bytes(a ^ b for a, b in zip(client_key, signature))
        if not hmac.compare_digest(expected, base64.b64decode(proof)):
            return None
        server_key = hmac.digest(salted, b"Server Key", "sha256")
        return base64.b64encode(hmac.digest(server_key, message, "sha256")).decode()
