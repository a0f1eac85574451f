// Chat clients on the official JavaScript library, as a browser runs it, that play the script of chat_client.py and report
// the same way.
//
//     node js_client.js --packages SITE_PACKAGES --library 4 http://127.0.0.1:PORT --transports both --clients 3
//
// --packages is where the wheels of requirements-js.txt are installed; --library 4 (socket.io-client 4.8.1) or 2 (2.0.3).
// Prints {"phase": "joined"}, {"phase": "played"} and {"report": {...}}; with --hold each phase waits for a line on standard
// input. With --retries N every emit is retried after --ack-timeout ms (library 4 only). With --reconnect a client
// comes back when its connection is lost. With --at-once N playing begins with N emits that wait for nothing, and then
// prints {"phase": "emitted"}.
// Exit status: 0 all as expected; 1 something was not (the report's `errors` says what); 2 usage; 3 took too long.

'use strict';

const crypto = require('node:crypto');
const path = require('node:path');
const readline = require('node:readline');
const {parseArgs} = require('node:util');

const PATIENCE = 30_000;

function say(members) {
  process.stdout.write(JSON.stringify(members) + '\n');
}

// MARK: what a browser has and Node.js has not

const posts = new Set();

/** XMLHttpRequest over fetch: as much of it as Engine.IO's polling uses. */
class BrowserRequest {
  constructor() {
    this.readyState = 0;
    this.status = 0;
    this.responseType = '';
    this.responseText = '';
    this.response = null;
    this.withCredentials = false;
    this.timeout = 0;
    this.headers = {};
    this.controller = new AbortController();
  }

  open(method, url) {
    this.method = method;
    this.url = url;
    this.readyState = 1;
  }

  setRequestHeader(name, value) {
    this.headers[name] = value;
  }

  getResponseHeader(name) {
    return this.answer ? this.answer.headers.get(name) : null;
  }

  abort() {
    this.aborted = true;
    this.controller.abort();
  }

  send(body) {
    const work = this.fetch(body);
    if (this.method === 'POST') {
      posts.add(work);
      work.finally(() => posts.delete(work));
    }
  }

  async fetch(body) {
    try {
      this.answer = await fetch(this.url, {
        method: this.method, headers: this.headers, body: body ?? undefined, signal: this.controller.signal,
      });
      this.status = this.answer.status;
      this.become(2);
      const bytes = await this.answer.arrayBuffer();
      if (this.responseType === 'arraybuffer') {
        this.response = bytes;
      } else {
        this.response = this.responseText = new TextDecoder().decode(bytes);
      }
    } catch (problem) {
      this.status = 0;
    }
    if (!this.aborted) this.become(4);
  }

  become(state) {
    this.readyState = state;
    if (this.onreadystatechange) this.onreadystatechange();
    if (state === 4 && this.status === 0 && this.onerror) this.onerror();
    if (state === 4 && this.status !== 0 && this.onload) this.onload();
  }
}

/** FileReader over Blob: the two ways of reading that the libraries use to send binary by polling. */
class BrowserFileReader {
  readAsDataURL(blob) {
    this.finish(blob, bytes => 'data:application/octet-stream;base64,' + Buffer.from(bytes).toString('base64'));
  }

  readAsArrayBuffer(blob) {
    this.finish(blob, bytes => bytes);
  }

  async finish(blob, shape) {
    this.result = shape(await blob.arrayBuffer());
    if (this.onload) this.onload({target: this});
  }
}

globalThis.self = globalThis;
globalThis.XMLHttpRequest = BrowserRequest;
globalThis.FileReader = BrowserFileReader;

// MARK: arguments

const BUNDLES = {4: 'nicegui/static/socket.io.min.js', 2: 'gdbgui/static/vendor/js/socket.io-2.0.3.min.js'};

let options, url;
try {
  const {values, positionals} = parseArgs({
    allowPositionals: true,
    options: {
      packages: {type: 'string'}, library: {type: 'string', default: '4'},
      transports: {type: 'string', default: 'both'}, clients: {type: 'string', default: '1'},
      'room-size': {type: 'string', default: '4'}, namespaces: {type: 'string', default: '/'},
      emits: {type: 'string', default: '4'}, notes: {type: 'string', default: '2'},
      'only-messages': {type: 'boolean'}, failures: {type: 'boolean'}, slow: {type: 'string', default: '0.3'},
      'payload-bytes': {type: 'string', default: '20'}, token: {type: 'string', default: ''},
      path: {type: 'string', default: 'socket.io'}, hold: {type: 'boolean'}, reconnect: {type: 'boolean'},
      retries: {type: 'string', default: '0'}, 'at-once': {type: 'string', default: '0'}, 'ack-timeout': {type: 'string', default: '1000'},
      'max-seconds': {type: 'string', default: '120'},
    },
  });
  options = values;
  url = positionals[0];
  if (!url || !options.packages || !BUNDLES[options.library]) throw new Error('needs --packages DIR, --library 4|2 and a URL');
} catch (problem) {
  console.error(`usage: js_client.js --packages DIR [--library 4|2] URL\n${problem.message}`);
  process.exit(2);
}
const io = require(path.resolve(options.packages, BUNDLES[options.library]));
const number = name => Number(options[name]);
const namespaces = options.namespaces.split(',');

