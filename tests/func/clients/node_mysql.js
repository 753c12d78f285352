// node-mysql (Debian's): the text protocol and its commands.
'use strict';
const mysql = require('mysql');
const fs = require('fs');
const env = process.env;
const options = {
    host: env.HOST, port: +env.PORT, user: env.DBUSER, password: env.PASS, database: env.DB,
    multipleStatements: true, supportBigNumbers: true, bigNumberStrings: true, dateStrings: true,
    charset: 'utf8mb4',
};
if (env.TLS === 'on') {
    options.ssl = { ca: fs.readFileSync(env.CA) };
}
const db = mysql.createConnection(options);

function plain(value) {
    return JSON.stringify(value, (key, v) =>
        (v && v.type === 'Buffer') ? 'hex ' + Buffer.from(v.data).toString('hex').slice(0, 60) : v);
}

function attempt(sql, values) {
    return new Promise((resolve) => db.query(sql, values || [], (error, rows) => {
        const title = sql.slice(0, 50);
        if (error) {
            console.log(title, error.errno, error.sqlState, error.sqlMessage);
        } else {
            console.log(title, Array.isArray(rows) && rows.length > 20 ? rows.length : plain(rows));
        }
        resolve();
    }));
}

function stream(sql) {
    return new Promise((resolve) => {
        let count = 0;
        db.query(sql).on('result', () => { count++; })
            .on('error', (error) => console.log('stream error', count, error.errno))
            .on('end', () => { console.log('stream end', count); resolve(); });
    });
}

const command = (name, call) => new Promise((resolve) => call((error, answer) => {
    console.log(name, error ? [error.errno, error.sqlState] : 'ok', typeof answer);
    resolve();
}));

async function main() {
    await attempt('CREATE TABLE n (id INT PRIMARY KEY AUTO_INCREMENT, u BIGINT UNSIGNED, d DECIMAL(20,3), b LONGBLOB, s VARCHAR(90), dt DATETIME(3), j JSON)');
    await attempt('INSERT INTO n VALUES (NULL, ?, ?, ?, ?, ?, ?)',
        ['18446744073709551615', '1.5', Buffer.from([0, 255, 39]), 'grüße 😀', '2024-02-29 01:02:03.004', '{"x": 1}']);
    await attempt('SELECT * FROM n');
    await attempt('SELECT 1 AS a; SELECT 2 AS b; DO 0; SELECT 3 AS c');
    await attempt('SELECT 1; SELECT * FROM missing');
    await attempt('CREATE PROCEDURE np() BEGIN SELECT 1; SELECT 2, 3; END');
    await attempt('CALL np()');
    await stream('SELECT a.id FROM app.nums a, app.digit b');
    await stream("SELECT id, REPEAT('n', 60), EXP(id) FROM app.nums ORDER BY id");
    const big = Buffer.alloc(17 << 20, 'node');
    await attempt('UPDATE n SET b = ?', [big]);
    await attempt('SELECT LENGTH(b) AS l, MD5(b) AS m FROM n');
    await new Promise((resolve) => db.query('SELECT b FROM n', (error, rows) => {
        console.log('big', !error && rows[0].b.equals(big));
        resolve();
    }));
    await Promise.all([1, 2, 3, 4].map((i) => attempt(`SELECT ${i} AS queued`)));
    await command('ping', (done) => db.ping(done));
    await command('statistics', (done) => db.statistics(done));
    await attempt('SET @v = 1');
    await command('changeUser', (done) => db.changeUser({}, done));
    await attempt('SELECT @v AS v');
    await command('begin', (done) => db.beginTransaction(done));
    await attempt('DELETE FROM n');
    await command('rollback', (done) => db.rollback(done));
    await attempt('SELECT COUNT(*) AS c FROM n');
    await command('bad changeUser', (done) => db.changeUser({ password: 'wrong' }, done));
}

main().then(() => { db.destroy(); console.log('end'); });
