import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { chmodSync, existsSync, mkdtempSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import Sqlite from 'better-sqlite3';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { type Database, openDatabase } from '../database.js';
import { createKey } from '../store-fixture.js';

let directory: string;
let file: string;
const opened: Database[] = [];

beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'nexus-sqlite-'));
  file = join(directory, 'data', 'nexus.db');
});

afterEach(async () => {
  for (const database of opened.splice(0)) await database[Symbol.asyncDispose]();
  rmSync(directory, { recursive: true, force: true });
});

async function open(): Promise<Database> {
  const database = await openDatabase({ url: `sqlite:${file}` });
  opened.push(database);
  await database.migrate();
  return database;
}

const modeOf = (path: string): number => statSync(path).mode & 0o777;

describe('file modes', () => {
  it('K11: creates every file readable and writable by its owner only, whatever the umask', async () => {
    const previous = process.umask(0);
    try {
      await open();
    } finally {
      process.umask(previous);
    }
    for (const path of [file, `${file}-wal`, `${file}-shm`, `${file}.lock`]) expect(modeOf(path)).toBe(0o600);
    expect(modeOf(join(directory, 'data'))).toBe(0o700);
  });

  it.each(['', '-wal', '-shm'])('K11: refuses to start when others may read nexus.db%s', async (suffix) => {
    const database = await open();
    await database[Symbol.asyncDispose]();
    opened.length = 0;
    if (!existsSync(file + suffix)) writeFileSync(file + suffix, '');
    for (const mode of [0o604, 0o640, 0o602, 0o660, 0o644]) {
      chmodSync(file + suffix, mode);
      await expect(openDatabase({ url: `sqlite:${file}` })).rejects.toThrow(`${file}${suffix} has mode`);
    }
    chmodSync(file + suffix, 0o600);
    await open();
  });
});

describe('the data file', () => {
  it('serves one Broker at a time and says so', async () => {
    const first = await open();
    await expect(openDatabase({ url: `sqlite:${file}` })).rejects.toThrow('Another Broker has');
    await first.ping();
    await first[Symbol.asyncDispose]();
    opened.length = 0;
    await open();
  });

  it('is free again as soon as a Broker in another process was killed', async () => {
    const database = await open();
    await database[Symbol.asyncDispose]();
    opened.length = 0;
    const holder = spawn(
      process.execPath,
      [
        '-e',
        `const Sqlite = require(${JSON.stringify(createRequire(import.meta.url).resolve('better-sqlite3'))});
         const lock = new Sqlite(${JSON.stringify(`${file}.lock`)}, { timeout: 0 });
         lock.pragma('locking_mode = EXCLUSIVE');
         lock.exec('begin exclusive');
         process.stdout.write('held');
         setInterval(() => undefined, 1000);`,
      ],
      { stdio: ['ignore', 'pipe', 'inherit'] },
    );
    await once(holder.stdout, 'data');
    await expect(openDatabase({ url: `sqlite:${file}` })).rejects.toThrow('Another Broker has');
    holder.kill('SIGKILL');
    await once(holder, 'exit');
    await open();
  });

  it('keeps what was committed over a restart', async () => {
    const key = createKey();
    const first = await open();
    await first.transaction((stores) => stores.keys.insert(key));
    await first[Symbol.asyncDispose]();
    opened.length = 0;
    const second = await open();
    expect(await second.stores.keys.findById(key.keyId)).toEqual(key);
  });

  it('is refused when it is no database', async () => {
    const other = join(directory, 'other.db');
    writeFileSync(other, 'no database, but long enough to be looked at'.repeat(100), { mode: 0o600 });
    await expect(openDatabase({ url: `sqlite:${other}` })).rejects.toThrow('not a database');
    await expect(openDatabase({ url: `sqlite:${other}` })).rejects.toThrow('not a database');
  });

  it('is written in WAL mode', async () => {
    await open();
    const connection = new Sqlite(file, { readonly: true });
    expect(connection.pragma('journal_mode', { simple: true })).toBe('wal');
    connection.close();
  });
});

describe('the writer', () => {
  it('fails a transaction opened inside another instead of waiting for ever, and goes on', async () => {
    const database = await open();
    vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] });
    try {
      await database.transaction(async () => {
        const inner = expect(database.transaction(async () => undefined)).rejects.toThrow('busy');
        await vi.advanceTimersByTimeAsync(30_000);
        await inner;
      });
    } finally {
      vi.useRealTimers();
    }
    await database.transaction((stores) => stores.keys.insert(createKey()));
  });

  it('serves transactions in the order they come', async () => {
    const database = await open();
    const order: number[] = [];
    const work = Array.from({ length: 20 }, (_, i) =>
      database.transaction(async (stores) => {
        await stores.keys.insert(createKey());
        order.push(i);
      }),
    );
    await Promise.all(work);
    expect(order).toEqual(Array.from({ length: 20 }, (_, i) => i));
  });
});

describe('the write-ahead log', () => {
  it('is copied into the file now and then, and used anew', async () => {
    const database = await open();
    const before = statSync(file).size;
    const sizes: number[] = [];
    for (let round = 0; round < 4; round++) {
      for (let n = 0; n < 1_000; n++) await database.transaction((stores) => stores.keys.insert(createKey()));
      sizes.push(statSync(`${file}-wal`).size);
    }
    expect(statSync(file).size).toBeGreaterThan(4 * before);
    expect(sizes.at(-1)).toBeLessThan(2 * (sizes[0] ?? 0));
  });
});

describe('reading integers', () => {
  it('fails on a value beyond 2^53 instead of rounding it', async () => {
    const database = await open();
    const key = createKey();
    await database.transaction((stores) => stores.keys.insert(key));
    const connection = new Sqlite(file);
    connection.exec(`insert into key_ring (id, purpose, state, alg, wrapped_by, wrapped, kcv, created_at)
      values (9007199254740993, 'cred', 'active', 1, 'kek', x'00', x'00', '2026-01-01T00:00:00.000Z')`);
    connection.close();
    await expect(database.stores.keyRing.list()).rejects.toThrow(RangeError);
  });
});
