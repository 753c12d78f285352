// Node's mongodb driver: one insert after the other, as tests/mongo/writer.c does it.
'use strict';
const { MongoClient } = require('mongodb');

async function main() {
    const client = new MongoClient(process.argv[2], {
        useUnifiedTopology: true, retryWrites: true, w: 'majority' });
    await client.connect();
    const rows = client.db('app').collection('node');
    let over = false;
    process.stdin.on('end', () => { over = true; });
    process.stdin.resume();
    for (let number = 1; !over; number++) {
        const began = Date.now();
        try {
            await rows.insertOne({ _id: number });
            console.log(`OK ${number} ${Date.now() - began}`);
        } catch (error) {
            console.log(`ERR ${number} ${error.code} ${String(error.message).split('\n')[0]}`);
        }
        await new Promise(resolve => setTimeout(resolve, 2));
    }
    await client.close();
}

main().catch(error => { console.error(error); process.exit(1); });
