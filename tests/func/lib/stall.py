"""A forwarder before a server whose network can stall: what is under way stays in it, in order, and
nobody is told."""
from __future__ import annotations

import socket
import threading

from lib.relay import hang_up, pieces
from lib.servers import Server


class Stall:
    """Listens on loopback; two threads a connection. `port` is where the server is now."""

    def __init__(self, server: Server) -> None:
        self.server = server
        self.moving = threading.Event()
        self.moving.set()
        self.listener = socket.create_server(("127.0.0.1", 0), backlog=100)
        self.port = int(self.listener.getsockname()[1])
        threading.Thread(target=self._accept, daemon=True).start()

    def stall(self) -> None:
        self.moving.clear()

    def go_on(self) -> None:
        self.moving.set()

    def _accept(self) -> None:
        while True:
            try:
                client, _ = self.listener.accept()
            except OSError:
                return
            threading.Thread(target=self._serve, args=(client,), daemon=True).start()

    def _serve(self, client: socket.socket) -> None:
        self.moving.wait()
        try:
            server = socket.create_connection(("127.0.0.1", self.server.port))
        except OSError:
            client.close()
            return
        for end in (client, server):
            end.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        threading.Thread(target=self._pump, args=(server, client), daemon=True).start()
        self._pump(client, server)

    def _pump(self, source: socket.socket, sink: socket.socket) -> None:
        try:
            for data in pieces(source):
                self.moving.wait()
                sink.sendall(data)
        except OSError:
            pass
        self.moving.wait()
        hang_up(sink)
        hang_up(source)

    def close(self) -> None:
        self.go_on()
        self.listener.close()
