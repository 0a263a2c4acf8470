/**
 * Looks through a whole database that stands still: every page, every sealed value, every entry of the log, and the log
 * against checkpoints kept outside.
 */
import { hash } from 'node:crypto';
import type { Checkpoint } from '@nexus/audit-chain/signed-note';
import { type VerifyOptions, verifyLog } from '@nexus/audit-chain/verify';
import type { Report } from '@nexus/audit-chain/verify-report';
import { VaultError } from '@nexus/vault/key-provider';
import type { Vault } from '@nexus/vault/vault';
import { nameCheckpointKey } from '../audit/chain-position.js';
import { renderExport } from '../audit/render-export.js';
import {
  nameTarget,
  type SealedRow,
  type SealedTarget,
  sealedTargets,
  toBlobContext,
} from '../domain/sealed-targets.js';
import type { Database, Stores } from '../stores/database.js';
import { commandExits } from './backup-error.js';
import type { Rollback } from './rollback.js';
import { sortNotes } from './sort-notes.js';

export interface VerifyInput {
  readonly database: Database;
  readonly vault: Vault;
  /** Notes kept outside of the database. */
  readonly notes: readonly string[];
  /** Files that hold what was pruned from the log. */
  readonly archives: NonNullable<VerifyOptions['archives']>;
  /** Whether checkpoints that the log ends before are to be given up. */
  readonly acceptRollback: boolean;
  /** Whether findings of `acceptableCodes` are to be lived with. */
  readonly acceptDamage: boolean;
}

/** What an operator has decided to live with. */
export interface Damage {
  /** Of the findings, ascending. */
  readonly codes: readonly number[];
  /** How many findings there are. */
  readonly count: number;
}

export interface Finding {
  readonly code: number;
  readonly message: string;
}

export interface DatabaseReport {
  /** 0, or that of the gravest finding that is not accepted. */
  readonly exitCode: number;
  /** At most a hundred. */
  readonly findings: readonly Finding[];
  readonly findingCount: number;
  /** Null where no damage was accepted. */
  readonly damage: Damage | null;
  readonly notices: readonly string[];
  /** Null where the pages are damaged: nothing else was looked at. */
  readonly log: Report | null;
  /** Sealed values that opened. */
  readonly opened: number;
  /** What would be given up; null when the log goes through every checkpoint. */
  readonly rollback: Rollback | null;
}

/** In which order kinds of findings decide the exit code. */
const gravest = [
  commandExits.unreadable,
  commandExits.entry,
  commandExits.chain,
  commandExits.checkpoint,
  commandExits.history,
  commandExits.archive,
  commandExits.store,
];
/** Damage to what was stored. Pages that cannot be read, false signatures and lost history are another matter. */
const acceptableCodes: readonly number[] = [
  commandExits.entry,
  commandExits.chain,
  commandExits.store,
  commandExits.archive,
];
const pageSize = 200;
const listedFindings = 100;

/** A report on pages that SQL cannot be asked about. */
export function reportDamage(damage: readonly string[]): DatabaseReport {
  const findings = damage.map((message) => ({ code: commandExits.unreadable, message }));
  return {
    exitCode: commandExits.unreadable,
    findings,
    findingCount: findings.length,
    damage: null,
    notices: [],
    log: null,
    opened: 0,
    rollback: null,
  };
}

/** @throws what the database throws. */
export async function verifyDatabase(input: VerifyInput): Promise<DatabaseReport> {
  const { database, vault } = input;
  const { stores } = database;
  const values = new SealedValues(stores, vault);
  const known = await sortNotes(database.stores, vault, input.notes);
  const log = await verifyLog(renderExport(standingStill(stores), { fromSeq: null, toSeq: null }), {
    verifierKeys: vault.publicKeys().map(({ keyId, publicKey }) => ({ name: nameCheckpointKey(keyId), publicKey })),
    externalCheckpoints: known.covered,
    archives: input.archives,
    store: { blobs: () => values.read() },
    checkMac: createMacCheck(vault),
  });
  const { rollback, givenUp } = known;
  const history = known.forged.map(describeForged);
  if (rollback !== null && !input.acceptRollback) history.push(describeRollback(rollback));
  const logged = log.problems.map(({ code, message }) => ({ code, message }));
  return {
    ...judgeFindings(countByCode(log, values, history), input.acceptDamage),
    findings: [...history, ...logged, ...values.findings].slice(0, listedFindings),
    notices: givenUp === 0 ? log.notices : [...log.notices, `${givenUp} external checkpoints were given up`],
    log,
    opened: values.opened,
    rollback,
  };
}