setTimeout(() => {
  say({error: `the peer was still running after its ${options['max-seconds']} s and stopped itself`});
  process.exit(3);
}, number('max-seconds') * 1000).unref();

const gate = {open: 0, waiting: []};
const commands = readline.createInterface({input: process.stdin});
commands.on('line', () => {
  gate.open += 1;
  if (gate.waiting.length) gate.waiting.shift()();
});
commands.on('close', () => process.exit(0));

async function passGate() {
  if (gate.open === 0) await new Promise(resolve => gate.waiting.push(resolve));
  gate.open -= 1;
}

// MARK: what was counted

const report = {
  clients: 0, emitted: {}, acks_asked: {}, acks_received: {}, received: {}, answered: {}, latencies_us: {}, transports: {},
  errors: [],
};

function count(counts, key) {
  counts[key] = (counts[key] ?? 0) + 1;
}

function bytesOf(value) {
  return Buffer.from(value instanceof ArrayBuffer ? value : value.buffer ?? []);
}

/** Bytes as an ArrayBuffer, which library 2 sends as binary; it does not know a Uint8Array. */
function binary(...bytes) {
  return Uint8Array.from(bytes).buffer;
}

function isBinary(value) {
  return value instanceof ArrayBuffer || ArrayBuffer.isView(value);
}

function pattern(size) {
  return Uint8Array.from({length: size}, (_, i) => i & 255).buffer;
}

/** The same value with every piece of binary as hexadecimal, for comparing. */
function plain(value) {
  if (isBinary(value)) return {hex: bytesOf(value).toString('hex')};
  if (Array.isArray(value)) return value.map(plain);
  if (value && typeof value === 'object') {
    return Object.fromEntries(Object.entries(value).map(([name, member]) => [name, plain(member)]));
  }
  return value;
}

// MARK: one client

class Client {
  constructor(index) {
    this.index = index;
    this.got = {};
    this.waiting = [];
    this.room = Math.floor(index / number('room-size'));
    const last = Math.min(number('clients'), (this.room + 1) * number('room-size'));
    this.neighbours = last - this.room * number('room-size') - 1;
  }

  /** Waits until `holds()`; looked at again whenever something has come. */
  until(holds, what) {
    if (holds()) return Promise.resolve();
    return new Promise((resolve, reject) => {
      const timer = setTimeout(() => reject(new Error(`still waiting for ${what}`)), PATIENCE);
      this.waiting.push(() => {
        if (!holds()) return false;
        clearTimeout(timer);
        resolve();
        return true;
      });
    });
  }

  came(key) {
    count(this.got, key);
    this.waiting = this.waiting.filter(look => !look());
  }

  expect(answer, wanted, what) {
    const [is, should] = [JSON.stringify(plain(answer)), JSON.stringify(plain(wanted))];
    if (is !== should) report.errors.push(`client ${this.index}: ${what} answered ${is}, not ${should}`);
  }

  emit(socket, event, args, then) {
    const key = `${socket.nsp} ${event}`;
    count(report.emitted, key);
    if (!then) return socket.emit(event, ...args);
    count(report.acks_asked, key);
    const start = process.hrtime.bigint();
    socket.emit(event, ...args, (...answer) => {
      // With retries the callback begins with an error, null where all is well.
      if (number('retries') > 0 && answer.shift()) return report.errors.push(`${key}: gave up`);
      count(report.acks_received, key);
      (report.latencies_us[key] ??= []).push(Number((process.hrtime.bigint() - start) / 1000n));
      then(...answer);
      this.came(`${socket.nsp} ack ${event}`);
    });
  }

  call(socket, event, ...args) {
    return new Promise((resolve, reject) => {
      const timer = setTimeout(() => reject(new Error(`no ack of ${event}`)), PATIENCE);
      this.emit(socket, event, args, (...answer) => {
        clearTimeout(timer);
        resolve(answer);
      });
    });
  }

  async connect() {
    const settings = {
      path: '/' + options.path,
      transports: options.transports === 'both' ? ['polling', 'websocket'] : [options.transports],
      reconnection: Boolean(options.reconnect), reconnectionDelay: 50, reconnectionDelayMax: 100,
    };
    const own = {};
    if (options.token) Object.assign(options.library === '4' ? own : settings, {auth: {token: options.token}, query: {token: options.token}});
    if (number('retries') > 0) Object.assign(own, {retries: number('retries'), ackTimeout: number('ack-timeout')});
    this.manager = new io.Manager(url, settings);
    this.sockets = namespaces.map(name => this.manager.socket(name, own));
    for (const socket of this.sockets) this.listen(socket);
    await this.until(() => namespaces.every(name => this.got[`${name} connect`]), 'the namespaces');
    if (options.transports === 'both') {
      const engine = this.manager.engine;
      await this.until(() => {
        if (engine.transport.name === 'websocket') return true;
        engine.once('upgrade', () => this.came('upgrade'));
        return false;
      }, 'the upgrade');
    }
    report.clients += 1;
    count(report.transports, this.manager.engine.transport.name);
    for (const socket of this.sockets) {
      this.expect(await this.call(socket, 'enter_chat_room', {roomId: this.room}), [{ok: true, roomId: this.room}], 'enter_chat_room');
    }
  }

