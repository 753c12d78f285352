"""Session states for the tests of the move: what sets each up, and what reads it.

One row is one session: its setup runs before the move, its probes after it, and each probe's
answer must be what a session that has not moved gets. `may` names the reasons for which sluice
may end the session instead; a row without `may` must move. Actions are explained in lib/talk.py.

Every row has a database of its own, named after it and the same on all servers, and what
`fixture` says is run there by root before any session connects.
"""
from __future__ import annotations

import dataclasses
from typing import Any, Iterable, Optional, Sequence, Union

from lib.talk import Action

Actions = Union[str, Sequence[Action]]


@dataclasses.dataclass(frozen=True)
class Row:
    """One session state."""
    name: str
    setup: tuple[Action, ...]
    probes: tuple[Action, ...]
    family: str = "both"
    may: tuple[str, ...] = ()            # words, one of which is in the reason for an end
    fixture: tuple[str, ...] = ()
    target_only: tuple[str, ...] = ()    # run on the new server alone, before the move
    user: str = "app"
    schema: str = "own"                  # or "none"
    aborted: bool = False                # the move rolls a transaction back: 1213 comes first
    diagnostics: bool = False            # error 1105 is as good as the answer
    errors: tuple[int, ...] = ()         # errors that are as good as the answer
    drivers: tuple[str, ...] = ()        # all that know its actions, unless named
    random: bool = True                  # its statements may be mixed with others
    anew: bool = False                   # its probes show what is the new server's own
    resets: bool = False                 # its probes begin with a reset: the new server's defaults

    @property
    def database(self) -> str:
        return "m_" + self.name


ROWS: list[Row] = []


def row(name: str, setup: Actions, probes: Actions, **more: Any) -> None:
    def listed(actions: Actions) -> tuple[Action, ...]:
        return (actions,) if isinstance(actions, str) else tuple(actions)
    for key in ("may", "fixture", "target_only", "drivers", "errors"):
        if key in more and not isinstance(more[key], tuple):
            more[key] = (more[key],)
    assert all(r.name != name for r in ROWS), f"two rows {name}"
    ROWS.append(Row(name, listed(setup), listed(probes), **more))


def rows(family: str) -> list[Row]:
    return [r for r in ROWS if r.family in ("both", family)]


# Users and roles of every server, in the family's own syntax.
USERS = {"app": "app-secret", "plain": "plain-secret", "roley": "roley-secret",
         "other": "other-secret", "denied": "denied-secret"}
ACCOUNTS = {
    "mariadb": (
        "CREATE ROLE reader", "CREATE ROLE writer", "GRANT SELECT ON app.* TO reader",
        "GRANT INSERT ON app.* TO writer", "GRANT reader TO app", "GRANT writer TO app",
        "CREATE USER other@'%' IDENTIFIED BY 'other-secret'", "GRANT ALL ON *.* TO other@'%'",
        "CREATE USER denied@'%' IDENTIFIED BY 'denied-secret'", "GRANT ALL ON *.* TO denied@'%'",
        "CREATE USER roley@'%' IDENTIFIED BY 'roley-secret'", "GRANT reader TO roley",
        "GRANT writer TO roley", "SET DEFAULT ROLE reader FOR roley@'%'",
    ),
    "mysql": (
        "CREATE ROLE reader, writer", "GRANT SELECT ON app.* TO reader",
        "GRANT INSERT ON app.* TO writer", "GRANT reader, writer TO app",
        "CREATE USER other@'%' IDENTIFIED WITH caching_sha2_password BY 'other-secret'",
        "GRANT ALL ON *.* TO other@'%'",
        "CREATE USER denied@'%' IDENTIFIED WITH caching_sha2_password BY 'denied-secret'",
        "GRANT ALL ON *.* TO denied@'%'",
        "CREATE USER roley@'%' IDENTIFIED WITH caching_sha2_password BY 'roley-secret'"
        " DEFAULT ROLE reader",
        "GRANT reader, writer TO roley",
    ),
}

STATE = "unknown_state"
# What a routine or a trigger does cannot always be told from its making a temporary table.
ROUTINE = STATE
TABLE = "CREATE TABLE t (id INT PRIMARY KEY AUTO_INCREMENT, v VARCHAR(50)) ENGINE=InnoDB"
FILLED = (TABLE, "INSERT INTO t (v) VALUES ('one'), ('two'), ('three')")
CHARSETS = ("SELECT @@character_set_client AS a, @@character_set_connection AS b,"
            " @@character_set_results AS c, @@collation_connection AS d")
# What a character set changes: literals, comparison, the encoding of names and values.
TEXTS = ("SELECT HEX('\u00e9') AS h, CHARSET('x') AS c, COLLATION('x') AS l, 'a' = 'A' AS i,"
         " _utf8mb4 X'C3A9' AS v, CONCAT('\u00e9', 'x') AS k")


# --- user variables -----------------------------------------------------------------------------

VALUE = "SELECT @a AS v, HEX(@a) AS h, CHARSET(@a) AS c, COLLATION(@a) AS l, COERCIBILITY(@a) AS k"

USER_VALUES: dict[str, str] = {
    "int": "42", "int_zero": "0", "int_negative": "-7",
    "int_min": "-9223372036854775808", "int_max": "9223372036854775807",
    "unsigned_above": "9223372036854775808", "unsigned_max": "18446744073709551615",
    "unsigned_small": "CAST(5 AS UNSIGNED)", "bool": "TRUE", "bits": "b'1010'", "hex": "X'00FF10'",
    "hex_number": "0xFF + 0", "decimal": "1.50", "decimal_trailing": "100.00000",
    "decimal_negative": "-0.001", "decimal_65": "9" * 65, "decimal_30_scale": "0." + "1" * 30,
    "decimal_wide": "9" * 35 + "." + "7" * 30, "double": "1e0",
    "double_tiny": "2.2250738585072014e-308",
    "double_max": "1.7976931348623157e308", "double_third": "1e0/3", "double_sum": "0.1e0 + 0.2e0",
    "double_negative_zero": "-0e0", "double_denormal": "4.9406564584124654e-324",
    "double_large_int": "1e22", "double_digits": "123456789.12345678e0",
    "null": "NULL", "empty": "''", "text": "'text'", "text_quotes": "'it''s \"so\" `here`'",
    "text_escapes": r"'a\\b\nc\0d\Z%_'", "text_utf8": "'gr\u00fc\u00dfe \U0001F600'",
    "text_number": "'0123'", "text_latin1": "_latin1 X'E9E8'",
    "text_latin1_german": "_latin1 X'E9' COLLATE latin1_german2_ci",
    "text_utf8_bin": "_utf8mb4 X'F09F9880' COLLATE utf8mb4_bin",
    "text_utf8_general": "'abc' COLLATE utf8mb4_general_ci",
    "text_utf8_czech": "'abc' COLLATE utf8mb4_czech_ci",
    "text_utf8mb3": "_utf8mb3 X'C3A9'", "text_gbk": "_gbk X'B0A1'",
    "text_gbk_backslash": "_gbk X'D55C'", "text_sjis": "_sjis X'955C'",
    "text_big5": "_big5 X'A55C'",
    "text_ucs2": "_ucs2 X'00E90041'", "text_utf16": "_utf16 X'D83DDE00'",
    "text_utf32": "_utf32 X'0001F600'", "text_utf16le": "_utf16le X'4100'",
    "text_cp1251": "_cp1251 X'CFF0'", "text_koi8r": "_koi8r X'C1'", "text_ascii": "_ascii 'plain'",
    "text_eucjpms": "_eucjpms X'A4A2'", "text_binary": "_binary X'00FF27225C60'",
    "text_binary_empty": "_binary ''", "text_cast_binary": "CAST('abc' AS BINARY(6))",
    "text_long": "REPEAT('long ', 20000)", "text_concat_ws": "CONCAT('a', 5, NULL)",
    "date": "DATE'2024-02-29'", "time": "TIME'-838:59:59'",
    "datetime": "TIMESTAMP'2024-02-29 23:59:59.123456'",
    "cast_char": "CAST(17 AS CHAR)", "case": "CASE WHEN 1 THEN 2 ELSE 'x' END",
    "ifnull": "IFNULL(NULL, 1.25)", "uuid_bin": "UNHEX('00112233445566778899AABBCCDDEEFF')",
    "json": "JSON_OBJECT('k', 1)", "json_text": "'{\"k\": [1, 2]}'",
    "huge": "REPEAT('x', 1500000)",
}
MAY_VALUES = {"huge": ("user variable", "too large")}
CTAS = ("CREATE TABLE ctas AS SELECT @a AS v", "SHOW COLUMNS FROM ctas", "SELECT * FROM ctas")

for _name, _value in USER_VALUES.items():
    _more: tuple[str, ...] = () if _name in ("huge", "text_long") else CTAS
    _read = "SELECT LENGTH(@a), SHA2(@a, 256)" if _name in ("huge", "text_long") else VALUE
    row("uv_" + _name, f"SET @a = {_value}", (_read, *_more, "SELECT @a IS NULL, @a = @a, @a + 0"
        if _name not in ("huge", "text_long") else "SELECT 1"), may=MAY_VALUES.get(_name, ()),
        # On MySQL a NULL made of text gets the collation that a number in the variable had, which
        # is that of the connection then, and cannot be asked (docs/MIGRATION-LIMITS.md).
        random=_name != "text_concat_ws")

row("uv_json_cast", "SET @a = CAST('{\"k\": [1, 2]}' AS JSON)", VALUE, family="mysql")
row("uv_geometry", "SET @a = ST_GeomFromText('POINT(1 2)')",
    ("SELECT HEX(@a), CHARSET(@a)", "SELECT ST_AsText(@a)"), may=("user variable",))
row("uv_names", "SET @`with space` = 1, @`back``quote` = 2, @UPPER = 4, @`1digit` = 5,"
    " @a.b = 6, @$d = 7, @_ = 8, @'quoted' = 9",
    ("SELECT @`with space`, @`back``quote`, @upper, @UPPER, @`1digit`, @a.b, @$d, @_, @quoted",
     "SELECT @`a.b`"))
row("uv_name_empty", "SET @`` = 3", "SELECT @``")
row("uv_name_long", "SET @`" + "n" * 64 + "` = 'x'", "SELECT @`" + "n" * 64 + "`")
row("uv_name_utf8", "SET @`gr\u00fc\u00dfe` = 'x'", "SELECT @`gr\u00fc\u00dfe` AS v",
    may=("user variable",))
row("uv_name_case", "SET @Mixed = 1, @mIXED = 2", "SELECT @mixed, @MIXED")
row("uv_many", [f"SET @v{i} = {i}, @w{i} = 'w{i}'" for i in range(60)],
    "SELECT " + ", ".join(f"@v{i}, @w{i}" for i in range(0, 60, 7)))
row("uv_select_assign", ("SELECT @a := 5", "SELECT @b := 'x', @a := @a + 1"), "SELECT @a, @b")
row("uv_select_rows", "SELECT @s := @s + id FROM (SELECT @s := 0) i, app.nums WHERE id < 10",
    "SELECT @s")
row("uv_select_into", "SELECT 5, 'x' INTO @a, @b", "SELECT @a, @b")
row("uv_update_assign", "UPDATE t SET v = (@a := CONCAT(v, '!')) ORDER BY id", "SELECT @a",
    fixture=FILLED)
row("uv_trigger", "INSERT INTO t (v) VALUES ('x')", "SELECT @seen, @last",
    fixture=(TABLE, "CREATE TRIGGER tr AFTER INSERT ON t FOR EACH ROW"
             " SET @seen = IFNULL(@seen, 0) + 1, @last = NEW.v"), may=ROUTINE)
row("uv_procedure", "CALL p()", "SELECT @from_p, @t",
    fixture=("CREATE PROCEDURE p() BEGIN SET @from_p = 7.25; SELECT 'x' INTO @t; END",),
    may=ROUTINE)
row("uv_out_parameter", "CALL p(@out)", "SELECT @out",
    fixture=("CREATE PROCEDURE p(OUT o VARCHAR(9)) SET o = 'gone'",))
row("uv_function", "SELECT f()", "SELECT @from_f",
    fixture=("CREATE FUNCTION f() RETURNS INT DETERMINISTIC BEGIN SET @from_f = 'f'; RETURN 1;"
             " END",), may=ROUTINE)
row("uv_fetch_into", "CALL p()", "SELECT @c", fixture=(
    *FILLED, "CREATE PROCEDURE p() BEGIN DECLARE x VARCHAR(9); DECLARE c CURSOR FOR SELECT v FROM"
    " t ORDER BY id; OPEN c; FETCH c INTO x; SET @c = x; CLOSE c; END"), may=ROUTINE)
row("uv_reset_to_null", ("SET @a = 5", "SET @a = NULL"), (VALUE, "SELECT @a + 1"))
row("uv_type_changed", ("SET @a = 5", "SET @a = 'five'", "SET @a = 5.5"), (VALUE, *CTAS))
row("uv_null_of_text", "SET @a = NULLIF('x', 'x')", (VALUE, *CTAS))
row("uv_null_of_decimal", "SET @a = NULLIF(1.5, 1.5)", (VALUE, *CTAS))
row("uv_column_latin1", "SELECT v FROM l INTO @a", (VALUE, *CTAS),
    fixture=("CREATE TABLE l (v VARCHAR(9) CHARACTER SET latin1 COLLATE latin1_swedish_ci)",
             "INSERT INTO l VALUES ('\u00e9')"))
