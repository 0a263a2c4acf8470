/** What must hold once every value is sealed again: read from the database beside the Brokers, opened with the ring as it is. */
import { createHash } from 'node:crypto';
import { openJson, readKeyId, type SealedBlob, type Vault } from '@nexus/vault/vault';
import { runSql } from '../support/sql.js';
import type { Stack } from '../support/stack.js';
import { contextOf, openStoredVault, type SeededConnection } from './seed-connections.js';
import type { SteadyReads } from './steady-reads.js';

interface RotationEnd {
  readonly stack: Stack;
  readonly connections: readonly SeededConnection[];
  /** Data keys that were replaced. */
  readonly old: readonly number[];
  readonly reads: SteadyReads;
  readonly counts: Map<string, number>;
}

type Row = Readonly<Record<string, unknown>>;

/** Every promise that is broken, in words. */
export async function examineRotation(end: RotationEnd): Promise<readonly string[]> {
  const vault = await openStoredVault(end.stack);
  const rows = new Map(
    (await runSql(end.stack, 'select * from connection')).map((row) => [String(row['connection_ref']), row]),
  );
  const violations: string[] = [];
  for (const connection of end.connections) {
    const problem = await examineOne(end, vault, connection, rows.get(connection.ref));
    if (problem !== null) violations.push(`${connection.kind} ${connection.ref}: ${problem}`);
  }
  const active = vault.sealingKeys().cred;
  const elsewhere = [...rows.values()].filter((row) => readKeyId(row['sealed_credential'] as SealedBlob) !== active);
  if (elsewhere.length > 0) violations.push(`${elsewhere.length} credentials are under another key than ${active}`);
  return [...violations, ...(await examineLog(end, rows))];
}

async function examineOne(
  { reads }: RotationEnd,
  vault: Vault,
  { kind, secret }: SeededConnection,
  row: Row | undefined,
): Promise<string | null> {
  if (row === undefined) return 'is gone';
  if (row['status'] !== 'active') return `is ${row['status']} (${row['reason']})`;
  const opened = await openJson(vault, row['sealed_credential'] as SealedBlob, contextOf(row)).catch(String);
  if (typeof opened === 'string') return `does not open: ${opened}`;
  const credential = opened as { accessToken?: string; refreshToken?: string; fields?: { api_key?: string } };
  if (kind === 'static') return credential.fields?.api_key === secret ? null : 'holds another key';
  const [, number = '-1'] = new RegExp(`^at-${secret}-(\\d+)$`).exec(credential.accessToken ?? '') ?? [];
  if (credential.refreshToken !== `rt-${secret}-${number}`) return 'holds tokens that do not belong together';
  return Number(number) >= reads.newest(secret) ? null : `fell back to token ${number}`;
}

/** The pages on record are those that were counted, and name what is stored wherever nothing came after them. */
async function examineLog({ stack, counts }: RotationEnd, rows: ReadonlyMap<string, Row>): Promise<readonly string[]> {
  const entries = await runSql(
    stack,
    "select entry, created_at from audit_event where event_type = 'vault.resealed' order by created_at, id",
  );
  const witnesses = new Map<string, string>();
  let recorded = 0;
  for (const { entry } of entries) {
    const { data } = JSON.parse(String(entry));
    if (data.failed > 0) return [`${data.failed} values of ${data.table} failed`];
    if (data.table !== 'connection') continue;
    recorded += data.rows.length;
    for (const { row, version, blob_sha256 } of data.rows) witnesses.set(`${row}/${version}`, blob_sha256);
  }
  const [progress] = await runSql(
    stack,
    "select sum(resealed) as resealed from resealing where target = 'connection.sealed_credential'",
  );
  const [begun, ended] = [entries[0], entries.at(-1)].map((row) => Date.parse(String(row?.['created_at'])));
  const seconds = ((ended ?? 0) - (begun ?? 0)) / 1_000;
  counts.set('values re-sealed', recorded).set('pages on record', entries.length);
  counts.set('values re-sealed a second, pauses included', Math.round(recorded / seconds));
  const violations: string[] = [];
  if (Number(progress?.['resealed']) !== recorded) {
    violations.push(`${progress?.['resealed']} values were counted and ${recorded} recorded`);
  }
  for (const [ref, row] of rows) {
    const witness = witnesses.get(`${ref}/${row['version']}`);
    const stored = createHash('sha256')
      .update(row['sealed_credential'] as Uint8Array)
      .digest('hex');
    if (witness !== undefined && witness !== stored) violations.push(`${ref} is not what the log says`);
  }
  return violations;
}
