/** What was read of a log so far: its chain, its checkpoints, and what its entries say about the log itself. */
import { KeyTrust } from './key-trust.js';
import type { VerifierKey } from './signed-note.js';
import { ChainReader, type MacCheck } from './verify-chain.js';
import { CheckpointReader } from './verify-checkpoints.js';
import type { ReadEntry } from './verify-entry.js';
import { ExternalCheckpoints } from './verify-external.js';
import { type Period, PeriodCounter } from './verify-period.js';
import type { Problems } from './verify-report.js';
import { WitnessedStore } from './verify-store.js';

interface ReadLogOptions {
  readonly verifierKeys?: readonly VerifierKey[];
  readonly externalCheckpoints?: readonly string[];
  readonly checkMac?: MacCheck;
  readonly period?: Period;
}

/** What an entry says was pruned. */
export interface Pruned {
  readonly from: unknown;
  readonly to: unknown;
  readonly sha256: unknown;
}

export class ReadLog {
  readonly chain: ChainReader;
  readonly trust: KeyTrust;
  readonly checkpoints: CheckpointReader;
  readonly external: ExternalCheckpoints;
  readonly store = new WitnessedStore();
  readonly period: PeriodCounter | null;
  readonly pruned: Pruned[] = [];
  readonly #keepsWitnesses: boolean;

  constructor(problems: Problems, options: ReadLogOptions, keepsWitnesses: boolean) {
    this.chain = new ChainReader(problems, options.checkMac ?? null);
    this.trust = new KeyTrust(options.verifierKeys ?? []);
    this.checkpoints = new CheckpointReader({ problems, chain: this.chain, trust: this.trust });
    this.external = new ExternalCheckpoints(options.externalCheckpoints ?? []);
    this.period = options.period === undefined ? null : new PeriodCounter(options.period);
    this.#keepsWitnesses = keepsWitnesses;
  }

  /** Takes what an entry says; `seq` is null for one that is not sealed, which only the store is compared with. */
  take(seq: number | null, entry: ReadEntry): void {
    if (this.#keepsWitnesses) this.store.entry(entry, seq !== null);
    if (seq === null) return;
    this.period?.entry(seq, entry.created_at);
    const { event_type, data } = entry;
    if (event_type === 'vault.key_added') this.trust.keyAdded(seq, data);
    else if (event_type === 'backup.rollback_accepted') this.external.rollbackAccepted(seq, entry);
    else if (event_type === 'audit.pruned') {
      this.pruned.push({ from: data['from_seq'], to: data['to_seq'], sha256: data['archive_sha256'] });
    }
  }
}
