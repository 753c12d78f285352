"""A relay before a server, which can keep answers to questions about locks back, or stall."""
from __future__ import annotations

import socket
import threading
from typing import Iterator

# The control account's question about the locks of all threads; and the one at a capture.
HELD = (b"FROM information_schema.METADATA_LOCK_INFO", b"FROM performance_schema.metadata_locks")
RELEASES = (b"RELEASE_ALL_LOCKS()",)


class Relay:
    """Listens on loopback; two threads a connection. Between `keep` and `let_go` the server's
    answer to such a question stays here; `answered` is set once it has come.

    From `stall` to `flow` nothing passes, in no direction and on no connection: at once, or from
    the first command on that holds these words, which is kept here, too; then `stalled` is set."""

    def __init__(self, port: int) -> None:
        self.target = port
        self.questions: tuple[bytes, ...] = ()
        self.answered = threading.Event()
        self.free = threading.Event()
        self.free.set()
        self.words = b""
        self.stalled = threading.Event()
        self.flowing = threading.Event()
        self.flowing.set()
        self.listener = socket.create_server(("127.0.0.1", 0), backlog=100)
        self.port = int(self.listener.getsockname()[1])
        threading.Thread(target=self._accept, daemon=True).start()

    def keep(self, questions: tuple[bytes, ...] = HELD) -> None:
        self.answered.clear()
        self.free.clear()
        self.questions = questions

    def let_go(self) -> None:
        self.questions = ()
        self.free.set()

    def stall(self, words: bytes = b"") -> None:
        self.words = words
        self.stalled.clear()
        if not words:
            self._stop()

    def _stop(self) -> None:
        self.flowing.clear()
        self.stalled.set()

    def flow(self) -> None:
        self.words = b""
        self.flowing.set()

    def _accept(self) -> None:
        while True:
            try:
                client, _ = self.listener.accept()
            except OSError:
                return
            server = socket.create_connection(("127.0.0.1", self.target))
            for end in (client, server):
                end.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            asked = threading.Event()
            for pump in (self._up, self._down):
                threading.Thread(target=pump, args=(client, server, asked), daemon=True).start()

    def _up(self, client: socket.socket, server: socket.socket, asked: threading.Event) -> None:
        for data in pieces(client):
            if any(question in data for question in self.questions):
                asked.set()
            if self.words and self.words in data and not self.stalled.is_set():
                self._stop()
            self.flowing.wait()
            server.sendall(data)
        hang_up(server)

    def _down(self, client: socket.socket, server: socket.socket, asked: threading.Event) -> None:
        for data in pieces(server):
            if asked.is_set():
                self.answered.set()
                self.free.wait(60)
                asked.clear()
            self.flowing.wait()
            client.sendall(data)
        hang_up(client)

    def close(self) -> None:
        self.let_go()
        self.flow()
        self.listener.close()


def pieces(sock: socket.socket) -> Iterator[bytes]:
    try:
        while data := sock.recv(65536):
            yield data
    except OSError:
        return


def hang_up(sock: socket.socket) -> None:
    try:
        sock.shutdown(socket.SHUT_RDWR)
    except OSError:
        pass
