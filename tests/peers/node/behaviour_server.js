'use strict';
// Serves behaviour.Behaviour at any port, which it prints; until its input ends.

const { grpc, parse, LIMITS } = require('./load');

const { root } = parse(process.argv.slice(2));
const service = root.behaviour.Behaviour.service;
const credentials = grpc.ServerCredentials.createInsecure();

/// How far calls came, by a key that their clients chose.
class Ledger {
  entries = new Map();

  entry(key) {
    if (!this.entries.has(key)) {
      const entry = {};
      entry.known = new Promise((resolve) => (entry.tell = resolve));
      this.entries.set(key, entry);
    }
    return this.entries.get(key);
  }

  put(key, text) {
    this.entry(key).tell(text);
  }
}

const ledger = new Ledger();

/// A status that ends a call.
class Failure extends Error {
  constructor(code, details, metadata) {
    super(details);
    Object.assign(this, { code, details, metadata });
  }
}

/// One call.
class Running {
  constructor(call) {
    this.call = call;
    this.key = this.value('x-ledger');
    this.requests = this.octets = this.number = 0;
    const deadline = call.getDeadline();
    const left = Number(deadline) - Date.now();
    this.left = Number.isFinite(left) ? Math.floor(left) : -1;
    this.done = false;
    this.over = new Promise((resolve) => call.on('cancelled', resolve));
    call.on('cancelled', () => this.leave('cancelled'));
    call.sendMetadata(this.echo('x-echo-initial'));
    this.trailers = this.echo('x-echo-trailing');
  }

  leave(how) {
    if (this.key) ledger.put(`${this.key} over`, how);
  }

  value(name) {
    return this.call.metadata.get(name)[0];
  }

  echo(prefix) {
    const echoed = new grpc.Metadata();
    for (const name of [prefix, `${prefix}-bin`]) {
      for (const value of this.call.metadata.get(name)) echoed.add(name, value);
    }
    return echoed;
  }

  /// Does what a request says; whether it ends the call here.
  async act(request) {
    this.requests += 1;
    this.octets += request.payload.length;
    for (const act of request.acts) {
      if (act === 'ACT_WAIT_FOR_CANCEL') {
        ledger.put(`${this.key} waits`, 'yes');
        await this.over;
      } else if (act === 'ACT_ANSWER_EARLY') {
        return true;
      }
    }
    if (request.code) {
      const details = this.value('x-details-bin');
      if (details) this.trailers.set('grpc-status-details-bin', details);
      throw new Failure(request.code, request.message, this.trailers);
    }
    return false;
  }

  reply(request) {
    const payload = request.reply_size ? Buffer.alloc(request.reply_size) : request.payload;
    const number = this.number++;
    const { requests, octets, left } = this;
    return { payload, requests, octets, number, milliseconds_left: left };
  }

  /// Writes a reply, and waits while there is no room.
  async write(request) {
    if (this.call.cancelled) throw new Failure(grpc.status.CANCELLED, 'cancelled', this.trailers);
    if (!this.call.write(this.reply(request))) {
      const drained = new Promise((resolve) => this.call.once('drain', resolve));
      await Promise.race([drained, this.over]);
    }
  }
}

/// The requests of a call, until it ends or is cancelled.
async function* requestsOf(call, running) {
  const queue = [];
  let ended = false;
  let wake = () => {};
  call.on('data', (request) => {
    queue.push(request);
    if (queue.length > 8) call.pause();
    wake();
  });
  call.on('end', () => {
    ended = true;
    wake();
  });
  running.over.then(() => wake());
  for (;;) {
    if (queue.length) {
      yield queue.shift();
      if (queue.length === 0) call.resume();
    } else if (ended || call.cancelled) {
      return;
    } else {
      await new Promise((resolve) => (wake = resolve));
    }
  }
}

const unary = (work) => async (call, callback) => {
  const running = new Running(call);
  try {
    const reply = await work(running, call);
    running.leave('done');
    callback(null, reply, running.trailers);
  } catch (error) {
    running.leave('failed');
    callback(error);
  }
};

const streaming = (work) => async (call) => {
  const running = new Running(call);
  call.on('error', () => {});
  try {
    await work(running, call);
    running.leave('done');
    call.end(running.trailers);
  } catch (error) {
    running.leave('failed');
    call.emit('error', error);
  }
};

const behaviour = {
  Unary: unary(async (running, call) => {
    if (running.value('x-shutdown')) await replace();
    const question = running.value('x-ask');
    if (question) return { payload: Buffer.from(await ledger.entry(question).known) };
    if (running.value('x-cancel')) throw new Failure(grpc.status.CANCELLED, 'cancelled', running.trailers);
    await running.act(call.request);
    return running.reply(call.request);
  }),
  Down: streaming(async (running, call) => {
    await running.act(call.request);
    for (let n = 0; n < call.request.count; n++) await running.write(call.request);
  }),
  Up: unary(async (running, call) => {
    let last = { payload: Buffer.alloc(0), reply_size: 0 };
    for await (const request of requestsOf(call, running)) {
      last = request;
      if (await running.act(request)) break;
    }
    return running.reply(last);
  }),
  Both: streaming(async (running, call) => {
    for await (const request of requestsOf(call, running)) {
      const ends = await running.act(request);
      for (let n = 0; n < Math.max(request.count, 1); n++) await running.write(request);
      if (ends) break;
    }
  }),
};

let current;
let port = 0;

function start() {
  const server = new grpc.Server(LIMITS);
  server.addService(service, behaviour);
  return new Promise((resolve, reject) => {
    server.bindAsync(`0.0.0.0:${port}`, credentials, (error, bound) => {
      if (error) return reject(error);
      port = bound;
      current = server;
      resolve();
    });
  });
}

/// Stops the server, which lets its calls finish, and starts another.
async function replace() {
  const old = current;
  old.tryShutdown(() => {});
  await start();
}

start().then(() => console.log(`port ${port}`));
process.stdin.resume().on('end', () => process.exit(0));
