// An application over mysql2's connection pool: transactions by text, single writes by prepared
// statements. Notes each id in LEDGER once the server has acknowledged it; ends with STOP.
'use strict';
const mysql = require(process.env.NODE_MYSQL2);
const fs = require('fs');
const env = process.env;
const ledger = fs.openSync(env.LEDGER, 'a');
const note = (line) => fs.writeSync(ledger, line + '\n');

const pool = mysql.createPool({
    host: env.HOST, port: +env.PORT, user: env.DBUSER, password: env.PASS, database: env.DB,
    connectionLimit: +env.CONNECTIONS, maxIdle: +env.CONNECTIONS, idleTimeout: 600000,
});
// Each connection knows its own number, which the driver has from the greeting.
pool.pool.on('connection', (db) => db.query(`SET @mine = ${db.threadId}`));

async function transaction(db, worker, number) {
    await db.beginTransaction();
    await db.query('INSERT INTO ledger (id, note) VALUES (?, ?)', [number, `t${number}`]);
    await db.query('UPDATE totals SET n = n + 1 WHERE worker = ?', [worker]);
    const [rows] = await db.execute('SELECT note FROM ledger WHERE id = ?', [number]);
    if (rows.length !== 1 || rows[0].note !== `t${number}`) {
        note(`W ${number} is not there in its own transaction: ${JSON.stringify(rows)}`);
    }
    await db.commit();
    note(`A ${number} ${worker} T`);
}

async function prepared(db, worker, number) {
    const [done] = await db.execute('INSERT INTO ledger (id, note) VALUES (?, @mine)', [number]);
    note(`A ${number} ${worker} S`);
    const [rows] = await db.execute('SELECT seq, note, @mine AS mine FROM ledger WHERE id = ?', [number]);
    const row = rows[0] || {};
    if (rows.length !== 1 || row.seq !== done.insertId || +row.note !== db.threadId || +row.mine !== db.threadId) {
        note(`W ${number}: ${JSON.stringify(rows)}, inserted ${done.insertId} by ${db.threadId}`);
    }
}

async function work(worker) {
    for (let number = worker * 1000000 + 1; !fs.existsSync(env.STOP); number++) {
        try {
            const db = await pool.getConnection();
            await (number % 2 ? transaction : prepared)(db, worker, number);
            db.release();
        } catch (error) {
            note(`E ${number} ${error.errno} ${error.sqlState} ${error.message}`);
            return;
        }
        await new Promise((done) => setTimeout(done, 4));
    }
}

async function main() {
    await Promise.all(Array.from({ length: +env.THREADS }, (_, n) => work(n)));
    await pool.end();
}

main().catch((error) => { note(`E - ${error.stack}`); process.exit(1); });
