"""An application of several threads over a small connection pool, on PyMySQL or MySQLdb.

Notes each id in LEDGER when, and only when, the server has acknowledged it; ends with STOP."""
from __future__ import annotations

import importlib
import os
import queue
import threading
import time
import traceback
from typing import Any

ENV = os.environ
DRIVER: Any = importlib.import_module(ENV["DRIVER"])
THREADS = int(ENV["THREADS"])
CONNECTIONS = int(ENV["CONNECTIONS"])
LEDGER = os.open(ENV["LEDGER"], os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o644)


def note(line: str) -> None:
    """One write a line, so that threads need no lock."""
    os.write(LEDGER, (line + "\n").encode())


def run(db: Any, sql: str, args: Any = None) -> Any:
    cursor = db.cursor()
    try:
        cursor.execute(sql, args)
        return cursor.fetchall()
    finally:
        cursor.close()


def connect() -> Any:
    """The connection knows its own number, which the driver has from the greeting."""
    db = DRIVER.connect(host=ENV["HOST"], port=int(ENV["PORT"]), user=ENV["DBUSER"],
                        password=ENV["PASS"], database=ENV["DB"], charset="utf8mb4")
    db.autocommit(True)
    run(db, "SET @mine = %s", (db.thread_id(),))
    return db


def transaction(db: Any, worker: int, number: int) -> None:
    run(db, "BEGIN")
    run(db, "INSERT INTO ledger (id, note) VALUES (%s, %s)", (number, f"t{number}"))
    run(db, "UPDATE totals SET n = n + 1 WHERE worker = %s", (worker,))
    if run(db, "SELECT note FROM ledger WHERE id = %s", (number,)) != ((f"t{number}",),):
        note(f"W {number} is not there in its own transaction")
    db.commit()
    note(f"A {number} {worker} T")


def single(db: Any, worker: int, number: int) -> None:
    run(db, "INSERT INTO ledger (id, note) VALUES (%s, @mine)", (number,))
    note(f"A {number} {worker} S")
    found = run(db, "SELECT note, @mine FROM ledger WHERE id = %s", (number,))
    if found != ((str(db.thread_id()), db.thread_id()),):
        note(f"W {number}: {found} instead of connection {db.thread_id()}")


def work(pool: "queue.Queue[Any]", worker: int) -> None:
    number = worker * 1000000
    while not os.path.exists(ENV["STOP"]):
        number += 1
        db = pool.get()
        try:
            (transaction if number % 2 else single)(db, worker, number)
        except Exception as error:  # pylint: disable=broad-except
            note(f"E {number} {error!r} {traceback.format_exc().splitlines()[-3].strip()}")
            return
        pool.put(db)
        time.sleep(0.004)


def main() -> None:
    pool: "queue.Queue[Any]" = queue.Queue()
    for _ in range(CONNECTIONS):
        pool.put(connect())
    threads = [threading.Thread(target=work, args=(pool, n)) for n in range(THREADS)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()


main()
