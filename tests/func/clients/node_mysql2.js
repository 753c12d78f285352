// mysql2 from npm (build/node): binary protocol, caching_sha2_password.
'use strict';
const mysql = require(process.env.NODE_MYSQL2);
const fs = require('fs');
const env = process.env;

async function main() {
    const db = await mysql.createConnection({
        host: env.HOST, port: +env.PORT, user: env.DBUSER, password: env.PASS, database: env.DB,
        multipleStatements: true, supportBigNumbers: true, bigNumberStrings: true, dateStrings: true,
        ssl: env.TLS === 'on' ? { ca: fs.readFileSync(env.CA) } : undefined,
        infileStreamFactory: (path) => fs.createReadStream(path),
    });
    const attempt = async (how, sql, values) => {
        try {
            const [rows] = await db[how](sql, values);
            const text = JSON.stringify(rows, (k, v) => (v && v.type === 'Buffer') ? Buffer.from(v.data).toString('hex') : v);
            console.log(how, sql.slice(0, 50), text.length > 2000 ? text.length : text);
        } catch (error) {
            console.log(how, sql.slice(0, 50), error.errno, error.sqlState, error.sqlMessage);
        }
    };
    await attempt('query', 'CREATE TABLE n2 (id INT PRIMARY KEY AUTO_INCREMENT, u BIGINT UNSIGNED, d DECIMAL(20,3), b BLOB, s VARCHAR(90), dt DATETIME(3), j JSON)');
    for (const values of [['18446744073709551615', '1.5', Buffer.from([0, 255]), 'grüße', '2024-02-29 01:02:03.004', '{"x":1}'], [null, null, null, null, null, null]]) {
        await attempt('execute', 'INSERT INTO n2 (u, d, b, s, dt, j) VALUES (?, ?, ?, ?, ?, ?)', values);
    }
    for (const how of ['query', 'execute']) {
        await attempt(how, 'SELECT * FROM n2 ORDER BY id');
        await attempt(how, 'SELECT id FROM app.nums WHERE id < ?', ['2000']);
        await attempt(how, 'SELECT * FROM missing');
        await attempt(how, "SELECT id, REPEAT('2', 90), EXP(id) FROM app.nums ORDER BY id");
        await attempt(how, 'INSERT INTO n2 (id) VALUES (1)');
    }
    await attempt('query', 'SELECT 1; SELECT 2; DO 0');
    await attempt('query', 'CREATE PROCEDURE n2p(a INT) BEGIN SELECT a; SELECT 2, 3; END');
    await attempt('query', 'CALL n2p(1)');
    await attempt('execute', 'CALL n2p(?)', ['7']);
    await attempt('query', 'CREATE TABLE n2l (a INT, b VARCHAR(50))');
    await attempt('query', `LOAD DATA LOCAL INFILE '${env.DATAFILE}' INTO TABLE n2l FIELDS TERMINATED BY ','`);
    await attempt('query', 'SELECT COUNT(*), SUM(a) FROM n2l');
    const [rows] = await db.query("SELECT REPEAT('x', 17825792) AS x");
    console.log('big', rows[0].x.length);
    await db.ping();
    await db.changeUser({});
    await attempt('execute', 'SELECT DATABASE() IS NOT NULL AS d');
    await db.end();
    console.log('end');
}

main().catch((error) => { console.log('failed', error.message); process.exit(1); });
