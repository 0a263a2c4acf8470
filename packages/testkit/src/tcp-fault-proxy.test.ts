import { once } from 'node:events';
import { type AddressInfo, connect, createServer, type Server, type Socket } from 'node:net';
import pg from 'pg';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { createScratchDatabase, type ScratchDatabase } from './postgres.js';
import { FrontendReader, type Transaction } from './postgres-messages.js';
import { type CommitFate, startTcpFaultProxy, type TcpFaultProxy } from './tcp-fault-proxy.js';

const patienceMs = 5_000;

describe('a proxy before a server that echoes', () => {
  let server: Server;
  let proxy: TcpFaultProxy;
  const clients: Socket[] = [];

  beforeAll(async () => {
    server = createServer((socket) => {
      socket.on('error', () => undefined);
      socket.pipe(socket);
    });
    server.listen(0, '127.0.0.1');
    await once(server, 'listening');
    proxy = await startTcpFaultProxy({
      target: { host: '127.0.0.1', port: (server.address() as AddressInfo).port },
    });
  });
  afterEach(() => {
    proxy.setFault({ kind: 'pass' });
    for (const client of clients.splice(0)) client.destroy();
  });
  afterAll(async () => {
    await proxy.close();
    server.close();
  });

  /** What comes back for `text` until `length` bytes, the end, or the error's code. */
  const echo = (text: string, client = connect(proxy.port, '127.0.0.1')): Promise<string> => {
    clients.push(client);
    let received = '';
    return new Promise((resolve) => {
      client.on('data', (chunk) => {
        received += String(chunk);
        if (received.length >= text.length) resolve(received);
      });
      client.on('error', (error: NodeJS.ErrnoException) => resolve(`${received}!${error.code}`));
      client.on('close', () => resolve(`${received}!`));
      setTimeout(() => resolve(`${received}?`), 300);
      client.write(text);
    });
  };

  it('passes both ways, late where it was told to', async () => {
    expect(await echo('hello')).toBe('hello');
    proxy.setFault({ kind: 'delay', ms: 60 });
    const askedMs = performance.now();
    expect(await echo('late')).toBe('late');
    expect(performance.now() - askedMs).toBeGreaterThan(110);
  });

  it('resets, is silent, and cuts after as many bytes as said, in either direction', async () => {
    proxy.setFault({ kind: 'reset' });
    expect(await echo('x')).toMatch(/^!/);
    proxy.setFault({ kind: 'silent' });
    expect(await echo('x')).toBe('?');
    proxy.setFault({ kind: 'cut', direction: 'to_client', afterBytes: 3 });
    expect(await echo('abcdef')).toMatch(/^abc!/);
    proxy.setFault({ kind: 'cut', direction: 'to_server', afterBytes: 0 });
    expect(await echo('abcdef')).toMatch(/^!/);
    proxy.setFault({ kind: 'reset' }, 1);
    expect(await echo('x')).toMatch(/^!/);
    expect(await echo('x')).toBe('x');
  });

  it('refuses while it does not listen, and lets open connections be until they are reset or silenced', async () => {
    const open = connect(proxy.port, '127.0.0.1');
    expect(await echo('one', open)).toBe('one');
    await proxy.refuse();
    expect(await echo('x')).toBe('!ECONNREFUSED');
    await proxy.accept();
    expect(await echo('two')).toBe('two');
    proxy.silenceAll();
    open.removeAllListeners('data');
    expect(await echo('three', open)).toBe('?');
    proxy.resetAll();
    await expect.poll(() => proxy.openConnections()).toBe(0);
  });
});

describe('a proxy that reads what is said to PostgreSQL', () => {
  let scratch: ScratchDatabase;
  let proxy: TcpFaultProxy;
  let fate: CommitFate = 'pass';
  const seen: Transaction[] = [];

  beforeAll(async () => {
    scratch = await createScratchDatabase();
    const { hostname, port } = new URL(scratch.url);
    proxy = await startTcpFaultProxy({
      target: { host: hostname, port: Number(port) },
      onCommit: (transaction) => {
        seen.push(transaction);
        return fate;
      },
    });
    await query(scratch.url, 'create table note (text text primary key)');
  });
  afterAll(async () => {
    await proxy.close();
    await scratch[Symbol.asyncDispose]();
  });

  const throughProxy = (): string => {
    const url = new URL(scratch.url);
    url.port = String(proxy.port);
    return url.href;
  };
  const commit = async (text: string): Promise<string> => {
    const client = new pg.Client({ connectionString: throughProxy() });
    client.on('error', () => undefined);
    await client.connect();
    try {
      await client.query('begin');
      await client.query('insert into note values ($1)', [text]);
      return await client.query('commit').then(
        () => 'committed',
        () => 'lost',
      );
    } finally {
      await client.end().catch(() => undefined);
    }
  };
  const isStored = async (text: string): Promise<boolean> =>
    (await query(scratch.url, `select 1 from note where text = '${text}'`)).length === 1;

  it.each([
    ['pass', 'committed', true],
    ['before', 'lost', false],
    ['sent', 'lost', true],
    ['answered', 'lost', true],
  ] as const)('a COMMIT whose fate is %s is %s for the client, and stored: %s', async (chosen, heard, stored) => {
    fate = chosen;
    expect(await commit(chosen)).toBe(heard);
    // The server may still be at work on what nobody waits for.
    await expect.poll(() => isStored(chosen), { timeout: patienceMs }).toBe(stored);
    expect(seen.at(-1)?.statements).toEqual(['insert into note values ($1)']);
    expect(seen.at(-1)?.hasParameter(chosen)).toBe(true);
    expect(seen.at(-1)?.hasParameter(chosen.slice(1))).toBe(false);
  });
});

describe('the reader of what a client says', () => {
  const message = (kind: string, body: string): Buffer => {
    const length = Buffer.alloc(4);
    length.writeInt32BE(4 + body.length);
    return Buffer.concat([Buffer.from(kind), length, Buffer.from(body)]);
  };

  it('tells a COMMIT by either protocol, after a request for TLS, however the bytes are cut', () => {
    const sslRequest = Buffer.from([0, 0, 0, 8, 4, 210, 22, 47]);
    const stream = Buffer.concat([
      sslRequest,
      message('', 'user'),
      message('Q', 'BEGIN\0'),
      message('P', '\0update a\0\0\0'),
      message('S', ''),
      message('Q', 'commit\0'),
      message('Q', 'begin\0'),
      message('P', 'name\0COMMIT\0\0\0'),
      message('E', '\0\0\0\0\0'),
      message('S', ''),
      message('Q', 'select commit_date\0'),
    ]);
    for (const size of [1, 7, stream.length]) {
      const reader = new FrontendReader();
      const messages = [];
      for (let at = 0; at < stream.length; at += size) messages.push(...reader.read(stream.subarray(at, at + size)));
      expect(Buffer.concat(messages.map(({ bytes }) => bytes))).toEqual(stream);
      const committing = messages.map((each) => each.committing?.statements ?? null);
      expect(committing.filter((each) => each !== null)).toEqual([['update a'], []]);
      expect(committing[5]).toEqual(['update a']);
      expect(committing[9]).toEqual([]);
    }
  });
});

async function query(url: string, statement: string): Promise<readonly unknown[]> {
  const client = new pg.Client({ connectionString: url });
  await client.connect();
  try {
    return (await client.query(statement)).rows;
  } finally {
    await client.end();
  }
}
