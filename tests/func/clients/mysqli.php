<?php
// Text and binary protocol through mysqli (mysqlnd). Prints only what must not differ between a
// direct connection and one through sluice.
mysqli_report(MYSQLI_REPORT_OFF);
$env = fn(string $name): string => (string) getenv($name);

function show(string $title, mixed $value): void
{
    echo $title, ': ', json_encode($value, JSON_PARTIAL_OUTPUT_ON_ERROR), "\n";
}

function rows(mysqli $db, mixed $result): mixed
{
    if ($result === false) {
        return [$db->errno, $db->sqlstate, $db->error];
    }
    return $result === true ? ['ok', $db->affected_rows, $db->insert_id] : $result->fetch_all();
}

function text(mysqli $db, string $sql): void
{
    show(substr($sql, 0, 60), rows($db, $db->query($sql)));
}

$db = mysqli_init();
$db->options(MYSQLI_OPT_LOCAL_INFILE, true);
$flags = 0;
if ($env('TLS') === 'on') {
    $db->ssl_set(null, null, $env('CA'), null, null);
    $flags = MYSQLI_CLIENT_SSL;
}
if (!$db->real_connect($env('HOST'), $env('DBUSER'), $env('PASS'), $env('DB'), (int) $env('PORT'), null, $flags)) {
    show('connect', [mysqli_connect_errno(), mysqli_connect_error()]);
    exit(1);
}
show('server', $db->server_info);
show('charset', $db->character_set_name());
show('set charset', $db->set_charset('utf8mb4'));
text($db, 'CREATE TABLE t (id INT PRIMARY KEY AUTO_INCREMENT, u BIGINT UNSIGNED, d DECIMAL(30,10), f DOUBLE,'
    . ' b LONGBLOB, s VARCHAR(200), dt DATETIME(6), ti TIME(3), da DATE, j JSON, bi BIT(10), y YEAR, e ENUM(\'a\',\'b\'))');
text($db, "INSERT INTO t VALUES (NULL, 18446744073709551615, -12345678901234567890.0123456789, 1.5e300, x'00ff10',"
    . " 'grüße \u{1F600}', '2024-02-29 23:59:59.123456', '-838:59:59.000', '0001-01-01', '{\"a\": [1, null]}', b'1010101010', 1999, 'b')");
text($db, 'INSERT INTO t (u) VALUES (NULL), (0), (1)');
show('id', $db->insert_id);
text($db, 'SELECT id, u, d, f, hex(b), s, dt, ti, da, j, hex(bi), y, e FROM t ORDER BY id');
text($db, 'SELECT * FROM missing');
text($db, 'SELECT 1/0, CAST(\'x\' AS SIGNED)');
text($db, 'SHOW WARNINGS');
show('warnings', $db->warning_count);

// Unbuffered, left early: mysqlnd reads the rest.
$result = $db->query('SELECT a.id FROM app.nums a ORDER BY a.id', MYSQLI_USE_RESULT);
show('first', $result->fetch_row());
$result->free();
text($db, "SELECT 'after an abandoned result'");

// Multi statements, one of them wrong.
$db->multi_query("SELECT 1; SELECT 2, 3; DO 0; INSERT INTO t (u) VALUES (7); SELECT * FROM missing; SELECT 9");
do {
    $part = $db->store_result();
    show('multi', $part ? $part->fetch_all() : [$db->errno, $db->affected_rows]);
} while ($db->more_results() && $db->next_result());
show('multi end', [$db->errno, $db->sqlstate, $db->error]);

// Stored procedure with several results and an OUT parameter.
text($db, 'CREATE PROCEDURE several(IN n INT, OUT o INT) BEGIN SELECT n AS a; SELECT id FROM app.nums WHERE id <= n ORDER BY id; SET o = n * 2; END');
$db->multi_query('CALL several(3, @o); SELECT @o');
do {
    $part = $db->store_result();
    show('call', $part ? $part->fetch_all() : 'no rows');
} while ($db->more_results() && $db->next_result());

// Binary protocol.
$stmt = $db->prepare('SELECT id, u, d, f, b, s, dt, ti, da, y, e FROM t WHERE id >= ? OR s = ? ORDER BY id');
foreach ([[1, 'x'], [2, 'grüße'], [99, null]] as [$low, $name]) {
    $stmt->bind_param('is', $low, $name);
    $stmt->execute();
    $result = $stmt->get_result();
    foreach ($result->fetch_all() as $row) {
        show('prepared', array_map(fn($v) => is_string($v) ? bin2hex($v) : $v, $row));
    }
}
$stmt->close();
$stmt = $db->prepare('CALL several(?, @x)');
$two = 2;
$stmt->bind_param('i', $two);
$stmt->execute();
do {
    $result = $stmt->get_result();
    show('prepared call', $result ? $result->fetch_all() : 'no rows');
} while ($stmt->more_results() && $stmt->next_result());
$stmt->close();
$bad = $db->prepare('SELEC 1');
show('bad prepare', [$bad, $db->errno, $db->sqlstate]);
$stmt = $db->prepare('INSERT INTO t (id, u) VALUES (?, ?)');
foreach ([100, 101, 100] as $id) {
    $stmt->bind_param('ii', $id, $id);
    show('insert', [$stmt->execute(), $stmt->errno, $stmt->affected_rows]);
}

