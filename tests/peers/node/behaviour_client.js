'use strict';
// Checks a server of behaviour.Behaviour: its address, then the names of the checks.

const assert = require('node:assert/strict');
const { randomUUID } = require('node:crypto');
const { grpc, parse, LIMITS, MEBIBYTE } = require('./load');

const TIMEOUT = 30_000;
const { root, others } = parse(process.argv.slice(2));
const [address, ...names] = others;
const client = new root.behaviour.Behaviour(address, grpc.credentials.createInsecure(), LIMITS);

const ALL_OCTETS = Buffer.from(Array.from({ length: 256 }, (_, n) => n));
const MESSAGES = ['', 'plain', '错误：百分之百，100% 不对', ' \t edges \r\n ', '\x01\x7f %41 %', '🪁'];
const INITIAL = [
  ['x-echo-initial', 'one'],
  ['x-echo-initial', 'two, three'],
  ['x-echo-initial-bin', ALL_OCTETS],
  ['x-echo-initial-bin', Buffer.from('a')],
];
const TRAILING = [
  ['x-echo-trailing', 'one'],
  ['x-echo-trailing', 'two'],
  ['x-echo-trailing-bin', Buffer.from([0, 255, 254])],
];

const by = (milliseconds = TIMEOUT) => ({ deadline: Date.now() + milliseconds });

function metadataOf(...fields) {
  const metadata = new grpc.Metadata();
  for (const [name, value] of fields) metadata.add(name, value);
  return metadata;
}

/// A unary call or client stream that was started: its promise, and the call.
function start(begin) {
  const run = { headers: null, status: null };
  run.reply = new Promise((resolve, reject) => {
    run.call = begin((error, reply) => (error ? reject(error) : resolve(reply)));
  });
  // Who does not wait for it does not want to hear of it.
  run.reply.catch(() => {});
  run.call.on('metadata', (headers) => (run.headers = headers));
  run.ended = new Promise((resolve) => run.call.on('status', (status) => resolve((run.status = status))));
  return run;
}

const unaryCall = (request, metadata = new grpc.Metadata(), options = by()) =>
  start((done) => client.Unary(request, metadata, options, done));

const call = (request, metadata, options) => unaryCall(request, metadata, options).reply;

/// The messages of a stream, one by one; and how it ended.
class Replies {
  constructor(stream) {
    Object.assign(this, { stream, queue: [], over: false, wake: () => {} });
    const tell = (change) => (value) => {
      change(value);
      this.wake();
    };
    this.headers = new Promise((resolve) => stream.on('metadata', resolve));
    stream.on('data', tell((reply) => this.queue.push(reply)));
    stream.on('end', tell(() => (this.over = true)));
    stream.on('error', tell((error) => (this.error = error)));
    this.status = new Promise((resolve) => stream.on('status', resolve));
  }

  async next() {
    while (!this.queue.length && !this.over && !this.error) await new Promise((resolve) => (this.wake = resolve));
    if (this.queue.length) return this.queue.shift();
    if (this.error) throw this.error;
    return undefined;
  }

  async all() {
    const all = [];
    for (let reply = await this.next(); reply; reply = await this.next()) all.push(reply);
    return all;
  }
}

const down = (request, metadata = new grpc.Metadata(), options = by()) =>
  new Replies(client.Down(request, metadata, options));
const both = (metadata = new grpc.Metadata(), options = by()) => new Replies(client.Both(metadata, options));

async function fails(code, promise) {
  const error = await promise.then(
    (reply) => assert.fail(`succeeded with ${String(JSON.stringify(reply)).slice(0, 300)}`),
    (error) => error,
  );
  assert.equal(error.code, code, `${error.code} ${error.details ?? error}`);
  return error;
}

const ask = async (question) => (await call({}, metadataOf(['x-ask', question]))).payload.toString();
const { status } = grpc;

function assertEchoed(metadata, fields) {
  for (const name of new Set(fields.map(([name]) => name))) {
    const sent = fields.filter(([other]) => other === name).map(([, value]) => value);
    let got = metadata.get(name);
    // Node joins what has the same name, and this is the same to gRPC.
    if (!name.endsWith('-bin')) assert.equal(got.join(', '), sent.join(', '), name);
    else assert.deepEqual(got, sent, name);
  }
}

