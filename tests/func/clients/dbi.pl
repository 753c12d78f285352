#!/usr/bin/perl
# Perl DBI; the driver is DRIVER (mysql or MariaDB). Both protocols.
use strict;
use warnings;
use DBI;
use Digest::MD5 qw(md5_hex);

my $driver = $ENV{DRIVER};
my $prefix = lc($driver) eq 'mysql' ? 'mysql' : 'mariadb';
$| = 1;

sub connect_db {
    my ($prepare) = @_;
    my $dsn = "DBI:$driver:database=$ENV{DB};host=$ENV{HOST};port=$ENV{PORT};"
        . "${prefix}_server_prepare=$prepare;${prefix}_local_infile=1;${prefix}_multi_statements=1";
    $dsn .= ";${prefix}_ssl=1;${prefix}_ssl_ca_file=$ENV{CA}" . ($prefix eq q(mysql) ? q(;mysql_ssl_optional=1) : q()) if $ENV{TLS} eq 'on';
    return DBI->connect($dsn, $ENV{DBUSER}, $ENV{PASS}, { RaiseError => 0, PrintError => 0 })
        // die "connect: $DBI::errstr\n";
}

sub attempt {
    my ($db, $sql, @values) = @_;
    my $title = substr($sql, 0, 50);
    my $st = $db->prepare($sql);
    if (!$st) {
        print "$title: prepare ", $db->err, ' ', $db->state, ' ', $db->errstr, "\n";
        return;
    }
    if (!$st->execute(@values)) {
        print "$title: ", $st->err, ' ', $st->state, ' ', $st->errstr, "\n";
        return;
    }
    while (1) {
        if ($st->{NUM_OF_FIELDS}) {
            my $count = 0;
            while (my @row = $st->fetchrow_array) {
                $count++;
                next if $count > 8;
                print "$title: ", join('|', map { defined ? (length > 99 ? md5_hex($_) : unpack('H*', $_)) : 'NULL' } @row), "\n";
            }
            print "$title: $count rows", ($st->err ? ' then ' . $st->err . ' ' . $st->errstr : ''), "\n";
        } else {
            print "$title: ", $st->rows, "\n";
        }
        last unless $st->more_results;
    }
    $st->finish;
}

for my $prepare (0, 1) {
    print "server_prepare=$prepare\n";
    my $db = connect_db($prepare);
    attempt($db, 'DROP TABLE IF EXISTS pt');
    attempt($db, 'CREATE TABLE pt (id INT PRIMARY KEY AUTO_INCREMENT, u BIGINT UNSIGNED, d DECIMAL(20,8), b LONGBLOB, s VARCHAR(80), dt DATETIME)');
    attempt($db, 'INSERT INTO pt VALUES (NULL, ?, ?, ?, ?, ?)', '18446744073709551615', '-0.00000001', "\0'\xff", "quote's", '2024-12-31 00:00:01');
    attempt($db, 'INSERT INTO pt VALUES (NULL, ?, ?, ?, ?, ?)', (undef) x 5);
    print 'id ', $db->last_insert_id(undef, undef, 'pt', 'id'), "\n";
    attempt($db, 'SELECT * FROM pt WHERE id > ? ORDER BY id', 0);
    my $st = $db->prepare('SELECT ?, id FROM app.nums WHERE id <= ? ORDER BY id');
    for my $n (1, 5, 3) {
        $st->execute("value $n", $n);
        print "again $n: ", join(',', map { "@$_" } @{ $st->fetchall_arrayref }), "\n";
    }
    attempt($db, 'SELECT nothing FROM pt WHERE id = ?', 1);
    attempt($db, 'INSERT INTO pt (id) VALUES (?)', 1);
    attempt($db, "SELECT id, REPEAT('p', 88), EXP(id) FROM app.nums ORDER BY id");
    attempt($db, 'SELECT id FROM app.nums ORDER BY id');
    attempt($db, 'UPDATE pt SET b = ? WHERE id = 1', 'k' x ($prepare ? 17 << 20 : 1 << 20));
    attempt($db, 'SELECT b, LENGTH(b) FROM pt WHERE id = 1');
    attempt($db, 'DROP PROCEDURE IF EXISTS pp');
    attempt($db, 'CREATE PROCEDURE pp() BEGIN SELECT 1, 2; SELECT 3; END');
    attempt($db, 'CALL pp()');
    attempt($db, 'SELECT 1; SELECT 2') if !$prepare;
    attempt($db, 'DROP TABLE IF EXISTS pl');
    attempt($db, 'CREATE TABLE pl (a INT, b VARCHAR(50))');
    attempt($db, "LOAD DATA LOCAL INFILE '$ENV{DATAFILE}' INTO TABLE pl FIELDS TERMINATED BY ','");
    $db->begin_work;
    attempt($db, 'DELETE FROM pl');
    $db->rollback;
    attempt($db, 'SELECT COUNT(*), SUM(a) FROM pl');
    print 'ping ', $db->ping, "\n";
    $db->disconnect;
}
print "end\n";
