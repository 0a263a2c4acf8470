/**
 * Thousands of connections at once: copies of two that were connected through the services, each with an id, a row and
 * a sealed credential of its own, sealed by the same vault code under the ring of the running Broker.
 */
import { join } from 'node:path';
import { createUlid } from '@nexus/core/ids';
import { createToken, hashToken } from '@nexus/core/tokens';
import { openKeyFile } from '@nexus/vault/file-key-provider';
import type { KeyRingRow } from '@nexus/vault/key-ring';
import { type BlobContext, openVault, sealJson, type Vault } from '@nexus/vault/vault';
import Sqlite from 'better-sqlite3';
import pg from 'pg';
import { runSql } from '../support/sql.js';
import type { Stack } from '../support/stack.js';

export interface SeededConnection {
  readonly id: string;
  readonly ref: string;
  /** What it holds: an API key, or the name of the account that its access tokens carry. */
  readonly secret: string;
  readonly kind: 'static' | 'oauth';
}

type Row = Readonly<Record<string, unknown>>;

/** Opens the ring as a Broker would; the key file must hold the key-encryption key the ring names. */
export async function openStoredVault(stack: Stack): Promise<Vault> {
  const provider = await openKeyFile(join(stack.dataDir, 'kek.key'));
  const loadRows = async () => (await runSql(stack, 'select * from key_ring order by id')).map(toRingRow);
  return openVault({ provider, loadRows });
}

export function contextOf(row: Row): BlobContext {
  return {
    purpose: 'cred',
    table: 'connection',
    column: 'sealed_credential',
    workspaceId: String(row['workspace_id']),
    rowId: String(row['connection_ref']),
    providerId: String(row['provider_id']),
    version: Number(row['version']),
    issuedOrigin: String(row['issued_origin']),
  };
}

/** Copies the connection at `templateRef` so many times. */
export async function seedConnections(
  stack: Stack,
  templateRef: string,
  count: number,
): Promise<readonly SeededConnection[]> {
  const vault = await openStoredVault(stack);
  const [template] = await runSql(stack, 'select * from connection where connection_ref = ?', [templateRef]);
  if (template === undefined) throw new Error('there is no template');
  const kind = template['issued_origin'] === '' ? 'static' : 'oauth';
  const seeded: SeededConnection[] = [];
  const rows: (readonly [string, string, Uint8Array])[] = [];
  for (let index = 0; index < count; index++) {
    const id = createToken('nxc');
    const ref = createUlid(Date.now());
    const secret = `seeded${ref}`;
    const context = { ...contextOf(template), rowId: ref };
    rows.push([ref, hashToken(id), sealJson(vault, createCredential(kind, secret), context)]);
    seeded.push({ id, ref, secret, kind });
  }
  await insertCopies(stack, template, rows);
  return seeded;
}

function createCredential(kind: SeededConnection['kind'], secret: string) {
  if (kind === 'static') return { kind: 'static', fields: { api_key: secret } };
  const expiresAt = Math.floor(Date.now() / 1_000) + 86_400;
  const tokens = { accessToken: `at-${secret}-0`, refreshToken: `rt-${secret}-0`, tokenType: 'bearer', idToken: null };
  return { kind: 'oauth2', ...tokens, scope: 'read', expiresAt };
}

async function insertCopies(
  stack: Stack,
  template: Row,
  rows: readonly (readonly [string, string, Uint8Array])[],
): Promise<void> {
  const own = ['connection_ref', 'id_hash', 'sealed_credential'];
  const shared = Object.keys(template).filter((column) => !own.includes(column));
  const columns = [...own, ...shared].join(', ');
  const select = (values: string) =>
    `insert into connection (${columns}) select ${values}, ${shared.join(', ')} from connection where connection_ref = `;
  const ref = template['connection_ref'];
  if (stack.engine === 'sqlite') {
    const connection = new Sqlite(stack.databaseUrl.slice('sqlite:'.length), { timeout: 10_000 });
    const insert = connection.prepare(`${select('?, ?, ?')} ?`);
    connection.transaction(() => {
      for (const row of rows) insert.run(...row, ref);
    })();
    connection.close();
    return;
  }
  const client = new pg.Client({ connectionString: stack.databaseUrl });
  await client.connect();
  await client.query('begin');
  const text = `${select('$1::text, $2::text, $3::bytea')} $4`;
  for (const row of rows) await client.query({ name: 'copy', text, values: [...row, ref] });
  await client.query('commit');
  await client.end();
}

function toRingRow(row: Row): KeyRingRow {
  return {
    id: Number(row['id']),
    purpose: row['purpose'] as KeyRingRow['purpose'],
    state: row['state'] as KeyRingRow['state'],
    alg: 1,
    wrappedBy: String(row['wrapped_by']),
    wrapped: row['wrapped'] as Uint8Array,
    kcv: row['kcv'] as Uint8Array,
    createdAt: String(row['created_at']),
    activatedAt: row['activated_at'] as string | null,
    retiredAt: row['retired_at'] as string | null,
  };
}
