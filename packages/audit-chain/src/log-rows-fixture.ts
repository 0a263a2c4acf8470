/**
 * The rows of a log's tables and the export a Broker would give of them, so that tests can change rows as the owner of a
 * database could. Keys follow from a seed.
 */
import { createHash, createHmac, createPrivateKey, createPublicKey, sign } from 'node:crypto';
import { canonicalJson, type JsonValue } from '@nexus/core/canonical-json';
import { chainStart, computeLinkHash, hashEntry } from './chain.js';
import { exportFormat, type StoredEntry, writeLine } from './export-format.js';
import { hashNote, type VerifierKey, writeCheckpointBody, writeSignedNote } from './signed-note.js';

export interface LinkRow {
  seq: number;
  event_id: string;
  prev_hash: string;
  hash: string;
}

export interface CheckpointRow {
  size: number;
  created_at: string;
  note: string;
}

/** The three tables of a log. */
export interface LogTables {
  events: StoredEntry[];
  links: LinkRow[];
  checkpoints: CheckpointRow[];
}

export interface Signer extends VerifierKey {
  sign(body: string): Uint8Array;
}

export interface EntryFields {
  readonly event_type: string;
  readonly data?: { readonly [name: string]: JsonValue };
  readonly [name: string]: JsonValue | undefined;
}

/** PKCS#8 of an Ed25519 seed up to the seed itself (RFC 8410). */
const privateKeyPrefix = Buffer.from('302e020100300506032b657004220420', 'hex');
const auditKeyId = 4;
const origin = 'nexus/00112233aabbccdd';

export function createSigner(name: string, seed: string): Signer {
  const bytes = createHash('sha256').update(seed).digest();
  const privateKey = createPrivateKey({
    key: Buffer.concat([privateKeyPrefix, bytes]),
    format: 'der',
    type: 'pkcs8',
  });
  const publicKey = createPublicKey(privateKey).export({ format: 'der', type: 'spki' }).subarray(-32);
  return { name, publicKey: new Uint8Array(publicKey), sign: (body) => sign(null, Buffer.from(body), privateKey) };
}

/** An entry as stored, with the hash and a mac of its text. */
export function createStored(fields: EntryFields & { id: string; created_at: string }, macSeed: string): StoredEntry {
  const { data = {}, ...others } = fields;
  const entry = canonicalJson({
    v: 2,
    outcome: 'success',
    actor: { type: 'key', id: '01JKEY', key_hint: 'x1y2' },
    request_id: `req-${fields.id}`,
    caller_ip: '192.0.2.7',
    user_agent: 'agent/1.0 (\u00fcnix; \u{1F511}) "quoted" \\ \u001f',
    data,
    ...(others as { readonly [name: string]: JsonValue }),
  });
  return sealText(entry, macSeed);
}

/** The row for a text, columns and hash included: what a Broker would store, given its audit key. */
export function sealText(entry: string, macSeed: string): StoredEntry {
  const members = JSON.parse(entry);
  const entryHash = hashEntry(entry);
  const mac = createHmac('sha256', macSeed).update(entryHash).digest('hex');
  return {
    entry,
    entry_hash: Buffer.from(entryHash).toString('hex'),
    mac,
    mac_key: auditKeyId,
    columns: {
      id: members.id,
      created_at: members.created_at,
      event_type: members.event_type,
      outcome: members.outcome,
      actor_id: members.actor.id,
      connection_ref: members.connection_ref ?? null,
      resource_id: members.resource_id ?? members.connection_ref ?? null,
      agent_id: members.agent_id ?? null,
      workspace_id: members.workspace_id ?? null,
    },
  };
}

export function createLink(previous: LinkRow | null, event: StoredEntry): LinkRow {
  const prevHash = previous === null ? chainStart : Buffer.from(previous.hash, 'hex');
  const seq = (previous?.seq ?? 0) + 1;
  const [entryHash, mac] = [Buffer.from(event.entry_hash, 'hex'), Buffer.from(event.mac, 'hex')];
  const hash = computeLinkHash({ seq, prevHash, entryHash, mac, macKey: event.mac_key });
  return {
    seq,
    event_id: event.columns.id,
    prev_hash: Buffer.from(prevHash).toString('hex'),
    hash: Buffer.from(hash).toString('hex'),
  };
}

/** Signs the last link. */
export function createCheckpoint(tables: LogTables, signer: Signer, createdAt: string): CheckpointRow {
  const previous = tables.checkpoints.at(-1);
  const head = tables.links.at(-1);
  return signCheckpoint(signer, {
    size: head?.seq ?? 0,
    headHash: Buffer.from(head?.hash ?? '', 'hex'),
    previousNoteHash: previous === undefined ? chainStart : hashNote(previous.note),
    createdAt,
  });
}

export function signCheckpoint(
  signer: Signer,
  values: { size: number; headHash: Uint8Array; previousNoteHash: Uint8Array; createdAt: string },
): CheckpointRow {
  const body = writeCheckpointBody({ origin, ...values });
  return { size: values.size, created_at: values.createdAt, note: writeSignedNote(body, signer, signer.sign(body)) };
}

/** What a Broker gives for these tables: a join, which mends nothing. */
export function renderExport(
  tables: LogTables,
  range: { readonly from: number | null; readonly to: number | null; readonly exportedAt: string | null },
): string {
  const { from, to, exportedAt } = range;
  const isInRange = (number: number) => number >= (from ?? Number.MIN_SAFE_INTEGER) && number <= (to ?? Infinity);
  const byId = new Map<string, StoredEntry[]>();
  for (const event of tables.events) byId.set(event.columns.id, [...(byId.get(event.columns.id) ?? []), event]);
  const links = tables.links.filter(({ seq }) => isInRange(seq)).toSorted((a, b) => a.seq - b.seq);
  const lines = [writeLine({ kind: 'header', format: exportFormat, from_seq: from, to_seq: to })];
  for (const { seq, event_id, prev_hash, hash } of links) {
    for (const stored of byId.get(event_id) ?? [null]) {
      lines.push(writeLine({ kind: 'sealed', seq, event_id, prev_hash, hash, stored }));
    }
  }
  const named = new Set(tables.links.map((link) => link.event_id));
  const unsealed = to === null ? tables.events.filter((event) => !named.has(event.columns.id)) : [];
  for (const stored of unsealed) lines.push(writeLine({ kind: 'unsealed', stored }));
  for (const { size, created_at, note } of tables.checkpoints.toSorted((a, b) => a.size - b.size)) {
    if (isInRange(size)) lines.push(writeLine({ kind: 'checkpoint', size, created_at, note }));
  }
  lines.push(writeLine({ kind: 'end', lines: lines.length, exported_at: exportedAt }));
  return lines.join('');
}

/** A text in pieces that end anywhere, as a transfer brings it. */
export async function* inPieces(text: string, size = 333): AsyncGenerator<Uint8Array> {
  const bytes = Buffer.from(text, 'utf8');
  for (let at = 0; at < bytes.length; at += size) yield bytes.subarray(at, at + size);
}