row("uv_under_ansi", ("SET sql_mode = 'ANSI_QUOTES'", "SET @a = 'say \"x\"'"), VALUE)
row("uv_under_no_backslash", ("SET sql_mode = 'NO_BACKSLASH_ESCAPES'", r"SET @a = 'c:\new\'"),
    VALUE)
row("uv_under_latin1", ("SET NAMES latin1", "SET @a = 'x\u00e9'"), VALUE)
row("uv_under_gbk", ("SET NAMES gbk", "SET @a = X'D55C'", "SET @b = 'plain'"),
    (VALUE, "SELECT @b, CHARSET(@b)"))
row("uv_unset_read", "SELECT @never", ("SELECT @never", "SELECT @never = 1", "SELECT @never + 1"))
row("uv_compare", ("SET @a = 'ABC' COLLATE utf8mb4_bin", "SET @b = 'ABC'"),
    ("SELECT @a = 'abc', @b = 'abc'",))
row("uv_in_limit", "SET @a = 2", ("PREPARE s FROM 'SELECT id FROM app.nums ORDER BY id LIMIT ?'",
                                  "EXECUTE s USING @a", "DEALLOCATE PREPARE s"), random=False)
row("uv_arith_types", ("SET @i = 7, @u = CAST(7 AS UNSIGNED), @d = 7.0, @f = 7e0",),
    ("SELECT @i / 2, @u / 2, @d / 2, @f / 2, @i DIV 2, -@u", "SELECT @i + @d, @i + @f, @u + @i",
     "SELECT @i * 1.10, @d * 1.10"))
row("uv_union", ("SET @i = 7, @s = 'x'",), "SELECT @i UNION ALL SELECT @s")
row("uv_sum", "SET @total = 0", ("SELECT @total := @total + 1 FROM app.digit",
                                 "SELECT @total"))

# --- LAST_INSERT_ID -----------------------------------------------------------------------------

LAST = "SELECT LAST_INSERT_ID()"
INSERT = "INSERT INTO t (v) VALUES ('x')"
row("id_none", "SELECT 1", (LAST, "SELECT @@last_insert_id, @@identity"))
row("id_insert", INSERT, (LAST, LAST, "SELECT @@last_insert_id, @@identity"), fixture=(TABLE,))
row("id_multi", "INSERT INTO t (v) VALUES ('a'), ('b'), ('c')", LAST, fixture=(TABLE,))
row("id_explicit", (INSERT, "INSERT INTO t VALUES (70, 'x')"), LAST, fixture=(TABLE,))
row("id_expr", "SELECT LAST_INSERT_ID(4711)", LAST)
row("id_expr_big", "SELECT LAST_INSERT_ID(18446744073709551615)", (LAST,
    "SELECT LAST_INSERT_ID() + 0"))
row("id_update_expr", "UPDATE t SET id = LAST_INSERT_ID(id + 100) WHERE id = 2", LAST,
    fixture=FILLED)
row("id_duplicate", "INSERT INTO t (id, v) VALUES (2, 'y') ON DUPLICATE KEY UPDATE"
    " id = LAST_INSERT_ID(id), v = 'z'", (LAST, "SELECT * FROM t ORDER BY id"), fixture=FILLED)
row("id_failed", (INSERT, "INSERT INTO t VALUES (1, 'again')"), LAST, fixture=FILLED)
row("id_rolled_back", ("BEGIN", INSERT, "ROLLBACK"), LAST, fixture=(TABLE,), random=False)
row("id_used_in_insert", INSERT, ("INSERT INTO r VALUES (LAST_INSERT_ID(), 'child')",
                                  "SELECT * FROM r", LAST),
    fixture=(TABLE, "CREATE TABLE r (a INT, b CHAR(9))"))
row("id_procedure", "CALL p()", LAST, fixture=(
    TABLE, "CREATE PROCEDURE p() INSERT INTO t (v) VALUES ('p')"))
row("id_function", "SELECT f()", LAST, fixture=(
    TABLE, "CREATE FUNCTION f() RETURNS INT DETERMINISTIC MODIFIES SQL DATA BEGIN"
    " INSERT INTO t (v) VALUES ('f'); RETURN 1; END"))
row("id_trigger", INSERT, LAST, fixture=(
    TABLE, "CREATE TABLE log (n INT PRIMARY KEY AUTO_INCREMENT) AUTO_INCREMENT = 500",
    "CREATE TRIGGER tr AFTER INSERT ON t FOR EACH ROW INSERT INTO log VALUES (NULL)"))
row("id_insert_select", "INSERT INTO t (v) SELECT d FROM app.digit", LAST, fixture=(TABLE,))
row("id_replace", "REPLACE INTO t (v) VALUES ('r')", LAST, fixture=(TABLE,))
row("id_set", "SET last_insert_id = 88", (LAST, "SELECT @@last_insert_id"), may=STATE)
row("id_set_identity", "SET identity = 89", LAST, may=STATE)
row("id_bigint", INSERT, LAST, fixture=(
    "CREATE TABLE t (id BIGINT UNSIGNED PRIMARY KEY AUTO_INCREMENT, v CHAR(5))"
    " AUTO_INCREMENT = 9223372036854775810",))
row("id_prepared", [("prepare", "p", "INSERT INTO t (v) VALUES (?)"), ("execute", "p", "x")],
    (LAST, ("execute", "p", "y")), fixture=(TABLE,), random=False)
row("id_returning", "INSERT INTO t (v) VALUES ('x') RETURNING id", LAST, family="mariadb",
    fixture=(TABLE,))

# --- character sets -----------------------------------------------------------------------------

NAMES = ("latin1", "latin1 COLLATE latin1_german2_ci", "latin1 COLLATE latin1_bin", "utf8mb4",
         "utf8mb4 COLLATE utf8mb4_bin", "utf8mb4 COLLATE utf8mb4_general_ci",
         "utf8mb4 COLLATE utf8mb4_unicode_520_ci", "utf8mb4 COLLATE utf8mb4_turkish_ci", "utf8mb3",
         "utf8mb3 COLLATE utf8mb3_bin", "gbk", "gbk COLLATE gbk_bin", "sjis", "big5", "binary",
         "cp1251", "koi8r", "ascii", "eucjpms", "gb2312", "DEFAULT")
SAFE_TEXTS = ("SELECT CHARSET('x') AS c, COLLATION('x') AS l, 'a' = 'A' AS i,"
              " _utf8mb4 X'C3A9' AS v, _utf8mb4 X'E4BDA0' AS w")
for _value in NAMES:
    _multi = _value.split()[0] in ("gbk", "sjis", "big5", "ascii", "eucjpms", "gb2312")
    row("names_" + _value.replace(" COLLATE ", "_").replace(" ", "_"), f"SET NAMES {_value}",
        (CHARSETS, SAFE_TEXTS if _multi else TEXTS))
row("names_0900", "SET NAMES utf8mb4 COLLATE utf8mb4_0900_as_cs", (CHARSETS, TEXTS), family="mysql")
row("names_gb18030", "SET NAMES gb18030", (CHARSETS, SAFE_TEXTS), family="mysql")
row("names_nopad", "SET NAMES utf8mb4 COLLATE utf8mb4_nopad_bin", (CHARSETS, TEXTS),
    family="mariadb")
row("names_uca1400", "SET NAMES utf8mb4 COLLATE utf8mb4_uca1400_as_cs", (CHARSETS, TEXTS),
    family="mariadb")
row("charset", "SET CHARACTER SET latin1", (CHARSETS, TEXTS))
row("charset_default", ("SET NAMES latin1", "SET CHARACTER SET DEFAULT"), (CHARSETS, TEXTS))
row("charset_client", "SET character_set_client = latin1", (CHARSETS, TEXTS))
row("charset_connection", "SET character_set_connection = latin1", (CHARSETS, TEXTS))
row("charset_results_null", "SET character_set_results = NULL",
    (CHARSETS, TEXTS, "SELECT _latin1 X'E9' AS a, _ucs2 X'00E9' AS b"))
row("charset_results_binary", "SET character_set_results = binary",
    (CHARSETS, TEXTS, "SELECT _latin1 X'E9' AS a"))
row("charset_results_utf16", "SET character_set_results = utf16", (CHARSETS, "SELECT 'x' AS a"),
    drivers=("raw-text", "raw-binary", "raw-track"))
row("charset_results_latin1", "SET character_set_results = latin1", (CHARSETS,
    "SELECT _utf8mb4 X'C3A9' AS e"))
for _name in ("utf16", "ucs2", "utf32"):
    row(f"uv_results_{_name}", ("SET @i = -7, @d = 1.50, @f = 1e0/3, @s = _latin1 X'E9', @n = NULL",
        f"SET character_set_results = {_name}"),
        "SELECT @i, @d, @f, @s, @n, CHARSET(@s), COLLATION(@s)",
        drivers=("raw-text", "raw-binary", "raw-track"))
row("charset_connection_ucs2", "SET character_set_connection = ucs2",
    (CHARSETS, "SELECT HEX('ab') AS h, CHARSET('x') AS c", "SELECT CONCAT('a', 1) AS x"))
row("charset_connection_utf16_client_latin1",
    "SET character_set_client = latin1, character_set_connection = utf16, character_set_results ="
    " utf8mb4",
    (CHARSETS, TEXTS))
row("charset_mixed", "SET character_set_client = cp1251, character_set_connection = utf8mb4,"
    " character_set_results = koi8r, collation_connection = utf8mb4_bin", (CHARSETS, TEXTS))
row("collation_connection", "SET collation_connection = utf8mb4_czech_ci", (CHARSETS, TEXTS))
row("collation_connection_latin1", "SET collation_connection = latin1_general_cs", (CHARSETS,
    TEXTS))
row("charset_server", "SET character_set_server = latin1",
    ("SELECT @@character_set_server, @@collation_server",))
row("collation_server", "SET collation_server = utf8mb4_bin",
    ("SELECT @@character_set_server, @@collation_server",))
row("charset_filesystem", "SET character_set_filesystem = latin1",
    "SELECT @@character_set_filesystem")
row("charset_database_utf8", "USE m_charset_database_utf8", ("SELECT @@character_set_database,"
    " @@collation_database",), fixture=("ALTER DATABASE m_charset_database_utf8 CHARACTER SET"
                                        " latin1 COLLATE latin1_bin",), anew=True)
row("charset_database_set", "SET character_set_database = latin1",
    "SELECT @@character_set_database, @@collation_database", may=STATE)

# --- variables that change what statements mean or do -------------------------------------------