/// Writes until everything is written, or the call is over.
async function writeAll(stream, requests) {
  let over = false;
  let wake = () => {};
  const end = () => {
    over = true;
    wake();
  };
  stream.on('drain', () => wake()).on('status', end).on('error', end);
  for (const request of requests) {
    if (over) return;
    if (!stream.write(request)) await new Promise((resolve) => (wake = resolve));
  }
}

const checks = {
  async unary() {
    const reply = await call({ payload: ALL_OCTETS });
    assert.deepEqual(reply.payload, ALL_OCTETS);
    assert.deepEqual([reply.requests, reply.octets, reply.number], [1, 256, 0]);
  },
  async empty() {
    const reply = await call({}, undefined, {});
    assert.deepEqual([reply.payload.length, reply.requests, reply.milliseconds_left], [0, 1, -1]);
  },
  async down() {
    const replies = await down({ payload: Buffer.from('d'), count: 7 }).all();
    assert.deepEqual(replies.map((reply) => reply.number), [0, 1, 2, 3, 4, 5, 6]);
  },
  async down_nothing() {
    const replies = down({});
    assert.deepEqual(await replies.all(), []);
    assert.equal((await replies.status).code, status.OK);
  },
  async up() {
    const up = start((done) => client.Up(new grpc.Metadata(), by(), done));
    for (let size = 0; size < 5; size++) up.call.write({ payload: Buffer.alloc(size) });
    up.call.end();
    const reply = await up.reply;
    assert.deepEqual([reply.requests, reply.octets, reply.payload.length], [5, 10, 4]);
  },
  async up_nothing() {
    const up = start((done) => client.Up(new grpc.Metadata(), by(), done));
    up.call.end();
    assert.equal((await up.reply).requests, 0);
  },
  async both() {
    const replies = both();
    for (let n = 0; n < 4; n++) replies.stream.write({ payload: Buffer.from(`${n}`), count: n });
    replies.stream.end();
    assert.equal((await replies.all()).map((reply) => reply.payload).join(''), '0122333');
  },
  async both_in_turn() {
    const replies = both();
    for (let n = 0; n < 20; n++) {
      replies.stream.write({ payload: Buffer.from(`${n}`) });
      assert.equal((await replies.next()).payload.toString(), `${n}`);
    }
    replies.stream.end();
    assert.equal(await replies.next(), undefined);
  },
  async metadata() {
    const run = unaryCall({}, metadataOf(...INITIAL, ...TRAILING));
    await run.reply;
    assertEchoed(run.headers, INITIAL);
    assertEchoed((await run.ended).metadata, TRAILING);
  },
  async metadata_of_errors() {
    const replies = both(metadataOf(...INITIAL, ...TRAILING));
    replies.stream.write({});
    replies.stream.write({ code: 5 });
    assert.equal((await replies.next()).number, 0);
    await fails(status.NOT_FOUND, replies.next());
    assertEchoed(await replies.headers, INITIAL);
    assertEchoed((await replies.status).metadata, TRAILING);
  },
  async metadata_before_messages() {
    const key = randomUUID();
    const request = { acts: ['ACT_SEND_HEADERS', 'ACT_WAIT_FOR_CANCEL'] };
    const replies = down(request, metadataOf(...INITIAL, ['x-ledger', key]));
    assertEchoed(await replies.headers, INITIAL);
    replies.stream.cancel();
    assert.equal(await ask(`${key} over`), 'cancelled');
  },
  async large_metadata() {
    const text = ['x-echo-initial', 'x'.repeat(8192)];
    const octets = ['x-echo-trailing-bin', Buffer.concat(Array(16).fill(ALL_OCTETS))];
    const run = unaryCall({}, metadataOf(text, octets));
    await run.reply;
    assertEchoed(run.headers, [text]);
    assertEchoed((await run.ended).metadata, [octets]);
  },
  async codes() {
    for (let code = 1; code <= 16; code++) {
      const error = await fails(code, call({ code, message: `code ${code}` }));
      assert.equal(error.details, `code ${code}`);
    }
  },
  async messages() {
    for (const message of MESSAGES) {
      const error = await fails(status.INVALID_ARGUMENT, call({ code: 3, message }));
      assert.equal(error.details, message);
    }
  },
  async details() {
    const sent = metadataOf(...TRAILING, ['x-details-bin', ALL_OCTETS]);
    const error = await fails(status.FAILED_PRECONDITION, call({ code: 9, message: 'with details' }, sent));
    assert.deepEqual(error.metadata.get('grpc-status-details-bin'), [ALL_OCTETS]);
    assertEchoed(error.metadata, TRAILING);
  },
  async only_trailers() {
    const error = await fails(status.PERMISSION_DENIED, down({ code: 7, message: 'no' }).next());
    assert.equal(error.details, 'no');
  },
  async panic() {
    await fails(status.UNKNOWN, call({ acts: ['ACT_PANIC'] }));
    await checks.unary();
  },
  async deadline_on_the_server() {
    const left = (await call({}, undefined, by(25_000))).milliseconds_left;
    assert.ok(left > 5_000 && left <= 26_000, `${left} ms left of 25 s`);
  },
  async deadline_missed() {
    const [key, began] = [randomUUID(), Date.now()];
    const late = call({ acts: ['ACT_WAIT_FOR_CANCEL'] }, metadataOf(['x-ledger', key]), by(500));
    await fails(status.DEADLINE_EXCEEDED, late);
    assert.ok(Date.now() - began < 10_000, 'the deadline was noticed late');
    assert.equal(await ask(`${key} over`), 'cancelled');
  },
  async deadline_missed_in_a_stream() {
    const replies = both(undefined, by(1_000));
    replies.stream.write({});
    await replies.next();
    await fails(status.DEADLINE_EXCEEDED, replies.next());
    await checks.unary();
  },
  async cancelled_unary() {
    const key = randomUUID();
    const run = unaryCall({ acts: ['ACT_WAIT_FOR_CANCEL'] }, metadataOf(['x-ledger', key]));
    assert.equal(await ask(`${key} waits`), 'yes');
    run.call.cancel();
    await fails(status.CANCELLED, run.reply);
    assert.equal(await ask(`${key} over`), 'cancelled');
  },
  async cancelled_stream() {
    const key = randomUUID();
    const replies = both(metadataOf(['x-ledger', key]));
    replies.stream.write({ payload: Buffer.from('1') });
    await replies.next();
    replies.stream.write({ acts: ['ACT_WAIT_FOR_CANCEL'] });
    assert.equal(await ask(`${key} waits`), 'yes');
    replies.stream.cancel();
    await fails(status.CANCELLED, replies.next());
    assert.equal(await ask(`${key} over`), 'cancelled');
  },
  async cancelled_stream_that_is_read() {
    const key = randomUUID();
    const replies = both(metadataOf(['x-ledger', key]));
    replies.stream.write({ payload: Buffer.from('1') });
    await replies.next();
    replies.stream.cancel();
    await fails(status.CANCELLED, replies.next());
    assert.equal(await ask(`${key} over`), 'cancelled');
  },
  async cancelled_by_the_server() {
    const replies = both();
    replies.stream.write({ code: 1, message: 'no more' });
    assert.equal((await fails(status.CANCELLED, replies.next())).details, 'no more');
  },
  async large_messages() {
    const payload = Buffer.alloc(4 * MEBIBYTE, ALL_OCTETS);
    assert.ok((await call({ payload })).payload.equals(payload), 'not the same 4 MiB');
    const replies = both();
    for (let n = 0; n < 3; n++) replies.stream.write({ payload });
    replies.stream.end();
    const all = await replies.all();
    assert.deepEqual(all.map((reply) => reply.payload.equals(payload)), [true, true, true]);
  },
  async too_large_message() {
    await fails(status.RESOURCE_EXHAUSTED, call({ payload: Buffer.alloc(6 * MEBIBYTE) }));
    await checks.unary();
  },
  async flow() {
    const replies = both();
    const sent = Array.from({ length: 100 }, (_, n) => Buffer.alloc(60_000, n));
    const [got] = await Promise.all([
      replies.all(),
      writeAll(replies.stream, sent.map((payload) => ({ payload }))).then(() => replies.stream.end()),
    ]);
    assert.equal(got.length, 100);
    assert.ok(got.every((reply, n) => reply.payload.equals(sent[n])), 'not the same messages');
    const all = await down({ reply_size: 100_000, count: 80 }).all();
    assert.deepEqual(all.map((reply) => reply.payload.length), Array(80).fill(100_000));
  },
  async concurrent() {
    const sizes = Array.from({ length: 100 }, (_, n) => n);
    const replies = await Promise.all(sizes.map((size) => call({ payload: Buffer.alloc(size) })));
    assert.deepEqual(replies.map((reply) => reply.payload.length), sizes);
  },
  async one_after_the_other() {
    for (let n = 0; n < 300; n++) {
      const sent = ['x-echo-initial', 'v'.repeat(n % 50)];
      const run = unaryCall({}, metadataOf(sent, [`x-name-${n % 90}`, `value ${n}`]));
      await run.reply;
      assertEchoed(run.headers, [sent]);
    }
  },
  async early_answer() {
    const up = start((done) => client.Up(new grpc.Metadata(), by(), done));
    up.call.on('error', () => {});
    const first = { payload: Buffer.from('first'), acts: ['ACT_ANSWER_EARLY'] };
    const rest = Array(5_000).fill({ payload: Buffer.alloc(1024) });
    const [reply] = await Promise.all([up.reply, writeAll(up.call, [first, ...rest])]);
    assert.deepEqual([reply.payload.toString(), reply.requests], ['first', 1]);
  },
  async early_error() {
    const up = start((done) => client.Up(new grpc.Metadata(), by(), done));
    up.call.on('error', () => {});
    const rest = Array(5_000).fill({ payload: Buffer.alloc(1024) });
    const written = writeAll(up.call, [{ code: 8, message: 'enough' }, ...rest]);
    const error = await fails(status.RESOURCE_EXHAUSTED, up.reply);
    assert.equal(error.details, 'enough');
    await written;
  },
  async unimplemented() {
    const same = (value) => value;
    for (const path of ['/behaviour.Behaviour/Missing', '/no.Such/Service']) {
      const run = start((done) =>
        client.makeUnaryRequest(path, same, same, Buffer.alloc(0), new grpc.Metadata(), by(), done),
      );
      await fails(status.UNIMPLEMENTED, run.reply);
      const replies = new Replies(client.makeBidiStreamRequest(path, same, same, new grpc.Metadata(), by()));
      await fails(status.UNIMPLEMENTED, replies.next());
    }
  },
  /// A server without compression must say so, and what it takes instead.
  async compression() {
    for (const algorithm of [1, 2]) {
      const options = { ...LIMITS, 'grpc.default_compression_algorithm': algorithm };
      const other = new root.behaviour.Behaviour(address, grpc.credentials.createInsecure(), options);
      const run = start((done) => other.Unary({ payload: Buffer.alloc(10_000) }, new grpc.Metadata(), by(), done));
      await fails(status.UNIMPLEMENTED, run.reply);
      other.close();
    }
    await checks.unary();
  },
  /// Calls that run may finish; the next one goes to the next server.
  async shutdown() {
    const replies = both();
    const turn = async (text) => {
      replies.stream.write({ payload: Buffer.from(text) });
      assert.equal((await replies.next()).payload.toString(), text);
    };
    await turn('before');
    await call({}, metadataOf(['x-shutdown', '1']));
    await turn('after');
    const waits = new grpc.Metadata({ waitForReady: true });
    assert.equal((await call({ payload: Buffer.from('next') }, waits)).payload.toString(), 'next');
    await turn('last');
    replies.stream.end();
    assert.equal(await replies.next(), undefined);
  },
};

async function run() {
  for (const name of names.length ? names : Object.keys(checks)) {
    let error = null;
    let timer;
    const late = new Promise((_, reject) => {
      timer = setTimeout(() => reject(new Error('hangs')), 2 * TIMEOUT);
    });
    try {
      await Promise.race([checks[name](), late]);
    } catch (caught) {
      error = String(caught.stack ?? caught);
    }
    clearTimeout(timer);
    console.log(JSON.stringify({ check: name, ok: error === null, error }));
  }
  client.close();
}

run();
