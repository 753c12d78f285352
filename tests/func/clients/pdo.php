<?php
// Text and binary protocol through PDO.
$env = fn(string $name): string => (string) getenv($name);

function show(string $title, mixed $value): void
{
    echo $title, ': ', json_encode($value, JSON_PARTIAL_OUTPUT_ON_ERROR), "\n";
}

function open(bool $emulate, bool $buffered): PDO
{
    global $env;
    $options = [
        PDO::ATTR_ERRMODE => PDO::ERRMODE_EXCEPTION,
        PDO::ATTR_EMULATE_PREPARES => $emulate,
        PDO::MYSQL_ATTR_USE_BUFFERED_QUERY => $buffered,
        PDO::MYSQL_ATTR_LOCAL_INFILE => true,
        PDO::ATTR_STRINGIFY_FETCHES => false,
    ];
    if ($env('TLS') === 'on') {
        $options[PDO::MYSQL_ATTR_SSL_CA] = $env('CA');
    }
    $dsn = "mysql:host={$env('HOST')};port={$env('PORT')};dbname={$env('DB')};charset=utf8mb4";
    return new PDO($dsn, $env('DBUSER'), $env('PASS'), $options);
}

function attempt(PDO $db, string $sql, array $values = []): void
{
    try {
        $stmt = $db->prepare($sql);
        $stmt->execute($values);
        $set = 0;
        do {
            $rows = $stmt->columnCount() ? $stmt->fetchAll(PDO::FETCH_NUM) : ['rows' => $stmt->rowCount()];
            show(substr($sql, 0, 50) . " #$set", count($rows) > 20 ? [count($rows), $rows[0]] : $rows);
            $set++;
        } while ($stmt->nextRowset());
        $stmt->closeCursor();
    } catch (PDOException $error) {
        show(substr($sql, 0, 50), $error->errorInfo ?? $error->getMessage());
    }
}

$first = open(true, true);
$first->exec('CREATE TABLE p (id INT PRIMARY KEY AUTO_INCREMENT, u BIGINT UNSIGNED, d DECIMAL(20,5), b LONGBLOB, s TEXT, t TIMESTAMP(6) NULL)');
$first->exec('CREATE PROCEDURE two(n INT) BEGIN SELECT n; SELECT id FROM app.nums WHERE id < n ORDER BY id; END');
foreach ([[true, true], [false, true], [false, false], [true, false]] as [$emulate, $buffered]) {
    show('mode', [$emulate, $buffered]);
    $db = open($emulate, $buffered);
    attempt($db, 'INSERT INTO p (u, d, s, t) VALUES (?, ?, ?, ?)', ['18446744073709551615', '-1.00005', "o'n\\e", '2024-01-01 00:00:00.000001']);
    show('id', $db->lastInsertId());
    attempt($db, 'INSERT INTO p (u, s) VALUES (:u, :s)', [':u' => null, ':s' => 'schön']);
    attempt($db, 'SELECT id, u, d, s, t FROM p WHERE id > ? ORDER BY id', [0]);
    attempt($db, 'SELECT id FROM app.nums WHERE id > ? ORDER BY id', [10]);
    attempt($db, 'CALL two(?)', [4]);
    attempt($db, 'SELECT * FROM missing WHERE a = ?', [1]);
    attempt($db, 'INSERT INTO p (id) VALUES (?)', [1]);
    attempt($db, 'SELECT id, REPEAT(?, 40), EXP(id) FROM app.nums ORDER BY id', ['q']);
    attempt($db, 'SHOW WARNINGS');
    $stmt = $db->prepare('SELECT ? + 1, ?');
    for ($i = 0; $i < 50; $i++) {
        $stmt->execute([$i, str_repeat('v', $i * 7)]);
        $row = $stmt->fetch(PDO::FETCH_NUM);
        if ($i % 10 === 0) {
            show('repeat', [$row[0], strlen($row[1])]);
        }
        $stmt->closeCursor();
    }
    $db->beginTransaction();
    attempt($db, 'DELETE FROM p WHERE u IS NULL');
    $db->rollBack();
    $db->beginTransaction();
    attempt($db, 'UPDATE p SET s = ? WHERE u IS NULL', ['changed']);
    $db->commit();
    // Over 16 MiB once in each protocol, less in the other modes.
    $big = str_repeat("\x00\x27\xff", $buffered ? 5600000 : 60000);
    $stmt = $db->prepare('UPDATE p SET b = ? WHERE id = 1');
    $stmt->bindValue(1, $big, PDO::PARAM_LOB);
    $stmt->execute();
    attempt($db, 'SELECT LENGTH(b), MD5(b) FROM p WHERE id = ?', [1]);
    $stmt = $db->query('SELECT b FROM p WHERE id = 1');
    show('big', md5($stmt->fetchColumn()) === md5($big));
    $stmt->closeCursor();
    $db->exec('UPDATE p SET b = NULL');
    $db->exec('CREATE TABLE IF NOT EXISTS pl (a INT, b VARCHAR(50))');
    show('load', $db->exec("LOAD DATA LOCAL INFILE '{$env('DATAFILE')}' INTO TABLE pl FIELDS TERMINATED BY ','"));
    $db = null;
}
if ($env('TLS') === 'off') {
    try {
        new PDO("mysql:host={$env('HOST')};port={$env('PORT')};dbname=missing_db", $env('DBUSER'), $env('PASS'));
    } catch (PDOException $error) {
        show('missing db', $error->getMessage());
    }
}
echo "end\n";
