import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, linkSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import Sqlite from 'better-sqlite3';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { toDatabaseFile } from '../database-file.js';

let folder: string;
let path: string;

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'nexus-copy-'));
  path = join(folder, 'nexus.db');
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

/** A file in the way a Broker leaves one behind: in WAL mode, and with a log beside it while it is open. */
function openDatabase(file = path): Sqlite.Database {
  const connection = new Sqlite(file);
  connection.pragma('journal_mode = WAL');
  connection.pragma('wal_autocheckpoint = 0');
  connection.exec('create table if not exists item (n integer primary key, text text) strict');
  return connection;
}

function readItems(file: string): unknown[] {
  const connection = new Sqlite(file);
  try {
    return connection.prepare('select n from item order by n').pluck().all();
  } finally {
    connection.close();
  }
}

function countItems(file: string): number {
  const connection = new Sqlite(file, { readonly: true });
  try {
    return Number(connection.prepare('select count(*) from item').pluck().get());
  } finally {
    connection.close();
  }
}

function writeItems(file: string, ...numbers: readonly number[]): void {
  const connection = openDatabase(file);
  for (const n of numbers) connection.prepare('insert into item values (?, ?)').run(n, 'x'.repeat(500));
  connection.close();
}

/** Writes in pairs, one transaction each, until it is killed. */
function startWriter() {
  const sqlite = JSON.stringify(createRequire(import.meta.url).resolve('better-sqlite3'));
  const script = `
    const Sqlite = require(${sqlite});
    const connection = new Sqlite(${JSON.stringify(path)}, { timeout: 5000 });
    const insert = connection.prepare("insert into item values (?, hex(randomblob(400)))");
    const pair = connection.transaction((n) => { insert.run(2 * n); insert.run(2 * n + 1); });
    for (let n = 1; ; n++) { pair(n); if (n === 100) process.stdout.write('on'); }`;
  return spawn(process.execPath, ['-e', script], { stdio: ['ignore', 'pipe', 'inherit'] });
}

describe('a copy', () => {
  it('K9: is that of one moment, however much another process writes meanwhile', async () => {
    openDatabase().close();
    const writer = startWriter();
    const ended = once(writer, 'close');
    try {
      await once(writer.stdout, 'data');
      let last = 0;
      for (let number = 1; number <= 8; number++) {
        // However little of the machine it gets, it has written since the last copy.
        while (countItems(path) <= last) await sleep(5);
        const copy = join(folder, `copy-${number}`);
        await toDatabaseFile(path).copyTo(copy);
        toDatabaseFile(copy).seal();
        expect(readdirSync(folder).filter((name) => name.startsWith(`copy-${number}`))).toEqual([`copy-${number}`]);
        expect(statSync(copy).mode & 0o777).toBe(0o600);
        expect(toDatabaseFile(copy).findDamage()).toEqual([]);
        const items = readItems(copy);
        expect(items.length % 2, 'no half of a transaction').toBe(0);
        expect(items.length).toBeGreaterThan(last);
        last = items.length;
      }
    } finally {
      writer.kill('SIGKILL');
      await ended;
    }
  });
});

describe('damage', () => {
  it('is found in pages and in references, and a whole file has none', () => {
    writeItems(path, ...Array.from({ length: 200 }, (_, n) => n));
    expect(toDatabaseFile(path).findDamage()).toEqual([]);
    const bytes = readFileSync(path);
    writeFileSync(path, Buffer.concat([bytes.subarray(0, 4_096), Buffer.alloc(8_192, 7), bytes.subarray(12_288)]));
    expect(toDatabaseFile(path).findDamage()).not.toEqual([]);
    writeFileSync(path, 'no database');
    expect(toDatabaseFile(path).findDamage()).toEqual([expect.stringContaining('not a database')]);
  });

  it('of references names the table', () => {
    const connection = openDatabase();
    connection.pragma('foreign_keys = off');
    connection.exec('create table part (n integer references item (n)) strict; insert into part values (9)');
    connection.close();
    expect(toDatabaseFile(path).findDamage()).toEqual([expect.stringContaining('part')]);
  });
});

describe('replacing', () => {
  const by = () => join(folder, 'new.db');
  const kept = () => join(folder, 'nexus.db.kept');

  it('leaves the new file alone in its place, and the old one whole under its other name', () => {
    writeItems(path, 1);
    // A killed Broker leaves its log behind, with what it committed last.
    const killed = openDatabase();
    killed.prepare('insert into item values (2, ?)').run('');
    const leftBehind = [readFileSync(path), readFileSync(`${path}-wal`)];
    killed.close();
    writeFileSync(path, leftBehind[0] ?? '');
    writeFileSync(`${path}-wal`, leftBehind[1] ?? '');
    writeItems(by(), 7);
    expect(toDatabaseFile(path).replace(by(), kept())).toBe(true);
    expect(readdirSync(folder).sort()).toEqual(['nexus.db', 'nexus.db.kept']);
    expect(readItems(path)).toEqual([7]);
    expect(readItems(kept())).toEqual([1, 2]);
  });

  it('keeps a damaged file as it is, with its log', () => {
    writeFileSync(path, 'damaged beyond opening');
    writeFileSync(`${path}-wal`, 'its log');
    writeItems(by(), 7);
    toDatabaseFile(path).replace(by(), kept());
    expect(readItems(path)).toEqual([7]);
    expect(readFileSync(kept(), 'utf8')).toBe('damaged beyond opening');
    expect(readFileSync(`${kept()}-wal`, 'utf8')).toBe('its log');
    expect(existsSync(`${path}-wal`)).toBe(false);
  });

  it('takes away the second name that a killed replacement left, since it is the same file', () => {
    writeItems(path, 1);
    linkSync(path, join(folder, 'nexus.db.before-restore-killed'));
    writeItems(by(), 7);
    toDatabaseFile(path).replace(by(), kept());
    expect(readdirSync(folder).sort()).toEqual(['nexus.db', 'nexus.db.kept']);
  });

  it('says when there was nothing to keep', () => {
    writeItems(by(), 7);
    expect(toDatabaseFile(path).replace(by(), kept())).toBe(false);
    expect(readItems(path)).toEqual([7]);
  });
});