_ID = "SELECT id FROM app.nums ORDER BY id"
VARIABLES: list[tuple[Any, ...]] = [
    # variable, value, probes, family
    ("group_concat_max_len", "7", "SELECT GROUP_CONCAT(id ORDER BY id) FROM app.nums"),
    ("sql_select_limit", "3", _ID), ("sql_select_limit", "1", _ID), ("sql_select_limit", "0", _ID),
    ("sql_select_limit", "18446744073709551615", "SELECT COUNT(*) FROM app.nums"),
    ("div_precision_increment", "9", "SELECT 1/7, 2.0/3"),
    ("div_precision_increment", "0", "SELECT 1/7, 2.0/3"),
    ("lc_time_names", "'de_DE'", "SELECT DATE_FORMAT('2024-03-05', '%W %M %a %b')"),
    ("lc_messages", "'de_DE'", "SELECT * FROM missing"),
    ("default_week_format", "3", "SELECT WEEK('2008-02-20'), WEEK('2000-01-01')"),
    ("foreign_key_checks", "0", "INSERT INTO child VALUES (77)"),
    ("unique_checks", "0", "SELECT 1"), ("sql_safe_updates", "1", "UPDATE t SET v = 'all'"),
    ("sql_big_selects", "0", "SELECT 1"), ("max_join_size", "10",
    "SELECT COUNT(*) FROM app.nums a, app.nums b"),
    ("max_sort_length", "64", "SELECT 1"), ("sql_auto_is_null", "1", "SELECT 1"),
    ("sql_warnings", "1", "INSERT INTO t (v) VALUES ('w'), ('w')"),
    ("sql_notes", "0", "DROP TABLE IF EXISTS missing"), ("low_priority_updates", "1", "SELECT 1"),
    ("updatable_views_with_limit", "'NO'", "SELECT 1"), ("innodb_lock_wait_timeout", "3",
    "SELECT 1"),
    ("lock_wait_timeout", "7", "SELECT 1"), ("completion_type", "'CHAIN'", "SELECT 1"),
    ("sql_quote_show_create", "0", "SHOW CREATE TABLE t"), ("innodb_strict_mode", "0", "SELECT 1"),
    ("default_storage_engine", "'MyISAM'", "CREATE TABLE e (a INT)", "SHOW CREATE TABLE e"),
    ("default_tmp_storage_engine", "'MyISAM'", "SELECT 1", "mysql"),
    ("explicit_defaults_for_timestamp", "0", "CREATE TABLE e (a TIMESTAMP)", "SHOW CREATE TABLE e"),
    ("time_zone", "'+05:30'", "SELECT FROM_UNIXTIME(86400), UNIX_TIMESTAMP('2024-01-01')"),
    ("time_zone", "'-11:00'", "SELECT FROM_UNIXTIME(86400)"), ("time_zone", "'SYSTEM'", "SELECT 1"),
    ("time_zone", "'+00:00'", "SELECT FROM_UNIXTIME(0)"),
    ("autocommit", "0", "SELECT 1"), ("autocommit", "1", "SELECT 1"),
    ("sql_log_bin", "0", "SELECT 1"), ("sql_buffer_result", "1", "SELECT 1"),
    ("profiling", "1", "SELECT 1"), ("big_tables", "1", "SELECT 1"),
    ("max_sp_recursion_depth", "5", "SELECT 1"), ("optimizer_switch", "'index_merge=off'",
    "SELECT 1"),
    ("auto_increment_increment", "5", "INSERT INTO t (v) VALUES ('i'), ('j')",
    "SELECT * FROM t ORDER BY id"),
    ("auto_increment_offset", "1", "SELECT 1"), ("max_error_count", "3",
    "SELECT CAST('1x' AS SIGNED)"),
    ("group_concat_max_len", "100000", "SELECT LENGTH(GROUP_CONCAT(id)) FROM app.nums"),
    ("binlog_row_image", "'MINIMAL'", "SELECT 1"), ("keep_files_on_create", "1", "SELECT 1"),
    ("max_execution_time", "5000", "SELECT 1", "mysql"),
    ("cte_max_recursion_depth", "5", "WITH RECURSIVE r AS (SELECT 1 AS n UNION ALL SELECT n + 1"
     " FROM r WHERE n < 50) SELECT COUNT(*) FROM r", "mysql"),
    ("windowing_use_high_precision", "0", "SELECT 1", "mysql"),
    ("default_collation_for_utf8mb4", "'utf8mb4_general_ci'",
     "SELECT COLLATION(_utf8mb4'x'), COLLATION(CONVERT('x' USING utf8mb4))", "mysql"),
    ("block_encryption_mode", "'aes-256-cbc'",
     "SELECT HEX(AES_ENCRYPT('t', 'k', REPEAT('i', 16)))", "mysql"),
    ("sql_require_primary_key", "1", "CREATE TABLE nokey (a INT)", "mysql"),
    ("sql_generate_invisible_primary_key", "1", "CREATE TABLE gipk (a INT)",
    "SHOW CREATE TABLE gipk", "mysql"),
    ("show_create_table_verbosity", "1", "SHOW CREATE TABLE t", "mysql"),
    ("show_create_table_skip_secondary_engine", "1", "SELECT 1", "mysql"),
    ("xa_detach_on_prepare", "0", "SELECT 1", "mysql"), ("explain_format", "'TREE'",
    "EXPLAIN SELECT 1", "mysql"),
    ("end_markers_in_json", "1", "SELECT 1", "mysql"), ("default_table_encryption", "0", "SELECT 1",
    "mysql"),
    ("information_schema_stats_expiry", "0", "SELECT 1", "mysql"),
    ("print_identified_with_as_hex", "1", "SELECT 1", "mysql"), ("binlog_format", "'STATEMENT'",
    "SELECT 1", "mysql"),
    ("use_secondary_engine", "'OFF'", "SELECT 1", "mysql"), ("eq_range_index_dive_limit", "3",
    "SELECT 1"),
    ("internal_tmp_mem_storage_engine", "'MEMORY'", "SELECT 1", "mysql"),
    ("restrict_fk_on_non_standard_key", "0", "SELECT 1", "mysql"),
    ("generated_random_password_length", "30", "SELECT 1", "mysql"),
    ("innodb_ft_enable_stopword", "0", "SELECT 1"), ("innodb_table_locks", "0", "SELECT 1"),
    ("max_statement_time", "9.5", "SELECT 1", "mariadb"),
    ("old_mode", "''", "SELECT 1", "mariadb"),
    ("old_mode", "'NO_DUP_KEY_WARNINGS_WITH_IGNORE'", "SELECT 1", "mariadb"),
    ("sql_if_exists", "1", "DROP TABLE missing", "mariadb"),
    ("check_constraint_checks", "0", "INSERT INTO checked VALUES (-1)", "mariadb"),
    ("default_regex_flags", "'DOTALL'", r"SELECT 'a\nb' REGEXP 'a.b'", "mariadb"),
    ("max_recursive_iterations", "5", "WITH RECURSIVE r AS (SELECT 1 AS n UNION ALL SELECT n + 1"
     " FROM r WHERE n < 50) SELECT COUNT(*) FROM r", "mariadb"),
    ("system_versioning_asof", "'2020-01-01 00:00:00'", "SELECT 1", "mariadb"),
    ("system_versioning_alter_history", "'KEEP'", "SELECT 1", "mariadb"),
    ("tx_isolation", "'SERIALIZABLE'", "SELECT 1", "mariadb"),
    ("idle_transaction_timeout", "99", "SELECT 1", "mariadb"),
    ("idle_write_transaction_timeout", "98", "SELECT 1", "mariadb"),
    ("alter_algorithm", "'COPY'", "SELECT 1", "mariadb"), ("slow_query_log", "0", "SELECT 1",
    "mariadb"),
    ("standard_compliant_cte", "0", "SELECT 1", "mariadb"), ("use_stat_tables", "'NEVER'",
    "SELECT 1", "mariadb"),
    ("column_compression_threshold", "55", "SELECT 1", "mariadb"),
    ("gtid_domain_id", "1", "SELECT 1", "mariadb"), ("binlog_format", "'MIXED'", "SELECT 1",
    "mariadb"),
    ("skip_replication", "1", "SELECT 1", "mariadb"),
    ("query_cache_type", "0", "SELECT 1", "mariadb"), ("histogram_type", "'SINGLE_PREC_HB'",
    "SELECT 1", "mariadb"),
    ("session_track_gtids", "'OWN_GTID'", "SELECT 1", "mysql"),
]
# Ones that do not change a result; set by the client, so they are the session's.
OTHERS: list[tuple[Any, ...]] = [
    ("sort_buffer_size", "65536"), ("join_buffer_size", "262144"), ("read_buffer_size", "131072"),
    ("read_rnd_buffer_size", "131072"), ("tmp_table_size", "1048576"), ("max_heap_table_size",
    "1048576"),
    ("wait_timeout", "1234"), ("interactive_timeout", "1235"), ("net_write_timeout", "123"),
    ("net_read_timeout", "124"), ("net_retry_count", "11"), ("bulk_insert_buffer_size", "1048576"),
    ("optimizer_search_depth", "11"), ("optimizer_prune_level", "0"), ("long_query_time", "33"),
    ("min_examined_row_limit", "5"), ("transaction_prealloc_size", "8192"), ("query_prealloc_size",
    "32768"),
    ("max_seeks_for_key", "1000"), ("max_length_for_sort_data", "2048"), ("preload_buffer_size",
    "65536"),
    ("range_alloc_block_size", "8192"), ("myisam_sort_buffer_size", "1048576"),
]
_BASE = ("CREATE TABLE parent (id INT PRIMARY KEY) ENGINE=InnoDB",
         "CREATE TABLE child (p INT, FOREIGN KEY (p) REFERENCES parent (id)) ENGINE=InnoDB",
         "CREATE TABLE checked (a INT, CHECK (a > 0))")
MAY_VARIABLES = {"sql_log_bin": (STATE, "sql_log_bin"), "gtid_domain_id": (STATE, "gtid_domain_id"),
                 "skip_replication": (STATE, "skip_replication"), "profiling": (STATE, "profiling"),
                 "session_track_gtids": (STATE, "session_track"),
                 "sql_auto_is_null": ("sql_auto_is_null",)}
# MySQL's question about what routines have left behind has four rows, and takes no LIMIT.
MAY_LIMITS = {("sql_select_limit", "0"): ("sql_select_limit",),
              ("sql_select_limit", "3"): ("sql_select_limit",),
              ("sql_select_limit", "1"): ("sql_select_limit",)}


def _variables() -> None:
    seen: dict[str, int] = {}
    for name, value, *rest in VARIABLES + OTHERS:
        family = rest.pop() if rest and rest[-1] in ("mariadb", "mysql") else "both"
        seen[name] = seen.get(name, 0) + 1
        label = f"var_{name}" + (f"_{seen[name]}" if seen[name] > 1 else "")
        if any(r.name == label for r in ROWS):
            label += "_" + family
        read = f"SELECT @@session.{name}" if name not in ("sql_select_limit",) else \
            f"SET @read = @@session.{name}"
        row(label, f"SET SESSION {name} = {value}", (*rest, read), family=family,
            fixture=(*FILLED, *_BASE),
            may=MAY_LIMITS.get((name, value), MAY_VARIABLES.get(name, ())))


_variables()

ISOLATION = {"mariadb": "SELECT @@tx_isolation, @@tx_read_only",
             "mysql": "SELECT @@transaction_isolation, @@transaction_read_only"}
for _family, _read in ISOLATION.items():
    _kw: dict[str, Any] = {"family": _family, "fixture": FILLED}
    for _level in ("READ UNCOMMITTED", "READ COMMITTED", "REPEATABLE READ", "SERIALIZABLE"):
        row(f"isolation_{_level.replace(' ', '_').lower()}_{_family}",
            f"SET SESSION TRANSACTION ISOLATION LEVEL {_level}", _read, **_kw)
    row(f"isolation_next_{_family}", "SET TRANSACTION ISOLATION LEVEL SERIALIZABLE",
        (_read, "BEGIN", "SELECT * FROM t ORDER BY id", "COMMIT", _read),
        may=("next_transaction_set", "unit of work"), random=False, **_kw)
    row(f"read_only_next_{_family}", "SET TRANSACTION READ ONLY",
        ("INSERT INTO t (v) VALUES ('x')", "INSERT INTO t (v) VALUES ('y')"),
        may=("next_transaction_set", "unit of work"), random=False, **_kw)
    row(f"next_used_{_family}", ("SET TRANSACTION READ ONLY", "SELECT COUNT(*) FROM t"),
        (_read, "INSERT INTO t (v) VALUES ('x')"), **_kw)
    row(f"read_only_session_{_family}", "SET SESSION TRANSACTION READ ONLY",
        (_read, "INSERT INTO t (v) VALUES ('x')"), **_kw)
row("isolation_at_one", "SET @@transaction_isolation = 'SERIALIZABLE'",
    "SELECT @@transaction_isolation", family="mysql", may=("next_transaction_set", "unit of work"),
    random=False)

# The same as the last act of a routine, which no text shows: a count of SETs tells. MySQL is asked,
# with REPEATABLE READ as the session's level; else one that may have one is ended.
NEXT = ("next_transaction_set",)
READ_ONLY_P = "CREATE PROCEDURE p() BEGIN SET TRANSACTION READ ONLY; END"
LEVEL_P = READ_ONLY_P.replace("READ ONLY", "ISOLATION LEVEL READ COMMITTED")
SET_P = "CREATE PROCEDURE p() BEGIN SET @from_p = 5; END"
LOCAL_P = "CREATE PROCEDURE p() BEGIN DECLARE x INT; SET x = 5; SELECT x; END"
WRITE = ("INSERT INTO t (v) VALUES ('x')", "INSERT INTO t (v) VALUES ('y')")
for _name, _setup, _routine in (
        ("read_only", ("CALL p()",), READ_ONLY_P), ("level", ("CALL p()",), LEVEL_P),
        ("prepared", (("prepare", "p", "CALL p()"), ("execute", "p")), READ_ONLY_P),
        ("then_select", ("CALL p()", "SELECT 1"), READ_ONLY_P),
        ("then_set", ("CALL p()", "SET @a = 1"), READ_ONLY_P),
        ("committed", ("SET SESSION TRANSACTION ISOLATION LEVEL READ COMMITTED", "CALL p()"),
         "CREATE PROCEDURE p() BEGIN SET TRANSACTION ISOLATION LEVEL SERIALIZABLE; END")):
    row("next_routine_" + _name, _setup, WRITE, fixture=(TABLE, _routine), may=NEXT, random=False,
        drivers=() if _name != "level" else ("raw-text", "raw-binary", "raw-track", "pymysql"))
row("next_routine_used", ("CALL p()", "SELECT COUNT(*) FROM t"), WRITE,
    fixture=(TABLE, READ_ONLY_P))
row("next_routine_over", ("CALL p()", "BEGIN", "COMMIT"), WRITE, fixture=(TABLE, READ_ONLY_P))
row("next_routine_local", "CALL p()", WRITE, fixture=(TABLE, LOCAL_P))
row("next_routine_variable", "CALL p()", ("SELECT @from_p", *WRITE), fixture=(TABLE, SET_P),
    family="mysql")
row("next_routine_variable_maria", "CALL p()", ("SELECT @from_p", *WRITE), fixture=(TABLE, SET_P),
    family="mariadb", may=NEXT, random=False)
