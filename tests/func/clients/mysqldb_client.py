"""MySQLdb (libmariadb): text protocol and the commands of the C library."""
import os
from typing import Any

import MySQLdb
import MySQLdb.cursors

ENV = os.environ


def connect() -> Any:
    kwargs: dict[str, Any] = {}
    if ENV["TLS"] == "on":
        kwargs["ssl"] = {"ca": ENV["CA"]}
    return MySQLdb.connect(host=ENV["HOST"], port=int(ENV["PORT"]), user=ENV["DBUSER"],
                           passwd=ENV["PASS"], db=ENV["DB"], local_infile=1, charset="utf8mb4",
                           client_flag=65536, **kwargs)


def attempt(db: Any, sql: str, args: Any = None, kind: Any = MySQLdb.cursors.Cursor) -> None:
    cursor = db.cursor(kind)
    try:
        count = cursor.execute(sql, args)
        while True:
            rows = cursor.fetchall()
            print(sql[:50], count if kind is MySQLdb.cursors.Cursor else "-", len(rows), rows[:9])
            if not cursor.nextset():
                break
    except MySQLdb.MySQLError as error:
        print(sql[:50], type(error).__name__, error.args)
    try:
        cursor.close()
    except MySQLdb.MySQLError as error:
        print("close", error.args)


def statements(db: Any) -> None:
    attempt(db, "CREATE TABLE m (id INT PRIMARY KEY AUTO_INCREMENT, u BIGINT UNSIGNED,"
                " d DECIMAL(12,4), b LONGBLOB, dt DATETIME(3))")
    attempt(db, "INSERT INTO m VALUES (NULL, %s, %s, %s, %s)",
            (2**64 - 1, "3.1416", b"\0\x1a", "1999-12-31 23:59:59.999"))
    attempt(db, "INSERT INTO m (u) VALUES (%s), (%s)", (None, 0))
    for kind in (MySQLdb.cursors.Cursor, MySQLdb.cursors.SSCursor):
        attempt(db, "SELECT * FROM m ORDER BY id", None, kind)
        attempt(db, "SELECT id FROM app.nums ORDER BY id", None, kind)
        attempt(db, "SELECT 1; SELECT 2; SELECT * FROM missing", None, kind)
        attempt(db, "SELECT id, REPEAT('f', 77), EXP(id) FROM app.nums ORDER BY id", None, kind)
    attempt(db, "UPDATE m SET b = %s WHERE id = 1", (b"\xfe" * (17 << 20),))
    attempt(db, "SELECT LENGTH(b), MD5(b) FROM m WHERE id = 1")
    cursor = db.cursor()
    cursor.execute("SELECT b FROM m WHERE id = 1")
    print("big", cursor.fetchone()[0] == b"\xfe" * (17 << 20))


def commands(db: Any) -> None:
    print("stat", db.stat().split(":")[0] if isinstance(db.stat(), str) else db.stat()[:7])
    db.ping()
    db.select_db("app")
    attempt(db, "SELECT DATABASE()")
    db.change_user(ENV["DBUSER"], ENV["PASS"], ENV["DB"])
    db.set_server_option(1)           # COM_SET_OPTION: multi statements off
    attempt(db, "SELECT 1; SELECT 2")
    db.set_server_option(0)
    attempt(db, "SELECT 1; SELECT 2")
    try:
        db.dump_debug_info()
        print("debug ok")
    except MySQLdb.MySQLError as error:
        print("debug", error.args)
    print("version", db.get_server_info(), db.get_proto_info(), db.character_set_name())
    attempt(db, "CREATE TABLE ml (a INT, b VARCHAR(50))")
    attempt(db, f"LOAD DATA LOCAL INFILE '{ENV['DATAFILE']}' INTO TABLE ml"
                " FIELDS TERMINATED BY ','")
    print("info", db.info())
    attempt(db, "LOAD DATA LOCAL INFILE '/nonexistent' INTO TABLE ml")
    attempt(db, "SELECT COUNT(*) FROM ml")
    try:
        db.change_user(ENV["DBUSER"], "wrong", ENV["DB"])
        print("change_user passed?")
    except MySQLdb.MySQLError as error:
        print("change_user", error.args[0])


CONNECTION = connect()
statements(CONNECTION)
commands(CONNECTION)
CONNECTION.close()
print("end")
