// Keeps mysql2 sessions for the tests of the move: a line of JSON in, a line of JSON out
// (lib/talk.py has the words). `direct` and prepared statements use the binary protocol.
'use strict';
const mysql = require(process.env.NODE_MYSQL2);
const readline = require('readline');
const sessions = {};

const shape = (fields) => (fields || []).map((f) => f && [f.name, f.columnType ?? f.type, f.flags,
    f.characterSet, f.columnLength, f.decimals]);
const chance = ['statement_id', 'last_gtid'];     // reported with every statement, on request
const plain = (rows) => JSON.parse(JSON.stringify(rows, (k, v) => chance.includes(k) ? undefined
    : (v && v.type === 'Buffer') ? 'x' + Buffer.from(v.data).toString('hex') : v));

// A result of several statements has an array of field lists.
function answer([rows, fields]) {
    const several = Array.isArray(fields) && fields.some((f) => f === undefined || Array.isArray(f));
    return [plain(rows), several ? fields.map(shape) : shape(fields)];
}

const parameter = (v) => (v !== null && typeof v === 'object') ? Buffer.from(v.hex, 'hex') : v;

const operations = {
    async open(r) {
        const db = await mysql.createConnection({
            host: '127.0.0.1', port: r.port, user: r.user, password: r.password,
            database: r.database || undefined, multipleStatements: true, supportBigNumbers: true,
            bigNumberStrings: true, dateStrings: true, rowsAsArray: true,
        });
        db.on('error', () => {});
        sessions[r.key] = { db, statements: {} };
        return db.threadId;
    },
    async query(s, sql) { return answer(await s.db.query(sql)); },
    async direct(s, sql) {
        let statement;
        try {
            // mysql2 keeps statements by their text, also closed ones.
            s.direct = (s.direct || 0) + 1;
            statement = await s.db.prepare(`/*${s.direct}*/ ${sql}`);
        } catch (error) {
            if (error.errno === 1295 || error.errno === 1064) {
                return answer(await s.db.query(sql));
            }
            throw error;
        }
        try {
            return answer(await statement.execute([]));
        } finally {
            await statement.close();
        }
    },
    async prepare(s, name, sql) {
        s.statements[name] = await s.db.prepare({ sql, rowsAsArray: true });
        return 'prepared';
    },
    async execute(s, name, ...args) {
        return answer(await s.statements[name].execute(args.map(parameter)));
    },
    async close(s, name) { await s.statements[name].close(); return 'closed'; },
    async init_db(s, schema) { await s.db.query('USE `' + schema + '`'); return 'selected'; },
    async change_user(s, user, password, schema) {
        await s.db.changeUser({ user, password, database: schema || undefined });
        s.statements = {};
        return 'changed';
    },
    async bye(s) { s.db.destroy(); return 'bye'; },
};

async function one(r) {
    try {
        const value = r.op === 'open' ? await operations.open(r)
            : await operations[r.op](sessions[r.key], ...(r.args || []));
        return { value };
    } catch (error) {
        return { error: [error.errno > 0 ? error.errno : 0, `${error.sqlMessage || error.message} ${error.sqlMessage ? '' : error.code}`.trim()] };
    }
}

async function main() {
    for await (const line of readline.createInterface({ input: process.stdin })) {
        process.stdout.write(JSON.stringify(await one(JSON.parse(line))) + '\n');
    }
}

main();