row("next_function", "SELECT f()", WRITE, family="mariadb", may=NEXT, random=False, fixture=(
    TABLE, "CREATE FUNCTION f() RETURNS INT BEGIN SET TRANSACTION READ ONLY; RETURN 1; END"))
row("next_blind", ("SET NAMES gbk", "SET @a = 5", "SET time_zone = '+01:00'",
    "SELECT CONCAT(@a, 1)"), ("SELECT @a", *WRITE), fixture=(TABLE,), drivers=("raw-text",
    "raw-binary", "raw-track"))
row("next_several", "SET @a = 1; SET @b = 2", ("SELECT @a, @b", *WRITE), fixture=(TABLE,))

MODES = ("", "ANSI_QUOTES", "NO_BACKSLASH_ESCAPES", "PIPES_AS_CONCAT", "ANSI", "TRADITIONAL",
         "HIGH_NOT_PRECEDENCE", "IGNORE_SPACE", "NO_UNSIGNED_SUBTRACTION", "ONLY_FULL_GROUP_BY",
         "REAL_AS_FLOAT", "NO_AUTO_VALUE_ON_ZERO", "PAD_CHAR_TO_FULL_LENGTH", "STRICT_ALL_TABLES",
         "NO_ZERO_DATE,NO_ZERO_IN_DATE,STRICT_TRANS_TABLES", "ALLOW_INVALID_DATES",
         "ERROR_FOR_DIVISION_BY_ZERO", "NO_DIR_IN_CREATE",
         "ANSI_QUOTES,NO_BACKSLASH_ESCAPES,PIPES_AS_CONCAT,IGNORE_SPACE")
MODE_PROBES = ("SELECT @@sql_mode", r"SELECT 'a\\b' AS x, '1' || '0' AS y, NOT 1 BETWEEN -5 AND 5"
    r" AS z",
               'SELECT "id" AS q FROM app.nums WHERE id = 1', "SELECT COUNT (*) AS c FROM app.nums",
               "SELECT CAST(1 AS UNSIGNED) - 2 AS u", "INSERT INTO z VALUES (0, 1/0, '2024-02-31')",
               "SELECT id > 0 AS i, n, d FROM z", "SELECT CONCAT(c, '|') FROM pad")
for _n, _mode in enumerate(MODES):
    row("mode_" + (_mode.lower().replace(",", "_")[:40] or "empty"), f"SET sql_mode = '{_mode}'",
        MODE_PROBES, fixture=("CREATE TABLE z (id INT PRIMARY KEY AUTO_INCREMENT, n INT, d DATE)",
                              "CREATE TABLE pad (c CHAR(5))", "INSERT INTO pad VALUES ('p')"))
for _mode in ("ORACLE", "MSSQL", "DB2", "MAXDB", "EMPTY_STRING_IS_NULL",
              "SIMULTANEOUS_ASSIGNMENT", "TIME_ROUND_FRACTIONAL"):
    row("mode_" + _mode.lower(), f"SET sql_mode = '{_mode}'",
        ("SELECT @@sql_mode", "SELECT '' IS NULL AS e, 'a' || 'b' AS c",
         "SELECT CAST('10:00:00.9' AS TIME(0)) AS t"), family="mariadb")
row("mode_time_truncate", "SET sql_mode = 'TIME_TRUNCATE_FRACTIONAL'",
    ("SELECT @@sql_mode", "SELECT CAST('10:00:00.9' AS TIME(0)) AS t"), family="mysql")
row("mode_concat", "SET sql_mode = CONCAT(@@sql_mode, ',ANSI_QUOTES')",
    ('SELECT "id" AS q FROM app.nums WHERE id = 1', "SELECT @@sql_mode"))
row("mode_default", ("SET sql_mode = ''", "SET sql_mode = DEFAULT"), "SELECT @@sql_mode")
row("mode_in_procedure", "CALL p()", "SELECT @@sql_mode", fixture=(
    "CREATE PROCEDURE p() SET SESSION group_concat_max_len = 50, div_precision_increment = 2",),
    may=ROUTINE)
row("set_in_function", "SELECT f()", "SELECT @@div_precision_increment, 1/3", fixture=(
    "CREATE FUNCTION f() RETURNS INT DETERMINISTIC BEGIN SET SESSION div_precision_increment = 8;"
    " RETURN 1; END",), may=ROUTINE)
row("set_in_function_twice", ("SELECT f()", "SELECT 1"), "SELECT @@sort_buffer_size", fixture=(
    "CREATE FUNCTION f() RETURNS INT DETERMINISTIC BEGIN SET SESSION sort_buffer_size = 99328;"
    " RETURN 1; END",), may=ROUTINE)
row("set_in_trigger", INSERT, "SELECT @@div_precision_increment, 1/3", fixture=(
    TABLE, "CREATE TRIGGER tr BEFORE INSERT ON t FOR EACH ROW"
    " SET SESSION div_precision_increment = 6"), may=ROUTINE)
row("set_many", "SET sql_mode = 'ANSI', time_zone = '+02:00', group_concat_max_len = 40, @x = 5,"
    " autocommit = 1, SESSION lc_time_names = 'fr_FR'",
    "SELECT @@sql_mode, @@time_zone, @@group_concat_max_len, @x, @@lc_time_names,"
    " MONTHNAME('2024-02-01')")
row("set_default_back", ("SET group_concat_max_len = 8", "SET group_concat_max_len = DEFAULT"),
    "SELECT @@group_concat_max_len")
row("set_by_local", "SET @@local.group_concat_max_len = 11, LOCAL div_precision_increment = 1",
    "SELECT @@group_concat_max_len, @@div_precision_increment")
row("set_from_variable", ("SET @n = 13", "SET group_concat_max_len = @n"),
    "SELECT @@group_concat_max_len")
row("set_failed_halfway", "SET group_concat_max_len = 14, sql_mode = 'NONSENSE'",
    "SELECT @@group_concat_max_len")
row("set_statement_for", "SET STATEMENT group_concat_max_len = 9 FOR SELECT 1",
    "SELECT @@group_concat_max_len", family="mariadb")
row("set_hint", "SELECT /*+ SET_VAR(group_concat_max_len = 9) */ 1",
    "SELECT @@group_concat_max_len",
    family="mysql")
row("auto_is_null_pending", ("SET sql_auto_is_null = 1", INSERT),
    ("SELECT id, v FROM t WHERE id IS NULL", "SELECT id, v FROM t WHERE id IS NULL"),
    fixture=(TABLE,), may=(STATE, "sql_auto_is_null"), random=False)
row("auto_is_null_zero", ("SET sql_auto_is_null = 1", INSERT, "SET last_insert_id = 0"),
    ("SET last_insert_id = 1", "SELECT id, v FROM t WHERE id IS NULL"),
    fixture=(TABLE,), may=(STATE, "sql_auto_is_null"), random=False)
# Under a charset that may hide quotes reports are not trusted: all variables are asked for.
row("var_blind_only_session", ("SET NAMES gb18030", "SET SESSION use_secondary_engine = 'OFF'",
    "SET SESSION sort_buffer_size = 65536"),
    "SELECT @@use_secondary_engine, @@sort_buffer_size", family="mysql",
    drivers=("raw-text", "raw-binary", "raw-track"))
row("untouched", "SELECT 1",
    "SELECT @@sql_mode, @@time_zone, @@group_concat_max_len, @@lc_time_names, @@autocommit,"
    " @@div_precision_increment, @@default_week_format, @@foreign_key_checks, @@unique_checks,"
    " @@max_sort_length, @@completion_type, @@sql_safe_updates, @@sql_notes, @@lock_wait_timeout,"
    " @@sql_big_selects, @@max_join_size, @@default_storage_engine, @@innodb_table_locks,"
    " @@innodb_ft_enable_stopword, @@innodb_ft_user_stopword_table, @@max_error_count,"
    " @@innodb_strict_mode, @@sql_auto_is_null")
row("untouched_charsets", "SELECT 1", (CHARSETS, TEXTS, "SELECT @@character_set_server,"
                                       " @@collation_server, @@character_set_filesystem"))
row("untouched_no_schema", (), ("SELECT @@character_set_server, @@collation_server",
    "SELECT @@character_set_database, @@collation_database", "USE app",
    "SELECT @@character_set_database = d.DEFAULT_CHARACTER_SET_NAME AS follows"
    " FROM information_schema.SCHEMATA d WHERE d.SCHEMA_NAME = 'app'"), schema="none")
row("untouched_nothing", (), ("SELECT @@sql_mode, @@time_zone, @@autocommit", CHARSETS))
row("untouched_isolation_mariadb", (), (ISOLATION["mariadb"],
    "SELECT @@max_statement_time, @@old_mode,"
    " @@check_constraint_checks, @@system_versioning_alter_history, @@note_verbosity,"
    " @@alter_algorithm, @@old_passwords, @@enforce_storage_engine"), family="mariadb")
row("untouched_isolation_mysql", (), (ISOLATION["mysql"], "SELECT @@max_execution_time,"
    " @@cte_max_recursion_depth, @@block_encryption_mode, @@default_collation_for_utf8mb4,"
    " @@explain_format, @@sql_require_primary_key",
    "SELECT @@explain_json_format_version, @@end_markers_in_json, @@print_identified_with_as_hex,"
    " @@show_create_table_verbosity, @@show_gipk_in_create_table_and_information_schema,"
    " @@terminology_use_previous,"
    " @@max_points_in_geometry, @@restrict_fk_on_non_standard_key, @@enable_cascade_triggers"),
    family="mysql")
row("init_connect", (), ("SELECT @from_init, @only_b", "SELECT @@lc_time_names"), user="plain")
row("init_connect_changed", "SET @from_init = 'mine'", "SELECT @from_init, @only_b", user="plain")
row("init_connect_hidden", (), ("SELECT @from_init, @only_b", CHARSETS, TEXTS), user="roley",
    schema="none")
row("init_connect_names", "SET NAMES latin1 COLLATE latin1_bin",
    ("SELECT @from_init, @only_b", CHARSETS, SAFE_TEXTS), user="plain")
row("init_connect_results", "SET character_set_results = NULL",
    ("SELECT @from_init, @only_b", CHARSETS, TEXTS), user="plain")
row("init_connect_super", (), "SELECT @from_init, @only_b")

# --- the schema ---------------------------------------------------------------------------------

SCHEMA = "SELECT DATABASE()"
row("schema_own", (), (SCHEMA, "SELECT COUNT(*) FROM t"), fixture=FILLED)
row("schema_use", "USE app", (SCHEMA, "SELECT COUNT(*) FROM nums"))
row("schema_init_db", [("init_db", "app")], (SCHEMA, "SELECT COUNT(*) FROM nums"))
row("schema_none", (), (SCHEMA, "SELECT * FROM t"), schema="none")
row("schema_none_then_use", "USE app", (SCHEMA, "SELECT COUNT(*) FROM nums"), schema="none")
row("schema_back_and_forth", ("USE app", "USE mysql", "USE information_schema", "USE app"), SCHEMA)
row("schema_information", "USE information_schema", SCHEMA)
row("schema_failed_use", ("USE app", "USE missing"), SCHEMA)
row("schema_dropped", ("CREATE DATABASE gone_1", "USE gone_1", "DROP DATABASE gone_1"),
    (SCHEMA, "SELECT * FROM t", "USE app", SCHEMA), random=False, anew=True)
row("schema_odd_name", "USE `od``d na.me`", (SCHEMA, "SELECT * FROM `t t`"), random=False,
    fixture=("CREATE DATABASE `od``d na.me`", "CREATE TABLE `od``d na.me`.`t t` (a INT)"))
row("schema_utf8_name", "USE `gr\u00fcn`", ("SELECT HEX(DATABASE()) AS h", "SELECT * FROM t"),
    random=False, fixture=("CREATE DATABASE `gr\u00fcn`", "CREATE TABLE `gr\u00fcn`.t (a INT)"))
row("schema_utf8_name_latin1", ("USE `gr\u00fcn2`", "SET NAMES latin1"),
    ("SELECT HEX(DATABASE()) AS h", "SELECT * FROM t"), random=False,
    fixture=("CREATE DATABASE `gr\u00fcn2`", "CREATE TABLE `gr\u00fcn2`.t (a INT)"))
row("schema_reserved_name", "USE `select`", (SCHEMA, "SELECT * FROM `from`"), random=False,
    fixture=("CREATE DATABASE `select`", "CREATE TABLE `select`.`from` (a INT)"))
row("schema_missing_on_target", (), (SCHEMA, "SELECT COUNT(*) FROM t"), fixture=FILLED,
    random=False,
    target_only=("DROP DATABASE m_schema_missing_on_target",), may=("database", "1049", "schema"))
row("schema_used_missing", "USE missing_there", (SCHEMA, "SELECT COUNT(*) FROM t"), random=False,
    fixture=("CREATE DATABASE missing_there", "CREATE TABLE missing_there.t (a INT)"),
    target_only=("DROP DATABASE missing_there",), may=("database", "1049", "schema"))
row("schema_denied_on_target", (), (SCHEMA, "SELECT COUNT(*) FROM t"), fixture=FILLED,
    user="denied",
    target_only=("REVOKE ALL ON *.* FROM denied@'%'",), random=False, drivers=("raw-text",),
    may=("database", "1044", "1045", "schema", "denied", "credential"))

