/** The key ring of a running stack, and the steps an administrator takes with it. */
import { randomBytes } from 'node:crypto';
import { chmod, readFile, writeFile } from 'node:fs/promises';
import { summarise } from './agents.js';
import { runSql } from './sql.js';
import type { Answer, RequestOptions, Stack } from './stack.js';
import { waitFor } from './wait.js';

/** A stack or one of its replicas. */
export interface AnsweringBroker {
  broker(method: string, path: string, options?: RequestOptions): Promise<Answer>;
}

export interface RingKey {
  readonly id: number;
  readonly purpose: string;
  readonly state: string;
  readonly wrapped_by: string;
  readonly rows: number | null;
}

interface Ring {
  readonly keks: readonly { readonly id: string; readonly state: string; readonly data_keys: number }[];
  readonly keys: readonly RingKey[];
  readonly replicas: readonly { readonly id: string; readonly keks: readonly string[] }[];
  readonly resealing: readonly {
    readonly key_id: number;
    readonly target: string;
    readonly resealed: number;
    readonly failed: number;
    readonly remaining: number;
    readonly finished_at: string | null;
  }[];
}

export async function readRing(broker: AnsweringBroker): Promise<Ring> {
  const answer = await broker.broker('GET', '/admin/v1/vault');
  if (answer.status !== 200) throw new Error(`no key ring: ${JSON.stringify(answer.body)}`);
  return answer.body as Ring;
}

export function postVault(broker: AnsweringBroker, path: string, body?: unknown): Promise<Answer> {
  return broker.broker('POST', `/admin/v1/vault/${path}`, body === undefined ? {} : { body });
}

/** `200`, or the status with the error's code. */
export async function takeStep(broker: AnsweringBroker, path: string, body?: unknown): Promise<string> {
  return summarise(await postVault(broker, path, body));
}

/** Appends a key to a key file, as an operator does with an editor; returns its line. */
export async function addKeyLine(file: string, id: string): Promise<string> {
  const line = `${id} ${randomBytes(32).toString('base64')} ${new Date().toISOString()}\n`;
  await appendKeyLine(file, line);
  return line;
}

export async function appendKeyLine(file: string, line: string): Promise<void> {
  await chmod(file, 0o600);
  await writeFile(file, line, { flag: 'a' });
}

export async function dropKeyLine(file: string, id: string): Promise<void> {
  const lines = (await readFile(file, 'utf8')).split('\n');
  await writeFile(file, lines.filter((line) => !line.startsWith(`${id} `)).join('\n'));
}

/** Until nothing is sealed under any of the keys, and re-sealing is done. */
export function waitForResealing(
  broker: AnsweringBroker,
  keyIds: readonly number[],
  timeoutMs = 30_000,
): Promise<Ring> {
  return waitFor(
    `nothing is under ${keyIds.join(', ')}`,
    async () => {
      const ring = await readRing(broker);
      const isDone = ring.resealing
        .filter(({ key_id }) => keyIds.includes(key_id))
        .every(({ finished_at }) => finished_at !== null);
      const left = ring.keys.filter(({ id, rows }) => keyIds.includes(id) && rows !== 0);
      const isBegun = keyIds.every((id) => ring.resealing.some(({ key_id }) => key_id === id));
      return isDone && isBegun && left.length === 0 ? ring : null;
    },
    timeoutMs,
  );
}

/** Lets a data key have been retired two minutes ago. */
export async function ageRetirement(stack: Stack, keyId: number): Promise<void> {
  const past = new Date(Date.now() - 120_000).toISOString();
  await runSql(stack, 'update key_ring set retired_at = ? where id = ?', [past, keyId]);
}
