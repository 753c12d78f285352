<?php
// One page of an application with persistent connections, served by `php -S`: a transaction and a
// prepared write, by mysqli or PDO. The answer has a line for each id that the server acknowledged.
mysqli_report(MYSQLI_REPORT_ERROR | MYSQLI_REPORT_STRICT);
$env = fn(string $name): string => (string) getenv($name);
$worker = (int) $_GET['worker'];
$number = (int) $_GET['number'];
$acknowledge = function (int $id, string $kind) use ($worker): void {
    echo "A $id $worker $kind\n";
};

function with_mysqli(callable $env, callable $acknowledge, int $worker, int $number): void
{
    $db = new mysqli('p:' . $env('HOST'), $env('DBUSER'), $env('PASS'), $env('DB'), (int) $env('PORT'));
    $db->begin_transaction();
    $db->query("INSERT INTO ledger (id, note) VALUES ($number, 't$number')");
    $db->query("UPDATE totals SET n = n + 1 WHERE worker = $worker");
    $db->commit();
    $acknowledge($number++, 'T');
    $stmt = $db->prepare('INSERT INTO ledger (id, note) VALUES (?, ?)');
    $note = "m$number";
    $stmt->bind_param('is', $number, $note);
    $stmt->execute();
    $acknowledge($number, 'S');
    $id = $stmt->insert_id;
    $stmt->close();
    $stmt = $db->prepare('SELECT seq, note FROM ledger WHERE id = ?');
    $stmt->bind_param('i', $number);
    $stmt->execute();
    $rows = $stmt->get_result()->fetch_all();
    if ($rows !== [[$id, $note]]) {
        echo "W $number: ", json_encode($rows), " instead of [[$id, $note]]\n";
    }
}

function with_pdo(callable $env, callable $acknowledge, int $worker, int $number): void
{
    $db = new PDO("mysql:host={$env('HOST')};port={$env('PORT')};dbname={$env('DB')}", $env('DBUSER'), $env('PASS'), [
        PDO::ATTR_PERSISTENT => true, PDO::ATTR_EMULATE_PREPARES => false,
        PDO::ATTR_ERRMODE => PDO::ERRMODE_EXCEPTION,
    ]);
    // Set by whichever page opened the connection; of the pages after it, all see the same.
    $mine = $db->query('SELECT @mine')->fetchColumn();
    if ($mine === null) {
        $mine = bin2hex(random_bytes(6));
        $db->exec("SET @mine = '$mine'");
        echo "C $mine\n";
    }
    $db->beginTransaction();
    $db->prepare('INSERT INTO ledger (id, note) VALUES (?, ?)')->execute([$number, "t$number"]);
    $db->prepare('UPDATE totals SET n = n + 1 WHERE worker = ?')->execute([$worker]);
    $db->commit();
    $acknowledge($number++, 'T');
    $db->prepare('INSERT INTO ledger (id, note) VALUES (?, @mine)')->execute([$number]);
    $acknowledge($number, 'S');
    $stmt = $db->prepare('SELECT note, @mine FROM ledger WHERE id = ?');
    $stmt->execute([$number]);
    $rows = $stmt->fetchAll(PDO::FETCH_NUM);
    if ($rows !== [[$mine, $mine]]) {
        echo "W $number: ", json_encode($rows), " instead of [[$mine, $mine]]\n";
    }
}

try {
    $_GET['how'] === 'pdo' ? with_pdo($env, $acknowledge, $worker, $number)
        : with_mysqli($env, $acknowledge, $worker, $number);
} catch (Throwable $error) {
    echo "E $number ", str_replace("\n", ' ', (string) $error), "\n";
}
