/** A network that drops what it is given: nothing answers, and nothing says so. */
import { createScratchDatabase, type ScratchDatabase } from '@nexus/testkit/postgres';
import { startTcpFaultProxy, type TcpFaultProxy } from '@nexus/testkit/tcp-fault-proxy';
import { sql } from 'kysely';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { Engine } from './engine.js';
import { openPostgres } from './postgres-engine.js';

const timeouts = { connect: 400, prompt: 400, ordinary: 400, long: 400 };
const outage = { code: 'broker_unavailable', status: 503 };

describe('a connection to PostgreSQL that went silent', () => {
  let scratch: ScratchDatabase;
  let proxy: TcpFaultProxy;
  let engine: Engine;
  let isClosed: boolean;
  beforeEach(async () => {
    scratch = await createScratchDatabase();
    const url = new URL(scratch.url);
    proxy = await startTcpFaultProxy({ target: { host: url.hostname, port: Number(url.port) } });
    url.port = String(proxy.port);
    const standard = { clockOffsetMs: () => 0, requireFsync: false, timeouts };
    isClosed = false;
    engine = await openPostgres({ ...standard, url: url.href, poolSize: 1 });
  });
  afterEach(async () => {
    if (!isClosed) await engine.close();
    await proxy.close();
    await scratch[Symbol.asyncDispose]();
  });

  const read = () => engine.reader.selectNoFrom(sql.lit(1).as('alive')).execute();
  const write = (work: () => void = () => undefined) =>
    engine.writer.transaction().execute(async (tx) => {
      await sql`create table if not exists kept (n int)`.execute(tx);
      await sql`insert into kept values (1)`.execute(tx);
      work();
    });
  const countKept = async () => (await sql<{ n: number }>`select count(*) as n from kept`.execute(engine.writer)).rows;

  it('O8: fails a read in time, and is never read from again', async () => {
    await read();
    proxy.silenceAll();
    await expect(read()).rejects.toMatchObject(outage);
    // The only place in the pool is free again, and the connection in it a new one.
    await expect(read()).resolves.toEqual([{ alive: 1 }]);
  });

  it('O8: fails a transaction before it has done anything, and the next one works', async () => {
    await read();
    proxy.silenceAll();
    await expect(write()).rejects.toMatchObject(outage);
    await write();
    expect(await countKept()).toEqual([{ n: 1 }]);
  });

  it('O7: leaves a commit that nobody answers unknown, waits for no rollback, and does not use the connection again', async () => {
    await write();
    const startedMs = performance.now();
    await expect(write(() => proxy.silenceAll())).rejects.toMatchObject(outage);
    expect(performance.now() - startedMs).toBeLessThan(2 * timeouts.prompt);
    expect(await countKept()).toEqual([{ n: 1 }]);
    await write();
    expect(await countKept()).toEqual([{ n: 2 }]);
  });

  it('gives up a connection that is never accepted to the end', async () => {
    await read();
    proxy.resetAll();
    proxy.setFault({ kind: 'silent' });
    // The pool may learn of the reset only by using the connection once more.
    await read().catch(() => undefined);
    await expect(read()).rejects.toMatchObject(outage);
    proxy.setFault({ kind: 'pass' });
    await expect(read()).resolves.toHaveLength(1);
  });

  it('lets itself be closed', async () => {
    await read();
    proxy.silenceAll();
    // The proxy's own two are among them; a socket that waits for an answer would keep the process alive.
    const countSockets = () => process.getActiveResourcesInfo().filter((kind) => kind === 'TCPSocketWrap').length;
    const before = countSockets();
    await engine.close();
    isClosed = true;
    await expect.poll(countSockets).toBe(before - 1);
  });
});
