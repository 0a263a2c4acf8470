/** Brokers over one real database as far as sealing goes: each with its own position in the chain. */
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { computeLinkHash } from '@nexus/audit-chain/chain';
import { type Clock, systemClock, toInstant } from '@nexus/core/clock';
import { createUlid } from '@nexus/core/ids';
import { createKeyRing, type KeyRingRow } from '@nexus/vault/key-ring';
import { createMemoryKeyProvider } from '@nexus/vault/memory-key-provider';
import { openVault, type Vault } from '@nexus/vault/vault';
import { type AuditEntry, type AuditEvent, createAuditEntry } from '../domain/audit-event.js';
import { systemOrigin } from '../domain/request-context.js';
import type { LinkedEntry, StoredCheckpoint } from '../stores/audit-chain-store.js';
import type { Database } from '../stores/database.js';
import { AppendOnlyFile } from './append-only-file.js';
import { AuditSealer, type AuditSealerDeps } from './audit-sealer.js';
import { ChainPosition } from './chain-position.js';
import { CheckpointWriter } from './checkpoint-writer.js';
import { EntrySealer } from './entry-sealer.js';

const narrowMs = 2_000;
export const wideMs = 120_000;

export const provider = createMemoryKeyProvider({ keys: { primary: new Uint8Array(32).fill(7) } });

/** What one Broker has, taken apart. */
export interface Sealing {
  readonly position: ChainPosition;
  readonly entries: EntrySealer;
  readonly checkpoints: CheckpointWriter;
  readonly announced: StoredCheckpoint[];
  /** `id fault` of each entry that was refused. */
  readonly refused: string[];
  /** Seals until nothing is left. */
  seal(windowMs?: number): Promise<boolean>;
  /** Looks through the whole log once. */
  scan(): Promise<void>;
}

export class SealingRig implements AsyncDisposable {
  readonly database: Database;
  readonly vault: Vault;
  /** Rows of the key ring; more may be added before a vault reloads. */
  readonly rows: KeyRingRow[];
  readonly folder: string;
  readonly clock: Clock = systemClock;
  readonly #files: AppendOnlyFile[] = [];
  readonly #sealers: AuditSealer[] = [];

  static async open(database: Database): Promise<SealingRig> {
    const rows = await createKeyRing({ provider, now: toInstant(Date.now()) });
    const vault = await openVault({ provider, loadRows: async () => rows });
    return new SealingRig({ database, vault, rows, folder: await mkdtemp(join(tmpdir(), 'nexus-sealing-')) });
  }

  private constructor(parts: Pick<SealingRig, 'database' | 'vault' | 'rows' | 'folder'>) {
    ({ database: this.database, vault: this.vault, rows: this.rows, folder: this.folder } = parts);
  }

  /** An entry as the log makes them, `ageMs` old. */
  entry(ageMs = 0, event: Partial<AuditEvent> = {}): AuditEntry {
    const at = this.clock.now() - ageMs;
    return createAuditEntry({ eventType: 'token.retrieved', outcome: 'success', ...event }, systemOrigin('test'), {
      id: createUlid(at),
      createdAt: toInstant(at),
      mac: (hash) => this.vault.mac(hash),
    });
  }

  async write(...entries: readonly AuditEntry[]): Promise<void> {
    await this.database.transaction((stores) => stores.audit.insert(entries));
  }

  /** Commits this many new entries, each a millisecond older than the next. */
  async writeMany(count: number): Promise<AuditEntry[]> {
    const entries = Array.from({ length: count }, (_, index) => this.entry(count - index));
    await this.write(...entries);
    return entries;
  }

  async createSealing(database = this.database, vault = this.vault): Promise<Sealing> {
    const refused: string[] = [];
    const announced: StoredCheckpoint[] = [];
    const { clock } = this;
    const position = new ChainPosition({ database, vault });
    const entries = new EntrySealer({
      database,
      vault,
      clock,
      position,
      onRefused: (id, fault) => refused.push(`${id} ${fault}`),
    });
    const checkpoints = new CheckpointWriter({
      database,
      vault,
      clock,
      position,
      file: await this.openFile(),
      announce: (checkpoint) => announced.push(checkpoint),
    });
    const seal = (windowMs = narrowMs) => entries.seal(windowMs, async () => true);
    const scan = async () => {
      for (let from = await entries.scan(null); from !== null; ) from = await entries.scan(from);
    };
    return { position, entries, checkpoints, announced, refused, seal, scan };
  }

  async createSealer(changes: Partial<AuditSealerDeps> = {}): Promise<AuditSealer> {
    const { database, vault, clock } = this;
    const sealer = new AuditSealer({
      database,
      vault,
      clock,
      checkpointFile: await this.openFile(),
      checkpointSeconds: 60,
      onLead: () => undefined,
      onCheckpoint: () => undefined,
      onRefused: () => undefined,
      onError: () => undefined,
      ...changes,
    });
    this.#sealers.push(sealer);
    return sealer;
  }

  async openFile(): Promise<AppendOnlyFile> {
    const file = await AppendOnlyFile.open({ path: this.checkpointPath(), onLostWrite: () => undefined });
    this.#files.push(file);
    return file;
  }

  checkpointPath(): string {
    return join(this.folder, 'checkpoints.log');
  }

  async readCheckpointFile(): Promise<readonly { readonly size: number; readonly note: string }[]> {
    const text = await readFile(this.checkpointPath(), 'utf8');
    return text
      .split('\n')
      .filter((line) => line !== '')
      .map((line) => JSON.parse(line));
  }

  chain(): Promise<LinkedEntry[]> {
    return this.database.stores.auditChain.list({ from: null, to: null, limit: 100_000 });
  }

  async sealedIds(): Promise<string[]> {
    return (await this.chain()).map(({ link }) => link.eventId);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const sealer of this.#sealers) await sealer.close();
    for (const file of this.#files) await file.close();
    await rm(this.folder, { recursive: true, force: true });
  }
}

/** What is wrong with a chain read from its start; empty when every link is where it belongs. */
export function findBreaks(chain: readonly LinkedEntry[]): string[] {
  let previous: Uint8Array = new Uint8Array(32);
  const names = new Set<string>();
  return chain.flatMap(({ link, entry }, index) => {
    if (entry === null) return [`${link.seq} has no entry`];
    const { entryHash, mac, macKey } = entry;
    const hash = computeLinkHash({ seq: index + 1, prevHash: previous, entryHash, mac, macKey });
    const isRight =
      link.seq === index + 1 &&
      !names.has(link.eventId) &&
      Buffer.compare(link.prevHash, previous) === 0 &&
      Buffer.compare(link.hash, hash) === 0;
    names.add(link.eventId);
    previous = link.hash;
    return isRight ? [] : [`${link.seq} does not follow`];
  });
}

/** Runs statements as whoever owns the database could: without the triggers, which stay away. */
export async function withoutTriggers(
  database: Database,
  run: (statement: string) => Promise<unknown>,
  statements: readonly string[],
): Promise<void> {
  for (const table of ['audit_event', 'audit_chain', 'audit_checkpoint']) {
    const triggers = database.isExclusive
      ? [`${table}_no_update`, `${table}_no_delete`]
      : [`${table}_no_change on ${table}`];
    for (const trigger of triggers) await run(`drop trigger if exists ${trigger}`);
  }
  for (const statement of statements) await run(statement);
}
