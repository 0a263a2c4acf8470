/**
 * A2, A3, A4 and K3 of the threat model on the tables of a real Broker: what the owner of its database does there is found
 * in its export, by nexus-cli and by docs/audit/verify.py.
 */
import { copyFile, mkdir, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { LogTables } from '@nexus/audit-chain/log-rows-fixture';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { entryManipulations } from '../support/log-tampering/entry-manipulations.js';
import type { LogFiles } from '../support/log-tampering/file-manipulations.js';
import { historyManipulations } from '../support/log-tampering/history-manipulations.js';
import { dropProtection, readTables, replaceTables } from '../support/log-tampering/real-tables.js';
import { verifyFiles, verifyWithPython } from '../support/log-tampering/verifiers.js';
import { type CliTarget, runCli } from '../support/nexus-cli.js';
import { createSeededRandom } from '../support/seeded-random.js';
import { readSealed, runSql } from '../support/sql.js';
import { engines, type Stack, startStack } from '../support/stack.js';
import { connectStatically, reconnectStatically, registerForConnections } from '../support/static-connections.js';

/** The tables' keys refuse the first three, and the entries of this log are too young for the last. */
const impossible = ['double an entry', 'double a checkpoint', 'use a number twice and recompute', 'delete all links'];
const manipulations = Object.entries({ ...entryManipulations, ...historyManipulations }).filter(
  ([name]) => !impossible.includes(name),
);
const seed = Math.floor(Math.random() * 2 ** 31);
/** One in so many is also given to nexus-cli as a process; all are verified by what it consists of. */
const cliShare = 5;

describe.each(engines)(`the tables of a Broker on %s, seed ${seed}`, (engine) => {
  let stack: Stack;
  let admin: CliTarget;
  let folder: string;
  const at = (name: string) => join(folder, name);

  beforeAll(async () => {
    stack = await startStack({ engine, brokerEnv: { CHECKPOINT_SECONDS: '3600' } });
    admin = { brokerUrl: stack.brokerUrl, key: stack.adminKey };
    folder = await mkdtemp(join(tmpdir(), 'nexus-tampering-'));
    await registerForConnections(stack);
    expect(await runCli(['audit', 'checkpoints', '--keys', '--to', at('keys')], admin)).toMatchObject({ code: 0 });
    await makeHistory();
  });
  afterAll(async () => {
    await stack.close();
    await rm(folder, { recursive: true, force: true });
  });

  const exportLog = async (): Promise<string> => {
    const { status, body } = await stack.broker('GET', '/audit/export');
    expect(status).toBe(200);
    return body;
  };
  const size = async (): Promise<number> => readTables(await exportLog()).links.at(-1)?.seq ?? 0;
  /** The export of a range with an end has a checkpoint made that covers it. */
  const cover = async () => stack.broker('GET', `/audit/export?from_seq=1&to_seq=${await size()}`);

  /** Two archives, a new signing key, some checkpoints, and entries that none covers. */
  async function makeHistory(): Promise<void> {
    for (let round = 0; round < 3; round++) {
      await connectStatically(stack, 2);
      await cover();
      if (round === 1) expect(await runCli(['vault', 'rotate', 'checkpoint'], admin)).toMatchObject({ code: 0 });
      const last = String((await size()) - 8);
      const archive = ['audit', 'archive', '--to', at('archives'), '--to-seq', last, '--yes'];
      if (round < 2) expect(await runCli(archive, admin)).toMatchObject({ code: 0 });
    }
    await connectStatically(stack, 1);
    await copyFile(join(stack.dataDir, 'checkpoints.log'), at('checkpoints.log'));
  }

  async function collectFiles(text: string): Promise<LogFiles> {
    const names = await readdir(at('archives'));
    const archives = names.map(async (name) => ({ name, text: await readFile(join(at('archives'), name), 'utf8') }));
    const { body } = await stack.broker('GET', '/admin/v1/vault/blobs?limit=5000');
    return {
      export: text,
      external: await readFile(at('checkpoints.log'), 'utf8'),
      archives: await Promise.all(archives),
      store: body.blobs.map((blob: unknown) => `${JSON.stringify(blob)}\n`).join(''),
    };
  }

  const verifyWithCli = async (text: string, name: string): Promise<number | null> => {
    await mkdir(at('exports'), { recursive: true });
    const path = join(at('exports'), name.replaceAll(/\W+/g, '-'));
    await writeFile(path, text);
    const files = ['--pubkey', at('keys'), '--checkpoints', at('checkpoints.log'), '--archive', at('archives')];
    return (await runCli(['audit', 'verify', '--from', path, ...files])).code;
  };

  it('verify as the Broker left them', async () => {
    const text = await exportLog();
    const { links, checkpoints } = readTables(text);
    expect([links[0]?.seq ?? 0, checkpoints.length]).toEqual([expect.toSatisfy((seq) => seq > 8), expect.any(Number)]);
    expect(checkpoints.length).toBeGreaterThan(3);
    expect(await verifyWithCli(text, 'honest')).toBe(0);
    const verifierKey = (await readFile(at('keys'), 'utf8')).trim();
    expect(await verifyWithPython([{ files: await collectFiles(text), verifierKey }], at('honest'))).toEqual([0]);
  });

  it('K3: a credential that is put back from the past is found', async () => {
    const [connection] = await connectStatically(stack, 1);
    if (connection === undefined) throw new Error('no connection');
    const ref = connection.connection_ref;
    const readRow = async () => {
      const [row] = await runSql(stack, 'select version from connection where connection_ref = ?', [ref]);
      return { version: Number(row?.['version']), sealed: await readSealed(stack, ref) };
    };
    const writeRow = async ({ version, sealed }: Awaited<ReturnType<typeof readRow>>) => {
      const literal = engine === 'sqlite' ? `x'${sealed}'` : `'\\x${sealed}'::bytea`;
      const statement = `update connection set sealed_credential = ${literal}, version = ? where connection_ref = ?`;
      await runSql(stack, statement, [version, ref]);
    };
    const verify = ['audit', 'verify', '--store', '--archive', at('archives')];
    const old = await readRow();
    await reconnectStatically(stack, connection);
    expect((await readRow()).sealed).not.toBe(old.sealed);
    expect(await runCli(verify, admin)).toMatchObject({ code: 0 });
    const current = await readRow();
    await writeRow(old);
    const { code, stdout } = await runCli(verify, admin);
    expect([code, stdout]).toEqual([14, expect.stringContaining(`14  connection ${ref} does not hold the value`)]);
    await writeRow(current);
    expect(await runCli(verify, admin)).toMatchObject({ code: 0 });
  });

  it(`are manipulated in ${manipulations.length} ways, each found by both verifiers`, {
    timeout: 300_000,
  }, async () => {
    await dropProtection(stack);
    const random = createSeededRandom(seed);
    const found: { name: string; code: number; text: string }[] = [];
    for (const [name, manipulate] of manipulations) {
      const honest = readTables(await exportLog());
      const tables = structuredClone(honest);
      const log = { now: new Date().toISOString(), size: honest.links.at(-1)?.seq ?? 0 };
      const code = manipulate({ log, tables, random });
      if (code === null) continue;
      await replaceTables(stack, tables);
      const text = await exportLog();
      found.push({ name, code, text });
      await replaceTables(stack, withNews(honest, tables, readTables(text)));
    }
    expect(found.length).toBeGreaterThan(manipulations.length - 3);
    const expected = found.map(({ name, code }) => `${name}: ${code}`);
    const verifierKey = (await readFile(at('keys'), 'utf8')).trim();
    const files = await collectFiles('');
    const cases = found.map(({ text }) => ({ files: { ...files, export: text }, verifierKey }));
    const reports = await Promise.all(cases.map(({ files }) => verifyFiles(files, verifierKey)));
    expect(found.map(({ name }, index) => `${name}: ${reports[index]?.exitCode}`)).toEqual(expected);
    for (const [index, { name, text }] of found.entries()) {
      if (index % cliShare !== seed % cliShare) continue;
      expect(`${name}: ${await verifyWithCli(text, name)}`).toBe(expected[index]);
    }
    const codes = await verifyWithPython(cases, at('manipulated'));
    expect(found.map(({ name }, index) => `${name}: ${codes[index]}`)).toEqual(expected);
    expect(await verifyWithCli(await exportLog(), 'restored')).toBe(0);
  });
});

/** What was there before, with what the Broker wrote meanwhile: it goes on while its tables are changed. */
function withNews(honest: LogTables, manipulated: LogTables, now: LogTables): LogTables {
  const known = new Set([...honest.events, ...manipulated.events].map(({ columns }) => columns.id));
  const events = [...honest.events, ...now.events.filter(({ columns }) => !known.has(columns.id))];
  const links = [...honest.links];
  for (const link of now.links) {
    const last = links.at(-1);
    const follows = last !== undefined && link.seq === last.seq + 1 && link.prev_hash === last.hash;
    if (follows && !known.has(link.event_id)) links.push(link);
  }
  return { events, links, checkpoints: honest.checkpoints };
}
