"""PyMySQL: text protocol, streamed results, procedures, LOAD DATA LOCAL."""
import hashlib
import os
import ssl
from typing import Any

import pymysql
from pymysql.constants import CLIENT, COMMAND

ENV = os.environ


def connect(**kwargs: Any) -> pymysql.Connection:
    if ENV["TLS"] == "on":
        kwargs["ssl"] = ssl.create_default_context(cafile=ENV["CA"])
    return pymysql.connect(host=ENV["HOST"], port=int(ENV["PORT"]), user=ENV["DBUSER"],
                           password=ENV["PASS"], database=ENV["DB"], local_infile=True,
                           client_flag=CLIENT.MULTI_STATEMENTS, charset="utf8mb4",
                           max_allowed_packet=64 << 20, **kwargs)


def attempt(db: pymysql.Connection, sql: str, args: Any = None) -> None:
    with db.cursor() as cursor:
        try:
            count = cursor.execute(sql, args)
            while True:
                rows = cursor.fetchall()
                print(sql[:50], count, cursor.lastrowid, rows[:20])
                if not cursor.nextset():
                    return
        except pymysql.MySQLError as error:
            print(sql[:50], type(error).__name__, error.args)


def text(db: pymysql.Connection) -> None:
    attempt(db, "CREATE TABLE y (id INT PRIMARY KEY AUTO_INCREMENT, u BIGINT UNSIGNED,"
                " d DECIMAL(30,10), b LONGBLOB, s VARCHAR(99), dt DATETIME(6), ti TIME, j JSON)")
    attempt(db, "INSERT INTO y VALUES (NULL, %s, %s, %s, %s, %s, %s, %s)",
            (18446744073709551615, "1.25", b"\0\xff'", "grüße 😀", "2024-02-29 1:2:3.4",
             "-12:34:56", '{"k": [true, null]}'))
    attempt(db, "SELECT * FROM y")
    attempt(db, "SELECT 1; SELECT 2; DO 1; SELECT 3")
    attempt(db, "SELECT 1; SELECT * FROM missing; SELECT 3")
    attempt(db, "SELECT 'next command in step'")
    attempt(db, "SELECT CAST('12x' AS SIGNED)")
    attempt(db, "SHOW WARNINGS")
    attempt(db, "CREATE PROCEDURE yp(INOUT n INT) BEGIN SELECT n; SELECT n + 1, n + 2;"
                " SET n = 9; END")
    with db.cursor() as cursor:
        cursor.callproc("yp", (5,))
        print("callproc", cursor.fetchall(), cursor.nextset(), cursor.fetchall())
    attempt(db, "SELECT @_yp_0")
    attempt(db, "")
    attempt(db, "/* nothing */")


def streams(db: pymysql.Connection) -> None:
    with db.cursor(pymysql.cursors.SSCursor) as cursor:
        cursor.execute("SELECT a.id, REPEAT('s', a.id % 300) FROM app.nums a, app.digit d"
                       " ORDER BY a.id, d.d")
        digest = hashlib.md5()
        for row in cursor:
            digest.update(repr(row).encode())
        print("stream", digest.hexdigest())
    with db.cursor(pymysql.cursors.SSCursor) as cursor:
        cursor.execute("SELECT id, REPEAT('e', 99), EXP(id) FROM app.nums ORDER BY id")
        count = 0
        try:
            for _ in cursor:
                count += 1
        except pymysql.MySQLError as error:
            print("error in rows", count, error.args)


def big_values(db: pymysql.Connection) -> None:
    big = bytes(range(256)) * (17 << 12)
    attempt(db, "UPDATE y SET b = _binary %s", (big,))
    attempt(db, "SELECT LENGTH(b), MD5(b) FROM y")
    with db.cursor() as cursor:
        cursor.execute("SELECT b FROM y")
        print("big", cursor.fetchone()[0] == big)
        for size in (16777215, 33554430):
            cursor.execute(f"SELECT REPEAT('m', {size}), 1")
            print("edge", size, len(cursor.fetchone()[0]))


def commands(db: pymysql.Connection) -> None:
    attempt(db, "CREATE TABLE yl (a INT, b VARCHAR(50))")
    attempt(db, f"LOAD DATA LOCAL INFILE '{ENV['DATAFILE']}' INTO TABLE yl"
                " FIELDS TERMINATED BY ','")
    attempt(db, "LOAD DATA LOCAL INFILE '/nonexistent' INTO TABLE yl")
    attempt(db, "SELECT COUNT(*), SUM(a) FROM yl")
    db.begin()
    attempt(db, "DELETE FROM yl")
    db.rollback()
    attempt(db, "SELECT COUNT(*) FROM yl")
    db.ping(reconnect=False)
    db.select_db("app")
    attempt(db, "SELECT DATABASE()")
    db._execute_command(COMMAND.COM_STATISTICS, "")
    print("statistics", db._read_packet().get_all_data()[:7])
    db._execute_command(COMMAND.COM_INIT_DB, "missing_db")
    try:
        db._read_packet()
    except pymysql.MySQLError as error:
        print("init_db", error.args)
    db._execute_command(0x1F, "")     # COM_RESET_CONNECTION
    print("reset", db._read_packet().is_ok_packet())
    db._execute_command(0x70, "")     # no such command
    try:
        db._read_packet()
    except pymysql.MySQLError as error:
        print("unknown command", error.args)
    attempt(db, "SELECT 1")


CONNECTION = connect()
text(CONNECTION)
streams(CONNECTION)
big_values(CONNECTION)
commands(CONNECTION)
CONNECTION.close()
print("end")