  listen(socket) {
    const name = socket.nsp;
    socket.on('connect', () => this.came(`${name} connect`));
    socket.on('disconnect', reason => this.came(`${name} disconnect`));
    socket.on(options.library === '4' ? 'connect_error' : 'error', problem => {
      report.errors.push(`client ${this.index}: ${name} refused: ${problem.message ?? problem}`);
    });
    for (const event of ['receive_message', 'answered', 'file', 'tick', 'announcement', 'exception']) {
      socket.on(event, () => {
        count(report.received, `${name} ${event}`);
        this.came(`${name} ${event}`);
      });
    }
    socket.on('question', (question, answer) => {
      count(report.received, `${name} question`);
      count(report.answered, `${name} question`);
      if (isBinary(question)) answer(binary(...bytesOf(question).reverse()));
      else answer('answer to', question);
    });
  }

  async play() {
    for (const socket of this.sockets) await this.playIn(socket);
  }

  async playIn(socket) {
    const name = socket.nsp;
    for (let n = 0; n < number('at-once'); n++) this.emit(socket, 'nothing', [n], () => {});
    if (number('at-once') > 0) say({phase: 'emitted'});
    for (let n = 0; n < number('emits'); n++) {
      const message = {roomId: this.room, message: `message ${n} of client ${this.index} ✓`, n, filler: 'x'.repeat(number('payload-bytes'))};
      if (n % 2 === 0) this.expect(await this.call(socket, 'send_message', message), [{ok: true}], 'send_message');
      else this.emit(socket, 'send_message', [message], answer => this.expect(answer, {ok: true}, 'send_message'));
    }
    for (let n = 0; n < number('notes'); n++) this.emit(socket, 'note', ['nobody acknowledges this', n]);
    if (!options['only-messages']) await this.playShapes(socket);
    if (options.failures) {
      for (const event of ['forgets', 'raises', 'no_such_event']) this.emit(socket, event, [{n: this.index}], () => {});
      this.emit(socket, 'slow', [{delay: number('slow')}], () => {});
      await this.until(() => this.got[`${name} ack slow`] >= 1, 'the late ack');
    }
    // Retries send one emit after the other: when this one is answered, all are.
    if (number('retries') > 0) await this.call(socket, 'nothing');
    await this.until(() => (this.got[`${name} ack send_message`] ?? 0) >= number('emits'), 'acks of send_message');
    const owed = this.neighbours * number('emits');
    await this.until(() => (this.got[`${name} receive_message`] ?? 0) >= owed, `${owed} chat messages`);
  }

  async playShapes(socket) {
    const name = socket.nsp;
    this.expect(await this.call(socket, 'several'), ['one', 2, {three: [3]}], 'several');
    this.expect(await this.call(socket, 'nothing'), [], 'nothing');
    this.expect(await this.call(socket, 'echo', 'a', 2.5, null, {b: [true]}), ['a', 2.5, null, {b: [true]}], 'echo');
    const body = pattern(2048);
    const sha256 = crypto.createHash('sha256').update(Buffer.from(body)).digest('hex');
    this.expect(await this.call(socket, 'upload', body), [{size: 2048, sha256}], 'upload');
    const parts = {parts: [binary(1, 2, 3), binary(0, 255), {in: binary(128)}]};
    this.expect(await this.call(socket, 'echo', parts), [parts], 'binary echo');
    this.expect(await this.call(socket, 'download', {size: 3000}), [pattern(3000)], 'download');
    await this.until(() => this.got[`${name} file`] >= 1, 'the file');
    await this.call(socket, 'ask_me', 'why?');
    await this.call(socket, 'ask_me', binary(1, 2, 3));
    await this.until(() => this.got[`${name} answered`] >= 2, 'the answers');
    await this.call(socket, 'burst', {count: 5});
    await this.until(() => this.got[`${name} tick`] >= 5, 'five ticks');
  }

  async leave() {
    const engine = this.manager.engine;
    const closed = new Promise(resolve => engine.once('close', resolve));
    for (const socket of this.sockets) socket.disconnect();
    await closed;
    await Promise.all(posts);
  }
}

// MARK: the run

async function main() {
  const clients = Array.from({length: number('clients')}, (_, index) => new Client(index));
  for (const [name, said] of [['connect', 'joined'], ['play', 'played'], ['leave', null]]) {
    await Promise.all(clients.map(client => client[name]().catch(problem => {
      report.errors.push(`client ${client.index}, ${name}: ${problem.message}`);
      console.error(problem);
    })));
    if (said && report.errors.length === 0) {
      say({phase: said});
      if (options.hold) await passGate();
    }
  }
  say({report});
  // Waits for the write: an exit does not flush a pipe.
  process.stdout.write('', () => process.exit(report.errors.length === 0 ? 0 : 1));
}

main();