# --- roles --------------------------------------------------------------------------------------

ROLE = "SELECT CURRENT_ROLE()"
row("role_none_by_default", (), ROLE)
row("role_set", "SET ROLE reader", (ROLE, "SELECT COUNT(*) FROM app.nums"))
row("role_set_and_none", ("SET ROLE reader", "SET ROLE NONE"), ROLE)
row("role_changed", ("SET ROLE reader", "SET ROLE writer"), ROLE)
row("role_default_user", (), (ROLE, "SELECT COUNT(*) FROM app.nums"), user="roley", schema="none")
row("role_default_given_up", "SET ROLE NONE", (ROLE, "SELECT COUNT(*) FROM app.nums"), user="roley",
    schema="none")
row("role_default_changed", "SET ROLE writer", (ROLE, "SELECT COUNT(*) FROM app.nums",
    "USE app"), user="roley", schema="none")
row("role_default_again", ("SET ROLE writer", "SET ROLE DEFAULT"), ROLE, user="roley",
    schema="none", family="mysql")
row("role_all", "SET ROLE ALL", ROLE, user="roley", schema="none", family="mysql")
row("role_all_except", "SET ROLE ALL EXCEPT writer", ROLE, family="mysql")
row("role_two", "SET ROLE reader, writer", ROLE, family="mysql")
row("role_with_schema", ("USE app", "SELECT COUNT(*) FROM nums"), (ROLE, SCHEMA), user="roley",
    schema="none")
row("role_in_procedure", "CALL p()", ROLE, fixture=("CREATE PROCEDURE p() SQL SECURITY INVOKER SET"
    " ROLE reader",),
    may=(STATE, "role"), family="mariadb")

# --- prepared statements ------------------------------------------------------------------------


def P(name: str, sql: Union[str, bytes]) -> Action:
    return ("prepare", name, sql)


def X(name: str, *args: Any) -> Action:
    return ("execute", name, *args)


NO_MIX = {"random": False}

# Texts are read in the character set of when their types were sent: raw sessions send them once.
for _name, _set in (("names", "SET NAMES latin1 COLLATE latin1_bin"),
                    ("client", "SET character_set_client = latin1"),
                    ("collation", "SET collation_connection = latin1_bin")):
    row("ps_recoded_" + _name, [P("p", "SELECT ? AS a, COLLATION(?)"),
        X("p", "\u00e4", "a")], [_set, X("p", "\u00f6", "o")], errors=1615, **NO_MIX)
    row("ps_recoded_before_" + _name, [P("p", "SELECT ? AS a, COLLATION(?)"),
        X("p", "\u00e4", "a"), _set], [X("p", "\u00f6", "o")], errors=1615, **NO_MIX)
row("ps_collation_of", [P("p", "SELECT COLLATION(?), CHARSET(?), ?"), X("p", "a", "b", "c")],
    [X("p", "x", "y", "z"), X("p", "x", "y", "z")])
row("ps_collation_of_unexecuted", [P("p", "SELECT COLLATION(?), CHARSET(?), ?")],
    [X("p", "x", "y", "z"), X("p", "x", "y", "z")])
row("ps_recoded_numbers", [P("p", "SELECT ? + 1"), X("p", 5)],
    ["SET NAMES latin1", X("p", 6)], **NO_MIX)
NUMS = "SELECT id FROM nums WHERE id < ? ORDER BY id"
row("ps_executed", [P("p", "SELECT ? + 1"), X("p", 5)], [X("p", 6), X("p", 7)])
row("ps_never_executed", [P("p", "SELECT ?, 'x'")], [X("p", "v")])
row("ps_no_parameters", [P("p", "SELECT 5, 'x'"), X("p")], [X("p"), X("p")])
row("ps_300", [P("p", "SELECT " + ", ".join("?" for _ in range(300))), X("p", *range(300))],
    [X("p", *range(300)), X("p", *range(300, 600))])
row("ps_types_change", [P("p", "SELECT ?, ? IS NULL"), X("p", 5, 6), X("p", "five", None)],
    [X("p", "six", None), X("p", 1.5, b"\0\xff"), X("p", None, 2)], family="mariadb")
row("ps_types_change_after", [P("p", "SELECT ?, ?"), X("p", 5, 6)],
    [X("p", "a", 1.5), X("p", "b", 2.5)], family="mariadb")
# MySQL gives a parameter that was a number once another display length than one that never was.
row("ps_types_change_length", [P("p", "SELECT LENGTH(?), ? IS NULL"), X("p", 5, 6),
    X("p", "five", None)], [X("p", "six", None), X("p", 1.5, b"\0\xff"), X("p", None, 2)],
    errors=1615, **NO_MIX)
row("ps_types_change_after_length", [P("p", "SELECT LENGTH(?), LENGTH(?)"), X("p", 5, 6)],
    [X("p", "a", 1.5), X("p", "b", 2.5)], errors=1615, **NO_MIX)
# MySQL: once executed with a number, a string is converted to one; a statement that was prepared
# again, on the same server as well, does not do so: then it is an error, once (test_move_raw.py).


def settled(name: str, text: str, before: Sequence[tuple[Any, ...]],
            after: Sequence[tuple[Any, ...]], **more: Any) -> None:
    row("ps_settled_" + name, [P("p", text), *(X("p", *a) for a in before)],
        [*(X("p", *a) for a in after), *more.pop("then", ())], family="mysql", **NO_MIX, **more)


PAIR = "INSERT INTO n VALUES (?, ?)"
PAIRS: dict[str, Any] = {"fixture": ("CREATE TABLE n (a INT UNIQUE, b VARCHAR(9))",),
                         "then": ("SELECT * FROM n ORDER BY a, b",)}
row("ps_types_settled", [P("p", "SELECT ?"), X("p", 5)], [X("p", "five")], family="mysql",
    errors=1615, drivers=("raw-text", "raw-binary", "raw-track"), **NO_MIX)
settled("again", "SELECT ?", [(5,)], [(6,), ("five",), (7,)])
settled("to_double", "SELECT ?", [(5,), (1.5,)], [(2.5,), (5,), ("x",)])
settled("double", "SELECT ?", [(5,), (1.5,)], [(5,)], errors=1615)
settled("both_again", "SELECT ?", [(5,), ("five",)], [(1.5,), (5,), ("five",)])
settled("null", "SELECT ?", [(5,)], [(None,)], errors=1615)
settled("null_type", "SELECT COALESCE(?, 9007199254740993)", [(5.25,)], [(None,)], errors=1615)
# In silence the row would be 9.007199254740992e15 or 9007199254740993: the INSERT must be refused.
row("ps_settled_null_insert", [P("p", "INSERT INTO n VALUES (COALESCE(?, 9007199254740993))"),
    X("p", 5.25)], [X("p", None)], family="mysql", errors=1615, **NO_MIX,
    fixture=("CREATE TABLE n (v VARCHAR(50))",))
row("ps_settled_null_plain", [P("p", "INSERT INTO n (v) VALUES (?)"), X("p", 5), X("p", None)],
    [X("p", None), "SELECT * FROM n"], family="mysql", **NO_MIX,
    fixture=("CREATE TABLE n (v VARCHAR(50))",))
settled("greatest", "SELECT GREATEST(?, ?)", [(5, 10)], [("5", "10")], errors=1615)
settled("json", "SELECT JSON_ARRAY(?)", [(5,)], [("five",)], errors=1615)
settled("text_column", "SELECT id FROM app.nums WHERE CONCAT(id) = ?", [(5,)], [("007",)],
    errors=1615)
settled("column", "SELECT id FROM app.nums WHERE id = ?", [("5",), (6,)], [("7",), (8,), ("-9",)])
settled("fraction", "SELECT ? + 1", [("7.5",)], [("7",)], errors=1615)
settled("fraction_free", "SELECT ? + 1.5", [("7.5",)], [("7",), (7,), ("x",)])
settled("limit", "SELECT id FROM app.nums WHERE id > ? LIMIT ?", [("5", 2)], [("6", 2), ("7", 3)])
settled("limit_text", "SELECT id FROM app.nums WHERE id > ? LIMIT ?", [(5, 2), ("6", 2)],
    [("7", 3)], errors=1615)
settled("insert", PAIR, [(1.0, "x")], [(2.0, None), (3.0, "y"), (None, "z"), ("5.0", "q")], **PAIRS)
settled("insert_null", PAIR, [(1.0, "x")], [(None, "z"), (2.0, "y"), ("3.0", None)], **PAIRS)
settled("insert_fits", PAIR, [(1, "x"), (None, None)], [("2", "y"), (3, None), (None, "z")],
    **PAIRS)
settled("insert_failed", PAIR, [(1, "x"), (1, 5)], [(2, 6), (3, "y")], **PAIRS)
settled("insert_failed_text", PAIR, [(1, "x"), (1, 5)], [(2, "y")], errors=1615,
    fixture=PAIRS["fixture"])
row("ps_unsigned", [P("p", "SELECT ?"), X("p", (1 << 64) - 1)], [X("p", (1 << 64) - 2), X("p", -1)],
    drivers=("raw-text", "raw-binary", "raw-track"))
row("ps_null_first", [P("p", "SELECT ?"), X("p", None)], [X("p", None), X("p", 5)])
row("ps_many", [P(f"p{i}", f"SELECT {i}, ?") for i in range(40)],
    [X(f"p{i}", i) for i in range(0, 40, 3)])
row("ps_many_executed", [a for i in range(20) for a in (P(f"p{i}", f"SELECT {i}, ?"), X(f"p{i}",
    f"{i}"))],
    [X(f"p{i}", f"again {i}") for i in range(20)])
row("ps_closed", [P("p", "SELECT 1"), P("q", "SELECT 2"), X("p"), ("close", "p")], [X("q"), P("r",
    "SELECT 3"), X("r")])
row("ps_closed_executed", [P("p", "SELECT 1"), X("p"), ("close", "p")], [X("p"), "SELECT 1"],
    drivers=("raw-text", "raw-binary", "raw-track"))
row("ps_closed_after", [P("p", "SELECT 1"), P("q", "SELECT 2")], [("close", "p"), X("q"), X("q")])
row("ps_new_after", [P("p", "SELECT 1")], [P("q", "SELECT 2, ?"), X("q", 5), X("p"), X("q", 6)])
row("ps_failed", [P("p", "SELECT nonsense FROM"), "SELECT 1"], ["SELECT 1", P("q", "SELECT 2"),
    X("q")])
row("ps_other_schema", ["USE app", P("p", NUMS), "USE m_ps_other_schema"],
    [X("p", 4), SCHEMA, X("p", 3)])
row("ps_other_schema_executed", [("init_db", "app"), P("p", NUMS), X("p", 2), ("init_db", "mysql")],
    [X("p", 4), SCHEMA])
row("ps_same_table_two_schemas", ["USE sch_a", P("p", "SELECT v FROM w"), "USE sch_b", P("q",
    "SELECT v FROM w")],
    [X("p"), X("q"), "SELECT v FROM w"], fixture=(
        "CREATE DATABASE sch_a", "CREATE DATABASE sch_b",
        "CREATE TABLE sch_a.w AS SELECT 'in a' AS v",
        "CREATE TABLE sch_b.w AS SELECT 'in b' AS v"), **NO_MIX)
row("ps_database_function", ["USE app", P("p", "SELECT DATABASE()"), X("p"), "USE mysql"], [X("p"),
    SCHEMA])
row("ps_no_schema", [P("p", "SELECT DATABASE(), ?"), "USE app"], [X("p", 1)], schema="none")
row("ps_ansi_quotes", ["SET sql_mode = 'ANSI_QUOTES'", P("p",
    'SELECT "id" AS x FROM app.nums WHERE id < ?'),
    "SET sql_mode = ''"], [X("p", 3), 'SELECT "id" AS x', P("q", 'SELECT "id" AS x'), X("q")])
row("ps_before_ansi_quotes", [P("p", 'SELECT "id" AS x'), "SET sql_mode = 'ANSI_QUOTES'"],
    [X("p"), 'SELECT "id" AS x FROM app.nums WHERE id = 1'])
row("ps_pipes", ["SET sql_mode = 'PIPES_AS_CONCAT'", P("p", "SELECT 'a' || ?"),
    "SET sql_mode = ''"],
    [X("p", "b"), "SELECT 0 || 1"])
row("ps_no_backslash", ["SET sql_mode = 'NO_BACKSLASH_ESCAPES'", P("p", r"SELECT 'a\n' AS x"),
    "SET sql_mode = ''"], [X("p"), r"SELECT 'a\n' AS x"])
row("ps_strict", ["SET sql_mode = ''", P("p", "INSERT INTO n VALUES (?)"),
    "SET sql_mode = 'STRICT_ALL_TABLES'"],
    [X("p", 500), "SELECT * FROM n"], fixture=("CREATE TABLE n (a TINYINT)",))
row("ps_latin1", ["SET NAMES latin1", P("p", "SELECT '\u00e9' AS e, CHARSET('x') AS c, ? AS w"),
    "SET NAMES utf8mb4"],
    [X("p", "\u00e9"), TEXTS], drivers=("raw-text", "raw-binary", "raw-track"))
