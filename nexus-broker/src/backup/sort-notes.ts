import { type Checkpoint, readSignedNote } from '@nexus/audit-chain/signed-note';
import type { Vault } from '@nexus/vault/vault';
import type { Stores } from '../stores/database.js';
import { isForged, listAccepted, type Rollback, wasGivenUp } from './rollback.js';

export interface SortedNotes {
  /** Those that are among the checkpoints of the log, and those that are none: a verification judges them. */
  readonly covered: readonly string[];
  /** What accepting the others would mean; null when there are no others. */
  readonly rollback: Rollback | null;
  /** Those whose signature is false: of no history at all. */
  readonly forged: readonly Checkpoint[];
  /** How many an accepted rollback gave up. */
  readonly givenUp: number;
}

const pageSize = 1_000;

/** Tells checkpoints of this history from those of another one, or of a later state of this one. */
export async function sortNotes(stores: Stores, vault: Vault, notes: readonly string[]): Promise<SortedNotes> {
  const stored = await readStoredNotes(stores);
  const accepted = await listAccepted({ stores, vault });
  const covered: string[] = [];
  const foreign: Checkpoint[] = [];
  const forged: Checkpoint[] = [];
  let givenUp = 0;
  for (const note of new Set(notes)) {
    const signed = stored.has(note) ? null : readSignedNote(note);
    // What the log has itself, and what is no note at all, is looked at with the log.
    if (signed === null) covered.push(note);
    else if (wasGivenUp(signed.checkpoint, accepted)) givenUp += 1;
    else (isForged(signed, vault) ? forged : foreign).push(signed.checkpoint);
  }
  return { covered, forged, givenUp, rollback: await describeRollback(stores, foreign) };
}

async function readStoredNotes({ auditChain }: Stores): Promise<ReadonlySet<string>> {
  const notes = new Set<string>();
  let from = 1;
  for (;;) {
    const page = await auditChain.listCheckpoints({ from, to: null, limit: pageSize });
    for (const { note } of page) notes.add(note);
    const last = page.at(-1);
    if (last === undefined) return notes;
    from = last.size + 1;
  }
}

async function describeRollback({ auditChain }: Stores, foreign: readonly Checkpoint[]): Promise<Rollback | null> {
  const [shortest] = [...foreign].sort((one, other) => one.size - other.size);
  const longest = [...foreign].sort((one, other) => other.size - one.size)[0];
  if (shortest === undefined || longest === undefined) return null;
  const end = (await auditChain.head())?.seq ?? 0;
  const size = Math.min(end, shortest.size - 1);
  const link = await auditChain.find(size);
  return {
    size,
    head: link === null ? null : toHex(link.hash),
    abandonedSize: longest.size,
    abandonedHead: toHex(longest.headHash),
    abandonedAt:
      foreign
        .map(({ createdAt }) => createdAt)
        .sort()
        .at(-1) ?? '',
  };
}

function toHex(bytes: Uint8Array): string {
  return Buffer.from(bytes).toString('hex');
}
