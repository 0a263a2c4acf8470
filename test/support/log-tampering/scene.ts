/** A log under the hands of somebody who owns its database, and the tools he has: everything but the keys. */
import type { StoredEntry } from '@nexus/audit-chain/export-format';
import type { LogFixture } from '@nexus/audit-chain/log-fixture';
import {
  createLink,
  createSigner,
  createStored,
  type EntryFields,
  type LinkRow,
  type LogTables,
  type Signer,
  sealText,
  signCheckpoint,
} from '@nexus/audit-chain/log-rows-fixture';
import { hashNote, readSignedNote } from '@nexus/audit-chain/signed-note';
import type { SeededRandom } from '../seeded-random.js';

export interface Scene {
  readonly log: Pick<LogFixture, 'now' | 'size'>;
  readonly tables: LogTables;
  readonly random: SeededRandom;
}

/** Changes the tables in place. The exit code that must tell of it, or null where the log has nothing of the kind. */
export type Manipulation = (scene: Scene) => number | null;

/** The name of the Broker's first key, and another key behind it. */
export const stranger: Signer = createSigner('nexus-5', 'somebody else');
const strangersMacKey = 'not the audit key';
/** Long before anything that a Broker might still be about to seal. */
export const longAgo = '2026-01-01T00:00:00.500Z';

/** The last entry that a checkpoint covers. */
export function covered({ tables }: Scene): number {
  return tables.checkpoints.at(-1)?.size ?? 0;
}

/** The place of a link that a checkpoint covers, neither the first nor the last of those. */
export function innerPlace(scene: Scene): number {
  const inner = scene.tables.links.filter(({ seq }) => seq <= covered(scene)).length - 2;
  return 1 + scene.random.below(inner);
}

export function anyPlace({ tables, random }: Scene): number {
  return random.below(tables.links.length);
}

export function linkAt({ tables }: Scene, place: number): LinkRow {
  return tables.links[place] as LinkRow;
}

export function eventOf({ tables }: Scene, { event_id: id }: LinkRow): StoredEntry {
  return tables.events.find(({ columns }) => columns.id === id) as StoredEntry;
}

export function replaceEvent({ tables }: Scene, id: string, change: (event: StoredEntry) => StoredEntry): void {
  tables.events = tables.events.map((event) => (event.columns.id === id ? change(event) : event));
}

export function removeEvent({ tables }: Scene, id: string): void {
  tables.events = tables.events.filter((event) => event.columns.id !== id);
}

export function flipHex(hex: string, random: SeededRandom): string {
  const at = random.below(hex.length);
  const digit = (Number.parseInt(hex.charAt(at), 16) + 1 + random.below(15)) % 16;
  return hex.slice(0, at) + digit.toString(16) + hex.slice(at + 1);
}

/** Another text for the same entry, as good as the first. */
export function editText(text: string): string {
  return text.replace(
    /"outcome":"\w+"/,
    (outcome) => `"outcome":"${outcome.includes('refused') ? 'success' : 'refused'}"`,
  );
}

/** An entry that no Broker wrote, with columns, hash and a mac of the right form. */
export function forgeEntry({ tables, random }: Scene, fields: EntryFields, createdAt: string): StoredEntry {
  const id = `01J${String(random.below(1_000_000_000)).padStart(23, 'F')}`;
  const forged = createStored({ id, created_at: createdAt, ...fields }, strangersMacKey);
  tables.events.push(forged);
  return forged;
}

/** An entry with a link after the last one, as good as a link can be. */
export function forgeSealed(scene: Scene, fields: EntryFields): void {
  const { tables } = scene;
  const event = forgeEntry(scene, fields, longAgo);
  tables.links.push(createLink(tables.links.at(-1) ?? null, event));
}

/** Makes the links from this place on anew, over what the tables hold, so that they fit again. */
export function recompute(scene: Scene, place: number): void {
  const { tables } = scene;
  for (let at = place; at < tables.links.length; at++) {
    const { seq, prev_hash } = linkAt(scene, at);
    const previous = at === 0 ? { seq: seq - 1, event_id: '', prev_hash: '', hash: prev_hash } : linkAt(scene, at - 1);
    tables.links[at] = createLink(previous, eventOf(scene, linkAt(scene, at)));
  }
}

/** Changes an entry and makes everything that follows from it fit again. */
export function rewrite(scene: Scene): void {
  const place = innerPlace(scene);
  replaceEvent(scene, linkAt(scene, place).event_id, ({ entry }) => sealText(editText(entry), strangersMacKey));
  recompute(scene, place);
}

/** Signs the checkpoints from this place on with a key of one's own, for the chain as it is. */
export function signAnew({ tables }: Scene, from: number): void {
  for (const [at, row] of tables.checkpoints.entries()) {
    const note = readSignedNote(row.note);
    if (at < from || note === null) continue;
    const head = tables.links.find(({ seq }) => seq === row.size);
    const previous = tables.checkpoints[at - 1];
    tables.checkpoints[at] = signCheckpoint(stranger, {
      size: row.size,
      headHash: head === undefined ? note.checkpoint.headHash : Buffer.from(head.hash, 'hex'),
      previousNoteHash: previous === undefined ? new Uint8Array(32) : hashNote(previous.note),
      createdAt: row.created_at,
    });
  }
}

/** Cuts off the links from this place on, with their entries. */
export function cutTail(scene: Scene, place: number): void {
  const { tables } = scene;
  for (const { event_id } of tables.links.splice(place)) removeEvent(scene, event_id);
}

export function dropCheckpointsBeyondEnd({ tables }: Scene): void {
  const last = tables.links.at(-1)?.seq ?? 0;
  tables.checkpoints = tables.checkpoints.filter(({ size }) => size <= last);
}