row("ps_latin1_literal", ["SET NAMES latin1", P("p", "SELECT CHARSET('x') AS c, COLLATION('x') AS"
    " l, HEX('\u00e9') AS h"),
    "SET NAMES utf8mb4"], [X("p"), TEXTS])
row("ps_gbk", ["SET NAMES gbk", P("p", b"SELECT HEX('\xd5\\') AS h"), "SET NAMES utf8mb4"],
    [X("p"), CHARSETS], drivers=("raw-text", "raw-binary", "raw-track"))
row("ps_collation", ["SET NAMES utf8mb4 COLLATE utf8mb4_bin", P("p", "SELECT 'a' = 'A', 'a' = ?"),
    "SET NAMES utf8mb4"],
    [X("p", "A"), "SELECT 'a' = 'A'"])
row("ps_collation_after", [P("p", "SELECT 'a' = 'A', COLLATION(?)"),
    "SET NAMES utf8mb4 COLLATE utf8mb4_bin"],
    [X("p", "A"), "SELECT 'a' = 'A'"])
# Values that a statement takes from its session when it is prepared on one server, and when it is
# executed on the other.
for _name, _first, _second, _sql in (
        ("div_precision_increment", "2", "9", "SELECT 1/7, 22.0/7"),
        ("group_concat_max_len", "10", "60", "SELECT GROUP_CONCAT(id ORDER BY id) FROM app.nums"),
        ("lc_time_names", "'de_DE'", "'fr_FR'", "SELECT MONTHNAME('2024-03-01')"),
        ("default_week_format", "1", "3", "SELECT WEEK('2000-01-01')"),
        ("time_zone", "'+01:00'", "'+07:00'", "SELECT FROM_UNIXTIME(86400), @@time_zone"),
        ("sql_select_limit", "2", "4", "SELECT id FROM app.nums ORDER BY id"),
        ("autocommit", "0", "1", "SELECT @@autocommit"),
        ("max_sort_length", "64", "128", "SELECT @@max_sort_length"),
        ("sql_auto_is_null", "0", "1", "SELECT COUNT(*) FROM t WHERE id IS NULL")):
    _more_may = (STATE, "statement", _name) if _name == "sql_auto_is_null" else ()
    row("ps_under_" + _name, [f"SET {_name} = {_first}", P("p", _sql), X("p"),
                              f"SET {_name} = {_second}"], [X("p"), X("p")], fixture=FILLED,
        may=_more_may, **NO_MIX)
    if _name in ("div_precision_increment", "group_concat_max_len", "lc_time_names",
                 "default_week_format"):
        row("ps_before_" + _name, [P("p", _sql), f"SET {_name} = {_first}"], [X("p"), X("p")],
            **NO_MIX)
        row("ps_default_" + _name, [P("p", _sql)], [X("p"), X("p")], **NO_MIX)
row("ps_under_default_collation", ["SET default_collation_for_utf8mb4 = utf8mb4_general_ci",
    P("p", "SELECT COLLATION(_utf8mb4'x')"), X("p"), "SET default_collation_for_utf8mb4 ="
        " utf8mb4_0900_ai_ci"],
    [X("p")], family="mysql", **NO_MIX)
row("ps_init_connect", [P("p", "SELECT ? + 1 AS v"), X("p", 5), P("q", "SELECT @only_b AS b"),
    X("q")], [X("p", 6), X("q"), "SELECT @only_b"], user="plain", may=("next_transaction_set",))
row("ps_user_variable", ["SET @a = 5", P("p", "SELECT @a, @a + 1"), X("p")], [X("p"), "SET @a = 6",
    X("p")])
row("ps_user_variable_type", ["SET @a = 5", P("p", "SELECT @a AS v, CONCAT(@a, 'x') AS c"), X("p"),
    "SET @a = 'text'"],
    [X("p"), X("p")], may=(STATE, "statement"))
row("ps_user_variable_unset", [P("p", "SELECT @u AS v"), "SET @u = 7"], [X("p")], may=(STATE,
    "statement"))
row("ps_user_variable_decimal", ["SET @a = 'x'", P("p", "SELECT @a AS v, @a * 2 AS w"),
    "SET @a = 1.25"],
    [X("p")], may=(STATE, "statement"))
row("ps_assigns", [P("p", "SELECT @q := ?"), X("p", 5)], ["SELECT @q", X("p", 6), "SELECT @q"])
row("ps_sets", [P("p", "SET @q = ?"), X("p", "v")], [VALUE.replace("@a", "@q"), X("p", 9),
    "SELECT @q"])
row("ps_sets_system", [P("p", "SET group_concat_max_len = ?"), X("p", 17)],
    ["SELECT @@group_concat_max_len", X("p", 18), "SELECT @@group_concat_max_len"])
row("ps_insert", [P("p", "INSERT INTO t (v) VALUES (?)"), X("p", "a")],
    [LAST, X("p", "b"), "SELECT v FROM t ORDER BY id"], fixture=(TABLE,))
row("ps_update", [P("p", "UPDATE t SET v = ? WHERE id = ?"), X("p", "x", 1)],
    [X("p", "y", 2), "SELECT * FROM t ORDER BY id"], fixture=FILLED)
row("ps_call", [P("p", "CALL p(?)"), X("p", 3)], [X("p", 4)], fixture=(
    "CREATE PROCEDURE p(a INT) BEGIN SELECT a; SELECT a + 1, 'two'; END",))
row("ps_call_out", [P("p", "CALL p(?, @o)"), X("p", 3)], ["SELECT @o", X("p", 4), "SELECT @o"],
    fixture=(
    "CREATE PROCEDURE p(a INT, OUT o INT) SET o = a * 2",))
row("ps_show", [P("p", "SHOW TABLES"), X("p")], [X("p")], fixture=FILLED)
row("ps_wide", [P("p", "SELECT " + ", ".join(f"{i} AS c{i}" for i in range(200)))], [X("p")])
row("ps_long_text", [P("p", "SELECT LENGTH('" + "x" * 300000 + "'), ?"), X("p", 1)], [X("p", 2)])
row("ps_comment", [P("p", "/* c ? */ SELECT ? -- tail ?"), X("p", 1)], [X("p", 2)])
row("ps_utf8_text", [P("p", "SELECT 'gr\u00fc\u00dfe \U0001F600' AS g, ? AS a"), X("p", "\u00e4")],
    [X("p", "\u00f6")])
row("ps_all_types", [P("p", "SELECT u, d, f, b, s, dt, ti, da, y, e FROM many WHERE id = ?"), X("p",
    1)],
    [X("p", 1)], fixture=(
        "CREATE TABLE many (id INT PRIMARY KEY, u BIGINT UNSIGNED, d DECIMAL(30,10), f DOUBLE, b"
        " LONGBLOB,"
        " s VARCHAR(99), dt DATETIME(6), ti TIME(3), da DATE, y YEAR, e ENUM('a', 'b'))",
        "INSERT INTO many VALUES (1, 18446744073709551615, -1.5, 1.5e300, X'00FF', 's',"
        " '2024-02-29 23:59:59.5',"
        " '-838:59:59', '2024-02-29', 1999, 'b')"))
row("ps_altered", [P("p", "SELECT * FROM t ORDER BY id"), X("p"),
    "ALTER TABLE t ADD COLUMN extra INT DEFAULT 5"],
    [X("p"), X("p")], fixture=FILLED, may=("statement", STATE))
row("ps_dropped_everywhere", [P("p", "SELECT * FROM t"), X("p"), "DROP TABLE t"],
    [X("p"), "SELECT 1"], fixture=FILLED, may=("statement", STATE))
row("ps_missing_on_target", [P("p", "SELECT * FROM only_here"), X("p")], [X("p"), "SELECT 1"],
    **NO_MIX,
    fixture=("CREATE TABLE only_here AS SELECT 'here' AS v",),
    target_only=("DROP TABLE m_ps_missing_on_target.only_here",), may=("statement", STATE))
row("ps_fewer_columns_on_target", [P("p", "SELECT * FROM wide"), X("p")], [X("p")], **NO_MIX,
    fixture=("CREATE TABLE wide AS SELECT 1 AS a, 2 AS b",),
    target_only=("ALTER TABLE m_ps_fewer_columns_on_target.wide DROP COLUMN b",), may=("statement",
    STATE))
row("ps_missing_closed", [P("p", "SELECT * FROM only_here"), X("p"), ("close", "p")], ["SELECT 1"],
    **NO_MIX,
    fixture=("CREATE TABLE only_here AS SELECT 'here' AS v",),
    target_only=("DROP TABLE m_ps_missing_closed.only_here",))
row("ps_reset", [P("p", "SELECT ?"), X("p", 5), ("reset", "p")], [X("p", 6), ("reset", "p"), X("p",
    7)])
row("ps_long_data", [P("p", "SELECT ?, LENGTH(?)"), ("long", "p", 1, b"abc"), ("long", "p", 1,
    b"defg"),
    X("p", 1, b"")], [X("p", 2, b"xy"), ("long", "p", 1, b"z" * 70000), X("p", 3, b"")])
row("ps_long_data_reset", [P("p", "SELECT LENGTH(?)"), ("long", "p", 0, b"abc"), ("reset", "p")],
    [X("p", b"xy")])
row("ps_long_data_pending", [P("p", "SELECT LENGTH(?)"), ("long", "p", 0, b"abc")], [X("p", b"")],
    may=("long_data_pending", "unit of work"), drivers=("raw-text", "raw-binary", "raw-track"),
    **NO_MIX)
CURSOR = "SELECT id FROM app.nums WHERE id < ? ORDER BY id"
row("ps_cursor_open", [P("p", CURSOR), ("cursor", "p", 20), ("fetch", "p", 5)], [("fetch", "p", 5)],
    may=("cursor_open", "unit of work"), **NO_MIX)
row("ps_cursor_done", [P("p", CURSOR), ("cursor", "p", 6), ("fetch", "p", 50)],
    [("cursor", "p", 3), ("fetch", "p", 50), "SELECT 1"])
# MySQL 9.7 answers an execute without a cursor after one with a cursor by an OK in place of the
# rows, also to a client that is connected directly.
row("ps_cursor_then_none", [P("p", CURSOR), ("cursor", "p", 6), ("fetch", "p", 50)],
    [X("p", 4), ("cursor", "p", 3), ("fetch", "p", 50)], family="mariadb")
row("ps_cursor_reset", [P("p", CURSOR), ("cursor", "p", 6), ("fetch", "p", 2), ("reset", "p")],
    [("cursor", "p", 4), ("fetch", "p", 9)])
row("ps_cursor_closed", [P("p", CURSOR), ("cursor", "p", 6), ("close", "p")], ["SELECT 1"])
row("ps_fetch_none", [P("p", CURSOR), X("p", 3)], [("fetch", "p", 5), "SELECT 1"])
row("ps_set_names", [P("p", "SET NAMES latin1"), X("p")], [CHARSETS, "SET NAMES utf8mb4", X("p"),
    CHARSETS])
row("ps_use", [P("p", "USE app")], [SCHEMA])
row("ps_begin", [P("p", "INSERT INTO t (v) VALUES (?)"), "BEGIN", X("p", "x"), "COMMIT"],
    [X("p", "y"), "SELECT v FROM t ORDER BY id"], fixture=(TABLE,))
row("ps_reset_connection", [P("p", "SELECT 1"), ("reset_connection",)], [P("q", "SELECT 2"),
    X("q")])
row("ps_limit", [P("p", "SELECT id FROM app.nums ORDER BY id LIMIT ?, ?"), X("p", 0, 2)], [X("p", 1,
    3)])
row("ps_in_list", [P("p", "SELECT id FROM app.nums WHERE id IN (?, ?, 'x') ORDER BY id"), X("p", 1,
    "2")],
    [X("p", 3, "4")])
row("ps_json", [P("p", "SELECT JSON_EXTRACT(?, '$.a')"), X("p", '{"a": 5}')], [X("p", '{"a": 6}')])
row("ps_time", [P("p", "SELECT DATE_ADD(?, INTERVAL ? DAY)"), X("p", "2024-01-01", 5)], [X("p",
    "2024-02-28", 2)])
row("ps_temp_dropped", ["CREATE TEMPORARY TABLE tmp (a INT)", P("p", "SELECT * FROM tmp"),
    "DROP TEMPORARY TABLE tmp"],
    [X("p")], may=("temporary_table", "statement"))
row("ps_direct_setup", [("direct", "SET @a = 5"), ("direct", "SET NAMES latin1"),
    ("direct", "SELECT @b := 6")], ["SELECT @a, @b", CHARSETS])

# --- what cannot move, and must say so ----------------------------------------------------------

TEMP, LOCK = ("temporary_table", STATE), ("user_lock", "user lock", STATE)
row("temp_table", ("CREATE TEMPORARY TABLE tmp (a INT)", "INSERT INTO tmp VALUES (5)"),
    "SELECT * FROM tmp", may=TEMP)
row("temp_table_select", "CREATE TEMPORARY TABLE tmp AS SELECT 5 AS a", "SELECT * FROM tmp",
    may=TEMP)
