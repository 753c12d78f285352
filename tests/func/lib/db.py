"""Short ways to use a connection."""
from __future__ import annotations

import threading
from typing import Any, Callable

import pymysql


def run(connection: pymysql.Connection, sql: str, args: Any = None) -> list[tuple[Any, ...]]:
    with connection.cursor() as cursor:
        cursor.execute(sql, args)
        return list(cursor.fetchall())


def one(connection: pymysql.Connection, sql: str, args: Any = None) -> Any:
    return run(connection, sql, args)[0][0]


def code_of(error: BaseException) -> int:
    assert isinstance(error, pymysql.MySQLError), f"{type(error).__name__}: {error}"
    return int(error.args[0])


def expect_error(codes: tuple[int, ...], call: Callable[[], Any], words: str = "") -> str:
    """The call must fail with one of these codes, the text holding `words`."""
    try:
        value = call()
    except pymysql.MySQLError as error:
        assert error.args[0] in codes, f"error {error.args}, expected one of {codes}"
        text = str(error.args[1]) if len(error.args) > 1 else ""
        assert words.lower() in text.lower(), f"error text {text!r} does not say {words!r}"
        return text
    raise AssertionError(f"no error, but {value!r}; expected one of {codes}")


def table(connection: pymysql.Connection, name: str) -> None:
    run(connection, f"CREATE TABLE {name} (id INT PRIMARY KEY AUTO_INCREMENT, v INT)"
                    " ENGINE=InnoDB")


class Idlers:
    """Many logged-in sessions that do nothing, opened by a few threads."""

    def __init__(self, open_one: Callable[[], Any], count: int, threads: int = 8):
        self.items: list[Any] = []
        self.errors: list[BaseException] = []
        self.lock = threading.Lock()
        todo = [count // threads + (1 if i < count % threads else 0) for i in range(threads)]
        workers = [threading.Thread(target=self._open, args=(open_one, n)) for n in todo]
        for worker in workers:
            worker.start()
        for worker in workers:
            worker.join()
        if self.errors:
            raise self.errors[0]

    def _open(self, open_one: Callable[[], Any], count: int) -> None:
        for _ in range(count):
            try:
                item = open_one()
            except BaseException as err:  # pylint: disable=broad-except
                self.errors.append(err)
                return
            with self.lock:
                self.items.append(item)

    def close(self) -> None:
        for item in self.items:
            item.close()
        self.items.clear()
