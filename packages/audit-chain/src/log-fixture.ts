/** A log as a Broker would write it, with its store, its archives and the checkpoints that were shipped elsewhere. */
import { createHash } from 'node:crypto';
import type { JsonValue } from '@nexus/core/canonical-json';
import { writeCheckpointRecord } from './checkpoint-file.js';
import type { StoredEntry } from './export-format.js';
import {
  type CheckpointRow,
  createCheckpoint,
  createLink,
  createSigner,
  createStored,
  type EntryFields,
  type LogTables,
  renderExport,
  type Signer,
} from './log-rows-fixture.js';
import { encodeVerifierKey, type VerifierKey } from './signed-note.js';

const startedAt = Date.UTC(2026, 0, 1);
const secondMs = 1_000;

export class LogFixture {
  readonly tables: LogTables = { events: [], links: [], checkpoints: [] };
  /** The key an auditor pins. */
  readonly firstSigner: Signer;
  readonly archives: { readonly name: string; readonly text: string }[] = [];
  /** What every sealed value is, by table and row; null where it was erased. */
  readonly store = new Map<string, { version: number; sha256: string | null }>();
  #signer: Signer;
  #now = startedAt;
  #ids = 0;
  readonly #seed: string;
  /** Notes that an operator shipped elsewhere when they were made. */
  readonly shipped: CheckpointRow[] = [];

  constructor(seed = 'a log') {
    this.#seed = seed;
    this.firstSigner = createSigner('nexus-5', `${seed} 5`);
    this.#signer = this.firstSigner;
    this.append({ event_type: 'vault.key_added', data: keyAdded(5, this.firstSigner), resource_id: '5' });
  }

  get now(): string {
    return new Date(this.#now).toISOString();
  }

  get size(): number {
    return this.tables.links.at(-1)?.seq ?? 0;
  }

  pass(seconds: number): void {
    this.#now += seconds * secondMs;
  }

  append(fields: EntryFields): StoredEntry {
    this.pass(1);
    this.#ids += 1;
    const id = `01J${String(this.#ids).padStart(23, '0')}`;
    const stored = createStored({ id, created_at: this.now, ...fields }, this.#seed);
    this.tables.events.push(stored);
    return stored;
  }

  /** An entry of a change that seals a value, with its witness. */
  appendWrite(table: string, row: string, blob: string | null): StoredEntry {
    const version = (this.store.get(`${table}\n${row}`)?.version ?? 0) + 1;
    const sha256 = blob === null ? null : createHash('sha256').update(blob).digest('hex');
    this.store.set(`${table}\n${row}`, { version, sha256 });
    return this.append({
      event_type: blob === null ? 'connection.revoked' : 'token.refreshed',
      connection_ref: row,
      data: { version },
      store: { table, row, version, blob_sha256: sha256 },
    });
  }

  appendResealed(table: string, rows: readonly string[], blob: string): StoredEntry {
    const sha256 = createHash('sha256').update(blob).digest('hex');
    const witnesses = rows.map((row) => {
      const version = this.store.get(`${table}\n${row}`)?.version ?? 1;
      this.store.set(`${table}\n${row}`, { version, sha256 });
      return { row, version, blob_sha256: sha256 };
    });
    const data = { from_key: 1, to_key: 9, table, column: 'sealed', rows: witnesses, failed: 0 };
    return this.append({ event_type: 'vault.resealed', data });
  }

  /** Seals every entry that no link names. */
  seal(): void {
    const named = new Set(this.tables.links.map((link) => link.event_id));
    for (const event of this.tables.events) {
      if (!named.has(event.columns.id)) this.tables.links.push(createLink(this.tables.links.at(-1) ?? null, event));
    }
  }

  /** As a Broker does only if anything new was sealed. */
  checkpoint(signer = this.#signer): void {
    this.seal();
    this.pass(1);
    if (this.size === (this.tables.checkpoints.at(-1)?.size ?? 0)) return;
    const row = createCheckpoint(this.tables, signer, this.now);
    this.tables.checkpoints.push(row);
    this.shipped.push(row);
  }

  /** The old key signs a checkpoint that covers the entry of the new one. */
  rotateKey(keyId: number): void {
    const next = createSigner(`nexus-${keyId}`, `${this.#seed} ${keyId}`);
    this.append({ event_type: 'vault.key_added', data: keyAdded(keyId, next), resource_id: String(keyId) });
    this.checkpoint();
    this.#signer = next;
  }

  /** Archives and deletes what a checkpoint covers up to `to`. */
  prune(to: number): void {
    const from = this.tables.links[0]?.seq ?? 1;
    const text = this.exportRange(from, to);
    this.archives.push({ name: `${from}-${to}.ndjson`, text });
    const pruned = new Set(this.tables.links.filter(({ seq }) => seq <= to).map((link) => link.event_id));
    this.tables.events = this.tables.events.filter((event) => !pruned.has(event.columns.id));
    this.tables.links = this.tables.links.filter(({ seq }) => seq > to);
    const archive_sha256 = createHash('sha256').update(text).digest('hex');
    const data = { from_seq: from, to_seq: to, count: to - from + 1, archive_sha256 };
    this.append({ event_type: 'audit.pruned', data });
  }

  export(tables: LogTables = this.tables): string {
    return renderExport(tables, { from: null, to: null, exportedAt: this.now });
  }

  exportRange(from: number, to: number, tables: LogTables = this.tables): string {
    return renderExport(tables, { from, to, exportedAt: null });
  }

  /** The checkpoint file that was kept elsewhere. */
  external(): string {
    return this.shipped.map(writeCheckpointRecord).join('');
  }

  storeLines(): string {
    const lines = [...this.store].filter(([, { sha256 }]) => sha256 !== null);
    return lines
      .map(([key, { version, sha256 }]) => {
        const [table, row] = key.split('\n');
        return `${JSON.stringify({ table, row, version, key_id: 1, blob_sha256: sha256 })}\n`;
      })
      .join('');
  }
}

function keyAdded(keyId: number, key: VerifierKey): { readonly [name: string]: JsonValue } {
  return { key_id: String(keyId), purpose: 'checkpoint', public_key: encodeVerifierKey(key) };
}