row("temp_table_comment", "CREATE /* c */ TEMPORARY -- d\n TABLE IF NOT EXISTS tmp (a INT)",
    "SELECT * FROM tmp", may=TEMP)
row("temp_table_executable_comment", "CREATE /*!50000 TEMPORARY */ TABLE tmp (a INT)",
    "INSERT INTO tmp VALUES (1)", may=TEMP)
row("temp_table_shadows", ("CREATE TEMPORARY TABLE t (a INT)",), "SELECT * FROM t", may=TEMP,
    fixture=FILLED)
row("temp_table_procedure", "CALL p()", "SELECT * FROM tmp", may=TEMP, fixture=(
    "CREATE PROCEDURE p() CREATE TEMPORARY TABLE tmp AS SELECT 7 AS a",))
row("temp_table_procedure_shadows", "CALL p()", "SELECT * FROM t", may=TEMP, fixture=(
    *FILLED, "CREATE PROCEDURE p() CREATE TEMPORARY TABLE t AS SELECT 7 AS a"))
row("temp_table_prepared", [P("p", "CREATE TEMPORARY TABLE t (a INT)"), X("p")],
    ["SELECT * FROM t"],
    may=TEMP, fixture=FILLED)
row("temp_table_sql_prepared", ("SET @s = 'CREATE TEMPORARY TABLE t (a INT)'", "PREPARE s FROM @s",
    "EXECUTE s", "DEALLOCATE PREPARE s"), "SELECT * FROM t", may=(*TEMP, "sql_prepare"),
    fixture=FILLED)
row("temp_table_dropped", ("CREATE TEMPORARY TABLE tmp (a INT)", "DROP TEMPORARY TABLE tmp"),
    "SELECT * FROM tmp", may=TEMP)
row("temp_table_function", "SELECT f()", "SELECT * FROM t", may=TEMP, fixture=(
    *FILLED, "CREATE FUNCTION f() RETURNS INT DETERMINISTIC MODIFIES SQL DATA BEGIN CREATE"
    " TEMPORARY TABLE IF NOT EXISTS t (a INT); RETURN 1; END"))
row("temp_table_function_select", "SELECT f()", "SELECT * FROM t", may=TEMP, fixture=(
    *FILLED, "CREATE FUNCTION f() RETURNS INT DETERMINISTIC MODIFIES SQL DATA BEGIN CREATE"
    " TEMPORARY TABLE t AS SELECT 5 AS a; RETURN 1; END"))
MAKES = ("CREATE FUNCTION f() RETURNS INT DETERMINISTIC MODIFIES SQL DATA BEGIN CREATE"
         " TEMPORARY TABLE IF NOT EXISTS t (a INT); RETURN 1; END")
row("temp_table_trigger", "INSERT INTO other VALUES (1)", "SELECT * FROM t", may=TEMP, fixture=(
    *FILLED, "CREATE TABLE other (a INT)", "CREATE TRIGGER tr AFTER INSERT ON other FOR EACH ROW"
    " CREATE TEMPORARY TABLE IF NOT EXISTS t (a INT)"))
row("temp_table_beside", ("CREATE TABLE made (a INT)", "SELECT f()"), "SELECT * FROM t", may=TEMP,
    fixture=(*FILLED, MAKES))
row("temp_table_inside", "CREATE TABLE made AS SELECT f() AS a", "SELECT * FROM t", may=TEMP,
    fixture=(*FILLED, MAKES))
row("temp_table_immediate", "EXECUTE IMMEDIATE 'CREATE TEMPORARY TABLE t (a INT)'",
    "SELECT * FROM t",
    may=(*TEMP, "sql_prepare"), fixture=FILLED, family="mariadb")
row("temp_sequence", "CREATE TEMPORARY SEQUENCE sq", "SELECT NEXTVAL(sq)", may=TEMP,
    family="mariadb")
row("lock", "SELECT GET_LOCK('lock one', 0)", "SELECT RELEASE_LOCK('lock one')", may=LOCK)
row("lock_do", "DO GET_LOCK('lock two', 0)", "SELECT RELEASE_LOCK('lock two')", may=LOCK)
row("lock_spaced", "SELECT get_lock ('lock three', 0)", "SELECT RELEASE_LOCK('lock three')",
    may=LOCK)
row("lock_released", ("SELECT GET_LOCK('lock four', 0)", "SELECT RELEASE_LOCK('lock four')"),
    "SELECT IS_FREE_LOCK('lock four')", may=LOCK)
row("lock_all_released", ("SELECT GET_LOCK('lock five', 0)", "SELECT GET_LOCK('lock six', 0)",
    "SELECT RELEASE_ALL_LOCKS()"), "SELECT IS_FREE_LOCK('lock five')", may=LOCK)
row("lock_procedure", "CALL p()", "SELECT RELEASE_LOCK('lock seven')", may=LOCK, fixture=(
    "CREATE PROCEDURE p() DO GET_LOCK('lock seven', 0)",))
row("lock_function", "SELECT f()", "SELECT RELEASE_LOCK('lock eight')", may=LOCK, fixture=(
    "CREATE FUNCTION f() RETURNS INT DETERMINISTIC RETURN GET_LOCK('lock eight', 0)",))
row("lock_view", "SELECT * FROM w", "SELECT RELEASE_LOCK('lock nine')", may=LOCK, fixture=(
    "CREATE VIEW w AS SELECT GET_LOCK('lock nine', 0) AS l",))
row("lock_trigger", INSERT, "SELECT RELEASE_LOCK('lock ten')", may=LOCK, fixture=(
    TABLE, "CREATE TRIGGER tr BEFORE INSERT ON t FOR EACH ROW SET @l = GET_LOCK('lock ten', 0)"))
row("lock_prepared", [P("p", "SELECT GET_LOCK(?, 0)"), X("p", "lock eleven")],
    ["SELECT RELEASE_LOCK('lock eleven')"], may=LOCK)
row("lock_prepared_only", [P("p", "SELECT GET_LOCK(?, 0)")], ["SELECT 1"], may=LOCK)
row("lock_sql_prepared", ("PREPARE s FROM 'SELECT GET_LOCK(\"lock twelve\", 0)'", "EXECUTE s"),
    "SELECT RELEASE_LOCK('lock twelve')", may=(*LOCK, "sql_prepare"))
row("lock_comment", "SELECT /*! GET_LOCK('lock thirteen', 0) */",
    "SELECT RELEASE_LOCK('lock thirteen')", may=LOCK)
TABLES = ("lock_tables", STATE)
row("lock_tables_read", "LOCK TABLES t READ", ("INSERT INTO t (v) VALUES ('x')", "UNLOCK TABLES"),
    may=TABLES, fixture=FILLED)
row("lock_tables_write", "LOCK TABLES t WRITE", ("SELECT * FROM app.nums", "UNLOCK TABLES"),
    may=TABLES, fixture=FILLED)
row("lock_tables_done", ("LOCK TABLES t WRITE", "UNLOCK TABLES"), "SELECT COUNT(*) FROM t",
    fixture=FILLED)
row("flush_tables_lock", "FLUSH TABLES t WITH READ LOCK", ("INSERT INTO t (v) VALUES ('x')",
    "UNLOCK TABLES"),
    may=TABLES, fixture=FILLED)
row("handler", "HANDLER t OPEN", "HANDLER t READ FIRST", may=("handler_open", STATE),
    fixture=FILLED)
row("handler_closed", ("HANDLER t OPEN", "HANDLER t READ FIRST", "HANDLER t CLOSE"), "SELECT 1",
    may=("handler_open", STATE), fixture=FILLED)
SQLP = ("sql_prepare", STATE)
row("sql_prepare", "PREPARE s FROM 'SELECT ?'", ("SET @p = 5", "EXECUTE s USING @p"), may=SQLP)
row("sql_prepare_done", ("PREPARE s FROM 'SELECT 1'", "EXECUTE s", "DEALLOCATE PREPARE s"),
    "EXECUTE s", may=SQLP)
row("sql_prepare_procedure", "CALL p()", "EXECUTE hidden", may=SQLP, fixture=(
    "CREATE PROCEDURE p() PREPARE hidden FROM 'SELECT 17'",))
row("xa_started", "XA START 'x1'", ("XA END 'x1'", "XA ROLLBACK 'x1'"), may=("xa_transaction",
    "in_transaction", "unit of work"),
    errors=(1213,), **NO_MIX)
row("xa_done", ("XA START 'x2'", INSERT, "XA END 'x2'", "XA COMMIT 'x2' ONE PHASE"),
    "SELECT v FROM t",
    fixture=(TABLE,), **NO_MIX)
row("sql_cursor_done", "CALL p()", "SELECT 1", fixture=(
    *FILLED, "CREATE PROCEDURE p() BEGIN DECLARE c CURSOR FOR SELECT v FROM t; OPEN c; END"))

# --- transactions -------------------------------------------------------------------------------

row("begin_empty", "BEGIN", ("SELECT COUNT(*) FROM t",), aborted=True, fixture=FILLED, **NO_MIX)
row("begin_insert", ("BEGIN", INSERT), ("SELECT v FROM t ORDER BY id",), aborted=True,
    fixture=(TABLE,), **NO_MIX)
row("begin_prepared", [P("p", "INSERT INTO t VALUES (?, 'x')"), "BEGIN", X("p", 5)],
    [X("p", 6), "SELECT * FROM t ORDER BY id"], aborted=True, fixture=(TABLE,), **NO_MIX)
row("begin_user_variable", ("BEGIN", INSERT, "SET @a = 5"), ("SELECT @a", "SELECT COUNT(*) FROM t"),
    aborted=True, fixture=(TABLE,), **NO_MIX)
row("begin_snapshot", "START TRANSACTION WITH CONSISTENT SNAPSHOT", "SELECT COUNT(*) FROM t",
    aborted=True,
    fixture=FILLED, **NO_MIX)
row("begin_savepoint", ("BEGIN", INSERT, "SAVEPOINT s"), ("ROLLBACK TO s",
    "SELECT COUNT(*) FROM t"),
    aborted=True, fixture=(TABLE,), **NO_MIX)
row("begin_committed", ("BEGIN", INSERT, "COMMIT"), ("SELECT v FROM t", LAST), fixture=(TABLE,))
row("begin_rolled_back", ("BEGIN", INSERT, "ROLLBACK"), "SELECT COUNT(*) FROM t", fixture=(TABLE,),
    **NO_MIX)
row("no_autocommit", "SET autocommit = 0", ("SELECT @@autocommit", INSERT, "ROLLBACK",
    "SELECT COUNT(*) FROM t"),
    fixture=(TABLE,), **NO_MIX)
row("no_autocommit_open", ("SET autocommit = 0", INSERT), ("SELECT COUNT(*) FROM t",
    "SELECT @@autocommit", "COMMIT"),
    aborted=True, fixture=(TABLE,), **NO_MIX)
row("no_autocommit_read", ("SET autocommit = 0", "SELECT COUNT(*) FROM t"), ("SELECT @@autocommit",
    "COMMIT"),
    aborted=True, fixture=FILLED, **NO_MIX)
row("no_autocommit_committed", ("SET autocommit = 0", INSERT, "COMMIT"),
    ("SELECT @@autocommit, COUNT(*) FROM t", "COMMIT"),
    fixture=(TABLE,), **NO_MIX)
row("chain", ("SET completion_type = 1",), ("BEGIN", "COMMIT", "ROLLBACK AND NO CHAIN",
    "SELECT @@completion_type"), **NO_MIX)
row("commit_and_chain", ("BEGIN", INSERT, "COMMIT AND CHAIN"), ("SELECT COUNT(*) FROM t",),
    aborted=True,
    fixture=(TABLE,), **NO_MIX)
row("implicit_commit", ("BEGIN", INSERT, "CREATE TABLE other (a INT)"), ("SELECT COUNT(*) FROM t",),
    fixture=(TABLE,), **NO_MIX)

# --- diagnostics of the statement before the move -----------------------------------------------

WARNS = "SELECT CAST('12x' AS SIGNED)"
for _name, _set, _probe in (
        ("show_warnings", WARNS, "SHOW WARNINGS"), ("show_count", WARNS, "SHOW COUNT(*) WARNINGS"),
        ("show_errors", "SELECT * FROM missing", "SHOW ERRORS"), ("warning_count", WARNS,
        "SELECT @@warning_count"),
        ("error_count", "SELECT * FROM missing", "SELECT @@error_count"),
        ("row_count", "INSERT INTO t (v) VALUES ('x'), ('y')", "SELECT ROW_COUNT()"),
        ("row_count_none", "SELECT 1", "SELECT ROW_COUNT()"),
        ("found_rows", "SELECT SQL_CALC_FOUND_ROWS d FROM app.digit ORDER BY d LIMIT 2",
        "SELECT FOUND_ROWS()"),
        ("found_rows_plain", "SELECT d FROM app.digit", "SELECT FOUND_ROWS()"),
        ("get_diagnostics", WARNS, "GET DIAGNOSTICS @n = NUMBER"),
        ("get_condition", WARNS, "GET DIAGNOSTICS CONDITION 1 @m = MESSAGE_TEXT"),
        ("show_warnings_limit", WARNS, "SHOW WARNINGS LIMIT 1"),
        ("warning_count_into", WARNS, "SET @w = @@warning_count"),
        ("row_count_into", "DELETE FROM t WHERE id = 1", "SET @w = ROW_COUNT()")):
    row("diag_" + _name, _set, (_probe, "SELECT 5"), diagnostics=True, fixture=FILLED, **NO_MIX)