/** A finding that is not listed decides like any other. */
function countByCode(log: Report, values: SealedValues, history: readonly Finding[]): ReadonlyMap<number, number> {
  const counts = new Map(Object.entries(log.problemsByCode).map(([code, count]) => [Number(code), count]));
  const add = (code: number, count: number) => counts.set(code, (counts.get(code) ?? 0) + count);
  if (values.failed > 0) add(commandExits.store, values.failed);
  for (const { code } of history) add(code, 1);
  return counts;
}

function judgeFindings(counts: ReadonlyMap<number, number>, acceptDamage: boolean) {
  const accepted = acceptDamage ? acceptableCodes.filter((code) => counts.has(code)) : [];
  const sum = (codes: Iterable<number>) => [...codes].reduce((total, code) => total + (counts.get(code) ?? 0), 0);
  return {
    exitCode: gravest.find((code) => counts.has(code) && !accepted.includes(code)) ?? commandExits.good,
    findingCount: sum(counts.keys()),
    damage: accepted.length === 0 ? null : { codes: accepted.toSorted(), count: sum(accepted) },
  };
}

function describeForged({ size }: Checkpoint): Finding {
  const message = `the signature of the external checkpoint ${size} is false: no Broker wrote that line; remove it`;
  return { code: commandExits.checkpoint, message };
}

function describeRollback({ size, abandonedSize, abandonedAt }: Rollback): Finding {
  const message = `a checkpoint of ${abandonedSize} entries, made ${abandonedAt}, is not among those of the log, which may lack what came after entry ${size}`;
  return { code: commandExits.history, message };
}

/** Nobody seals what waits here to be sealed, so its age counts from the last sign of life. */
function standingStill({ audit, auditChain }: Stores): Parameters<typeof renderExport>[0] {
  const now = async () => (await audit.list({ limit: 1 }))[0]?.entry.createdAt ?? (await auditChain.now());
  return { audit, auditChain: { ...auditChain, now } };
}

function createMacCheck(vault: Vault): NonNullable<VerifyOptions['checkMac']> {
  return (entryHash, mac, macKey) => {
    try {
      return Buffer.compare(vault.mac(entryHash, macKey).mac, mac) === 0;
    } catch {
      // The row names a key that is not in the ring, or one of another purpose.
      return false;
    }
  };
}

/** Opens every sealed value on its way to the comparison with the log. */
class SealedValues {
  readonly #stores: Stores;
  readonly #vault: Vault;
  readonly findings: Finding[] = [];
  opened = 0;
  /** Findings, listed or not. */
  failed = 0;

  constructor(stores: Stores, vault: Vault) {
    this.#stores = stores;
    this.#vault = vault;
  }

  async *read(): AsyncGenerator<WitnessedBlob> {
    for (const target of sealedTargets) {
      for await (const sealed of this.#list(target)) {
        this.#open(target, sealed);
        if (!target.isWitnessed) continue;
        yield { table: target.table, row: sealed.row, blob_sha256: hash('sha256', sealed.blob, 'hex') };
      }
    }
  }

  async *#list(target: SealedTarget): AsyncGenerator<SealedRow> {
    let after = '';
    try {
      for (;;) {
        const rows = await this.#stores.sealedBlobs.list(target, { row: null, after, limit: pageSize });
        yield* rows;
        const last = rows.at(-1);
        if (last === undefined) return;
        after = last.row;
      }
    } catch (error) {
      // Bytes that are not even the form of a sealed value cannot be read past.
      this.#note(`a value of ${nameTarget(target)} after the row "${after}" is no sealed value`, error);
    }
  }

  #open(target: SealedTarget, sealed: SealedRow): void {
    try {
      this.#vault.open(sealed.blob, toBlobContext(target, sealed)).fill(0);
      this.opened += 1;
    } catch (error) {
      this.#note(`${nameTarget(target)} of ${sealed.row} does not open`, error);
    }
  }

  #note(what: string, error: unknown): void {
    if (!(error instanceof VaultError)) throw error;
    const message = `${what}: ${error.message}`;
    this.failed += 1;
    if (this.findings.length < listedFindings) this.findings.push({ code: commandExits.store, message });
  }
}

interface WitnessedBlob {
  readonly table: string;
  readonly row: string;
  readonly blob_sha256: string;
}