// A cursor on the server, read in pieces, with another statement prepared in between.
$cursor = $db->stmt_init();
$cursor->prepare('SELECT id FROM app.nums WHERE id <= 500 ORDER BY id');
$cursor->attr_set(MYSQLI_STMT_ATTR_CURSOR_TYPE, MYSQLI_CURSOR_TYPE_READ_ONLY);
$cursor->attr_set(MYSQLI_STMT_ATTR_PREFETCH_ROWS, 1);
$cursor->execute();
$cursor->bind_result($value);
$sum = 0;
for ($i = 0; $i < 250 && $cursor->fetch(); $i++) {
    $sum += $value;
}
text($db, 'SELECT 42');
while ($cursor->fetch()) {
    $sum += $value;
}
show('cursor sum', $sum);
$cursor->close();

// Long data and values over 16 MiB, both ways and both protocols.
$big = str_repeat('0123456789abcdef', (17 << 20) / 16);
$stmt = $db->prepare('UPDATE t SET b = ? WHERE id = 1');
$null = null;
$stmt->bind_param('b', $null);
foreach (str_split($big, 3000001) as $piece) {
    $stmt->send_long_data(0, $piece);
}
show('long data', [$stmt->execute(), $stmt->affected_rows]);
$stmt->close();
text($db, 'SELECT LENGTH(b), MD5(b) FROM t WHERE id = 1');
$row = $db->query('SELECT b, id FROM t WHERE id = 1')->fetch_row();
show('big out', [strlen($row[0]), md5($row[0]) === md5($big), $row[1]]);
text($db, "UPDATE t SET b = '" . $big . "', s = 'in text' WHERE id = 2");
text($db, 'SELECT LENGTH(b), MD5(b), s FROM t WHERE id = 2');
foreach ([(1 << 24) - 5, (1 << 24) - 4] as $size) {
    $row = $db->query("SELECT REPEAT('z', $size)")->fetch_row();
    show('edge', [$size, strlen($row[0])]);
}
unset($big, $row);

// LOAD DATA LOCAL: taken, empty, refused by the server for want of a table, file missing.
text($db, 'CREATE TABLE l (a INT, b VARCHAR(50))');
text($db, "LOAD DATA LOCAL INFILE '{$env('DATAFILE')}' INTO TABLE l FIELDS TERMINATED BY ','");
text($db, 'SELECT COUNT(*), SUM(a), MIN(b), MAX(b) FROM l');
text($db, "LOAD DATA LOCAL INFILE '/dev/null' INTO TABLE l");
text($db, "LOAD DATA LOCAL INFILE '{$env('DATAFILE')}' INTO TABLE missing");
@$db->query("LOAD DATA LOCAL INFILE '/nonexistent/file' INTO TABLE l");
show('missing file', $db->errno);
text($db, "SELECT 'after LOAD DATA'");

// An error after many rows.
$result = $db->query("SELECT id, REPEAT('r', 50), EXP(id) FROM app.nums ORDER BY id", MYSQLI_USE_RESULT);
$count = 0;
while ($result && $result->fetch_row()) {
    $count++;
}
show('error in rows', [$count, $db->errno, $db->sqlstate, $db->error]);

// Transactions.
$db->begin_transaction();
text($db, "INSERT INTO l VALUES (-1, 'rolled back')");
$db->rollback();
$db->begin_transaction(MYSQLI_TRANS_START_READ_ONLY);
text($db, "INSERT INTO l VALUES (-1, 'read only')");
$db->commit();
$db->autocommit(false);
text($db, "INSERT INTO l VALUES (-2, 'kept')");
$db->savepoint('sp');
text($db, "INSERT INTO l VALUES (-3, 'not kept')");
text($db, 'ROLLBACK TO sp');
$db->commit();
$db->autocommit(true);
text($db, 'SELECT a FROM l WHERE a < 0');

// Other commands.
show('ping', $db->ping());
show('stat', (bool) preg_match('/^Uptime: \d+/', $db->stat()));
show('select_db', [$db->select_db('app'), $db->query('SELECT DATABASE()')->fetch_row()]);
show('no db', [$db->select_db('missing_db'), $db->errno]);
show('refresh', @$db->refresh(MYSQLI_REFRESH_STATUS));
text($db, 'SET @v = 5');
show('change_user', $db->change_user($env('DBUSER'), $env('PASS'), $env('DB')));
text($db, 'SELECT @v, DATABASE() IS NOT NULL');
show('bad change_user', [$db->change_user($env('DBUSER'), 'wrong', $env('DB')), $db->errno, $db->sqlstate]);
$db->close();
echo "end\n";