# Not here: a stored function that reads ROW_COUNT() of the statement before; nobody can see it.
row("diag_after", WARNS, (WARNS, "SHOW WARNINGS", "SELECT SQL_CALC_FOUND_ROWS d FROM app.digit"
    " ORDER BY d LIMIT 1",
    "SELECT FOUND_ROWS()", "INSERT INTO t (v) VALUES ('x')", "SELECT ROW_COUNT()"), fixture=FILLED)
row("diag_none", "SELECT 1", ("SELECT 1", "SHOW WARNINGS", "SELECT @@warning_count"))
row("diag_found_rows_after", "SELECT 1", (_ID + " LIMIT 5", "SELECT FOUND_ROWS()"))

# What outlives the statement after it, and what does not.
FOUND = "SELECT SQL_CALC_FOUND_ROWS d FROM app.digit ORDER BY d LIMIT 2"
ASK = {"found": "SELECT FOUND_ROWS()", "rows": "SELECT ROW_COUNT()", "warnings": "SHOW WARNINGS",
       "count": "SELECT @@warning_count, @@error_count"}
MADE = {"found": FOUND, "rows": "INSERT INTO t (v) VALUES ('x'), ('y')", "warnings": WARNS,
        "count": WARNS}
BETWEEN: dict[str, Actions] = {
    "init_db": [("init_db", "app")], "ping": [("ping",)], "prepare": [P("q", "SELECT 1")],
    "prepare_tables": [P("q", "SELECT v FROM t")], "set": "SET @a = 5", "names": "SET NAMES latin1",
    "select": "SELECT 1", "select_tables": "SELECT v FROM t", "extract":
    "SELECT EXTRACT(YEAR FROM DATE'2024-01-01')", "insert": INSERT, "error": "SELECT * FROM gone",
    "ddl": "CREATE DATABASE IF NOT EXISTS app", "call": "CALL p()", "show": "SHOW GRANTS",
    "begin": ("BEGIN", "COMMIT"), "locked": "SELECT v FROM t FOR UPDATE",
    "into": "SELECT EXTRACT(YEAR FROM DATE'2024-01-01') INTO @y", "two": "SELECT 1; SET @b = 1"}
for _kind, _probe in ASK.items():
    for _name, _more in BETWEEN.items():
        _list = (_more,) if isinstance(_more, str) else tuple(_more)
        row(f"diag_{_kind}_{_name}", MADE[_kind], (*_list, _probe, "SELECT 5"), diagnostics=True,
            fixture=(*FILLED, "CREATE PROCEDURE p() BEGIN END"), **NO_MIX)
    # Never 1105: the statement has made its own.
    row(f"diag_{_kind}_anew", "SELECT v FROM t", (MADE[_kind], _probe, MADE[_kind], _probe),
        fixture=FILLED)
row("diag_context", ("SET NAMES latin1", FOUND, P("p", "SELECT 1")), ("SELECT FOUND_ROWS()",),
    diagnostics=True, **NO_MIX)

# --- odd variables ------------------------------------------------------------------------------

row("timestamp", "SET timestamp = 1000000000", ("SELECT UNIX_TIMESTAMP(), NOW() ="
    " FROM_UNIXTIME(1000000000)",),
    may=(STATE, "timestamp"))
row("timestamp_default", ("SET timestamp = 1000000000", "SET timestamp = DEFAULT"),
    "SELECT UNIX_TIMESTAMP() > 1700000000", may=(STATE, "timestamp"))
row("insert_id", "SET insert_id = 500", (INSERT, LAST), may=(STATE, "insert_id"), fixture=(TABLE,),
    **NO_MIX)
row("insert_id_used", ("SET insert_id = 500", INSERT), ("SELECT LAST_INSERT_ID()",
    "SELECT * FROM t"),
    may=(STATE, "insert_id"), fixture=(TABLE,), **NO_MIX)
row("rand_seed", "SET rand_seed1 = 1, rand_seed2 = 2", "SELECT RAND(), RAND()", may=(STATE,
    "rand_seed"), **NO_MIX)
row("pseudo_thread_id", "SET pseudo_thread_id = 12345", "SELECT @@pseudo_thread_id", may=(STATE,
    "pseudo_thread_id"), **NO_MIX)
row("gtid_next", "SET gtid_next = 'AUTOMATIC'", "SELECT @@gtid_next", family="mysql", may=(STATE,
    "gtid"), **NO_MIX)
row("server_id", "SET SESSION server_id = 77", "SELECT @@session.server_id", family="mariadb",
    may=(STATE, "server_id"), **NO_MIX)
row("track_read", (), ("SELECT @@session.session_track_system_variables,"
    " @@session.session_track_schema,"
    " @@session.session_track_state_change", "SHOW SESSION VARIABLES LIKE 'session_track_s%'"))
for _n, _value in enumerate(("session_track_system_variables = 'sql_mode,time_zone'",
                             "session_track_system_variables = '*'",
                             "session_track_system_variables = ''",
                             "session_track_schema = 0", "session_track_state_change = 1")):
    row(f"track_set_{_n}", f"SET SESSION {_value}",
        ("SET sql_mode = 'ANSI'", "USE app", "SET NAMES latin1", "SET @x = 1",
         "SELECT @@session.session_track_system_variables, @@session.session_track_schema,"
         " @@session.session_track_state_change"), may=(STATE, "session_track"))
row("track_transaction", "SET SESSION session_track_transaction_info = 'CHARACTERISTICS'",
    ("BEGIN", "SELECT 1", "COMMIT"), may=(STATE, "session_track"), **NO_MIX)

for _n, _set in enumerate((
        ("SET NAMES utf8mb3 COLLATE utf8mb3_bin", "SET character_set_connection = latin1"),
        ("SET NAMES utf8mb4 COLLATE utf8mb4_bin", "SET collation_connection = utf8mb4_czech_ci"),
        ("SET NAMES utf8mb4", "SET collation_connection = utf8mb4_bin"),
        ("SET NAMES latin1 COLLATE latin1_bin", "SET character_set_results = NULL"),
        ("SET NAMES latin1 COLLATE latin1_bin", "SET character_set_results = utf8mb4"),
        ("SET NAMES utf8mb4 COLLATE utf8mb4_bin", "SET character_set_results = utf8mb4"),
        ("SET NAMES utf8mb4 COLLATE utf8mb4_bin", "SET character_set_client = latin1"),
        ("SET NAMES utf8mb4 COLLATE utf8mb4_bin", "SET character_set_connection = ucs2"),
        ("SET NAMES binary", "SET character_set_connection = ucs2"),
        ("SET NAMES binary", "SET character_set_connection = utf16"),
        ("SET character_set_results = utf16", "SET collation_connection = latin1_bin"))):
    row(f"names_then_{_n}", _set, (CHARSETS, SAFE_TEXTS, P("p", "SELECT ? = 'A', COLLATION(?)"),
                                   X("p", "a", "b"), P("q", "SELECT 'a' = ?"), X("q", "A")))
row("auto_increment_missed", ("SET SESSION auto_increment_increment = 5", "SELECT f()"),
    ("INSERT INTO t (v) VALUES ('i'), ('j')", "SELECT * FROM t ORDER BY id"), fixture=(
        TABLE, "CREATE FUNCTION f() RETURNS INT DETERMINISTIC BEGIN SET @from_f = 5; RETURN 1;"
        " END"), may=("next_transaction_set",))

# --- resets -------------------------------------------------------------------------------------

DIRTY = ("SET @a = 5", "SET NAMES latin1", "SET sql_mode = 'ANSI'", "SET time_zone = '+01:00'",
         "CREATE TEMPORARY TABLE tmp (a INT)", "SELECT GET_LOCK('reset lock %s', 0)",
         "PREPARE s FROM 'SELECT 1'", "SELECT LAST_INSERT_ID(55)", "USE app")
CLEAN = ("SELECT @a, @@sql_mode, @@time_zone, LAST_INSERT_ID()", CHARSETS, SCHEMA, ROLE)
row("reset_connection", [*(d.replace("%s", "one") for d in DIRTY), ("reset_connection",)], CLEAN,
    **NO_MIX)
row("reset_then_set", [*(d.replace("%s", "two") for d in DIRTY), ("reset_connection",),
    "SET @a = 7, time_zone = '+09:00'"],
    CLEAN, **NO_MIX)
row("reset_only", [("reset_connection",)], CLEAN, **NO_MIX)
row("reset_after", ["SET @a = 5", "SET time_zone = '+03:00'"], [("reset_connection",), *CLEAN],
    **NO_MIX, resets=True)
row("reset_role", ["SET ROLE reader", ("reset_connection",)], [ROLE], **NO_MIX)
row("reset_default_role", ["SET ROLE NONE", ("reset_connection",)], [ROLE], user="roley",
    schema="none", **NO_MIX)
row("change_user", [*(d.replace("%s", "three") for d in DIRTY), ("change_user", "app", "app-secret",
    "app")],
    CLEAN, **NO_MIX)
row("change_user_other", ["SET @a = 5", ("change_user", "other", "other-secret", "mysql"),
    "SET @b = 6"],
    [*CLEAN, "SELECT CURRENT_USER(), @b"], **NO_MIX)
row("change_user_no_schema", [("change_user", "other", "other-secret", None)], [SCHEMA,
    "SELECT CURRENT_USER()"], **NO_MIX)
row("change_user_failed", ["SET @a = 5", ("change_user", "other", "wrong", None)], ["SELECT 1"],
    errors=(1045, 1053, 2006, 2013, 0), drivers=("raw-text", "raw-track"), **NO_MIX)
row("change_user_after", ["SET @a = 5"], [("change_user", "other", "other-secret", "app"), *CLEAN,
    "SELECT CURRENT_USER()"], **NO_MIX, resets=True)
row("change_user_same_after", ["SET @a = 5"], [("change_user", "app", "app-secret", None), *CLEAN],
    **NO_MIX, resets=True)

# --- several statements in one packet; other commands -------------------------------------------

row("multi_set", "SET @a = 1; SET NAMES latin1; SELECT 1; SET time_zone = '+04:00'",
    ("SELECT @a, @@time_zone", CHARSETS))
row("multi_error", "SET @a = 1; SELECT * FROM missing; SET @b = 2", "SELECT @a, @b")
row("multi_temp", "SELECT 1; CREATE TEMPORARY TABLE t (a INT)", "SELECT * FROM t", may=TEMP,
    fixture=FILLED)
row("multi_lock", "SELECT 1; SELECT GET_LOCK('multi lock', 0)", "SELECT RELEASE_LOCK('multi lock')",
    may=LOCK)
row("multi_use", "USE app; SELECT COUNT(*) FROM nums; USE mysql; USE app", (SCHEMA,
    "SELECT COUNT(*) FROM nums"))
row("multi_begin", "BEGIN; INSERT INTO t (v) VALUES ('x'); COMMIT", ("SELECT v FROM t", LAST),
    fixture=(TABLE,))
row("multi_probe", "SET @a = 1", "SELECT @a; SELECT @a + 1; SET @a = 9; SELECT @a")
row("ping", [("ping",), "SET @a = 1"], [("ping",), "SELECT @a"])
row("call_results", "CALL p()", ("CALL p()",), fixture=("CREATE PROCEDURE p() BEGIN SELECT 1;"
    " SELECT 2, 'x'; END",))
row("error_last", "SELECT * FROM missing", ("SELECT * FROM missing", "SELECT 1"))
row("ddl", ("CREATE TABLE made (a INT)", "INSERT INTO made VALUES (1)"), ("SELECT * FROM made",
    "DROP TABLE made"))
row("ddl_prepared", [P("p", "CREATE TABLE made (a INT)"), X("p"), ("close", "p")],
    "DROP TABLE made")
row("ddl_exists", ("CREATE TABLE t (a INT)", "CREATE TABLE IF NOT EXISTS t (a INT)"),
    "SELECT * FROM t", fixture=FILLED)
row("ddl_fails", ("SET @a = " + "9" * 65, "CREATE TABLE made AS SELECT @a AS v",
    "CREATE TABLE made AS SELECT * FROM missing", "CREATE TABLE made (a INT, a INT)"), "SELECT @a")
row("ddl_no_key", ("SET SESSION sql_require_primary_key = 1", "CREATE TABLE nokey (a INT)"),
    ("SELECT @@sql_require_primary_key", "CREATE TABLE nokey (a INT)"), family="mysql")
row("big_result", (), "SELECT id, REPEAT('r', 500) FROM app.nums ORDER BY id")


def count() -> dict[str, int]:
    return {family: len(rows(family)) for family in ("mariadb", "mysql")}


def named(patterns: Iterable[str], family: str) -> list[Row]:
    chosen = list(patterns)
    return [r for r in rows(family) if not chosen or any(p in r.name for p in chosen)]


def find(name: str) -> Optional[Row]:
    return next((r for r in ROWS if r.name == name), None)
