"""Visitors of a PHP application: asks `php -S` for pages in several threads, and keeps the ledger.

PHP_ARGV starts PHP; HOW is mysqli or pdo. Each of PHP's processes has a persistent connection."""
from __future__ import annotations

import http.client
import json
import os
import signal
import socket
import subprocess
import threading
import time

ENV = os.environ
THREADS = int(ENV["THREADS"])
LEDGER = os.open(ENV["LEDGER"], os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o644)


def note(line: str) -> None:
    os.write(LEDGER, (line + "\n").encode())


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def page(port: int, worker: int, number: int) -> str:
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=60)
    try:
        connection.request("GET", f"/?how={ENV['HOW']}&worker={worker}&number={number}")
        answer = connection.getresponse()
        text = answer.read().decode(errors="replace")
        return text if answer.status == 200 else f"E {number} HTTP {answer.status} {text}"
    finally:
        connection.close()


def visit(port: int, worker: int) -> None:
    number = worker * 1000000
    while not os.path.exists(ENV["STOP"]):
        number += 2
        try:
            lines = page(port, worker, number).splitlines()
        except OSError as error:
            lines = [f"E {number} {error!r}"]
        for line in lines or [f"E {number} an empty page"]:
            note(line if line[:2] in ("A ", "W ", "C ") else f"E {line}")
        if any(line.startswith("E") for line in lines):
            return
        time.sleep(0.004)


def wait_listening(port: int) -> None:
    end = time.monotonic() + 30
    while True:
        try:
            socket.create_connection(("127.0.0.1", port), 1).close()
            return
        except OSError:
            if time.monotonic() > end:
                raise
            time.sleep(0.02)


def stop(php: "subprocess.Popen[bytes]") -> None:
    """PHP's workers do not end with the first process."""
    with open(f"/proc/{php.pid}/task/{php.pid}/children") as children:
        pids = [int(pid) for pid in children.read().split()]
    php.terminate()
    php.wait()
    for pid in pids:
        os.kill(pid, signal.SIGTERM)


def main() -> None:
    port = free_port()
    argv = json.loads(ENV["PHP_ARGV"])
    # The first process serves pages too, besides its workers.
    env = dict(ENV, PHP_CLI_SERVER_WORKERS=str(int(ENV["CONNECTIONS"]) - 1))
    php = subprocess.Popen([*argv[:-1], "-S", f"127.0.0.1:{port}", argv[-1]], env=env,
                           stdin=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        wait_listening(port)
        threads = [threading.Thread(target=visit, args=(port, n)) for n in range(THREADS)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    finally:
        stop(php)


main()
