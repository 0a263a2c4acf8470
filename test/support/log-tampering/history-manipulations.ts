/** Manipulations of checkpoints, and of the whole history so that it fits again. */
import { createLink, signCheckpoint } from '@nexus/audit-chain/log-rows-fixture';
import { encodeVerifierKey, hashNote } from '@nexus/audit-chain/signed-note';
import {
  covered,
  cutTail,
  dropCheckpointsBeyondEnd,
  flipHex,
  forgeEntry,
  forgeSealed,
  innerPlace,
  linkAt,
  longAgo,
  type Manipulation,
  recompute,
  rewrite,
  type Scene,
  signAnew,
  stranger,
} from './scene.js';

function anyCheckpoint({ tables, random }: Scene): number {
  return random.below(tables.checkpoints.length);
}

/** Edits one line of a note, counted from 0, or its signature line (6). */
function editNote(line: number, edit: (text: string, scene: Scene) => string): Manipulation {
  return (scene) => {
    const row = scene.tables.checkpoints[anyCheckpoint(scene)];
    if (row === undefined) return null;
    const lines = row.note.split('\n');
    lines[line] = edit(lines[line] ?? '', scene);
    row.note = lines.join('\n');
    return 12;
  };
}

function editBase64(text: string, { random }: Scene): string {
  const bytes = Buffer.from(text, 'base64');
  return Buffer.from(flipHex(bytes.toString('hex'), random), 'hex').toString('base64');
}

const checkpoints: Readonly<Record<string, Manipulation>> = {
  'delete a checkpoint': ({ tables, random }) => {
    if (tables.checkpoints.length < 2) return null;
    tables.checkpoints.splice(random.below(tables.checkpoints.length - 1), 1);
    return 12;
  },
  'delete the last checkpoint': ({ tables }) => {
    tables.checkpoints.pop();
    return 13;
  },
  'delete all checkpoints': ({ tables }) => {
    tables.checkpoints = [];
    return 13;
  },
  'edit the size in a note': editNote(1, (text) => String(Number(text) + 1)),
  'edit the head in a note': editNote(2, editBase64),
  'edit the previous hash in a note': editNote(3, editBase64),
  'edit the time in a note': editNote(4, () => longAgo),
  'edit the origin in a note': editNote(0, (text) => `${text}0`),
  'edit the signature of a note': editNote(6, (text, scene) => {
    const [dash, name, signed = ''] = text.split(' ');
    return [dash, name, editBase64(signed, scene)].join(' ');
  }),
  'cut a note': (scene) => {
    const row = scene.tables.checkpoints[anyCheckpoint(scene)];
    if (row === undefined) return null;
    row.note = row.note.slice(0, scene.random.below(row.note.length));
    return 12;
  },
  'edit the size of a checkpoint': (scene) => {
    const row = scene.tables.checkpoints[anyCheckpoint(scene)];
    if (row === undefined) return null;
    row.size += 1;
    return 12;
  },
  'edit the time of a checkpoint': (scene) => {
    const row = scene.tables.checkpoints[anyCheckpoint(scene)];
    if (row === undefined) return null;
    row.created_at = longAgo;
    return 12;
  },
  'swap the notes of two checkpoints': ({ tables }) => {
    const [a, b] = [tables.checkpoints[0], tables.checkpoints.at(-1)];
    if (a === undefined || b === undefined || a === b) return null;
    [a.note, b.note] = [b.note, a.note];
    return 12;
  },
  'double a checkpoint': (scene) => {
    const row = scene.tables.checkpoints[anyCheckpoint(scene)];
    if (row !== undefined) scene.tables.checkpoints.push({ ...row });
    return 12;
  },
  'sign a checkpoint with another key': (scene) => {
    signAnew(scene, scene.tables.checkpoints.length - 1);
    return 12;
  },
  'sign all checkpoints with another key': (scene) => {
    signAnew(scene, 0);
    return 12;
  },
  'add a checkpoint with another key': ({ tables, log }) => {
    const [last, link] = [tables.checkpoints.at(-1), tables.links.at(-1)];
    if (last === undefined || link === undefined || link.seq === last.size) return null;
    const values = { size: link.seq, headHash: Buffer.from(link.hash, 'hex'), createdAt: log.now };
    tables.checkpoints.push(signCheckpoint(stranger, { ...values, previousNoteHash: hashNote(last.note) }));
    return 12;
  },
};

const histories: Readonly<Record<string, Manipulation>> = {
  'edit and recompute': (scene) => {
    rewrite(scene);
    return 13;
  },
  'edit, recompute, and delete the checkpoints': (scene) => {
    rewrite(scene);
    scene.tables.checkpoints = [];
    return 13;
  },
  'edit, recompute, and sign anew': (scene) => {
    rewrite(scene);
    signAnew(scene, 0);
    return 12;
  },
  'edit, recompute, and have the log name the key that signs anew': (scene) => {
    const { tables } = scene;
    const place = innerPlace(scene);
    const data = { key_id: '5', purpose: 'checkpoint', public_key: encodeVerifierKey(stranger) };
    const named = forgeEntry(scene, { event_type: 'vault.key_added', data }, longAgo);
    tables.links.splice(place + 1, 0, createLink(linkAt(scene, place), named));
    for (const link of tables.links.slice(place + 2)) link.seq += 1;
    recompute(scene, place + 1);
    const first = tables.checkpoints.findIndex(({ size }) => size > linkAt(scene, place).seq);
    signAnew(scene, first);
    return 12;
  },
  'insert an entry and recompute': (scene) => {
    const { tables } = scene;
    const place = innerPlace(scene);
    const event = forgeEntry(scene, { event_type: 'token.retrieved' }, longAgo);
    tables.links.splice(place + 1, 0, createLink(linkAt(scene, place), event));
    recompute(scene, place + 1);
    return 13;
  },
  'delete an entry and recompute': (scene) => {
    const place = innerPlace(scene);
    const { event_id } = linkAt(scene, place);
    scene.tables.links.splice(place, 1);
    scene.tables.events = scene.tables.events.filter((event) => event.columns.id !== event_id);
    recompute(scene, place);
    return 13;
  },
  'swap two entries and recompute': (scene) => {
    const place = innerPlace(scene);
    const [a, b] = [linkAt(scene, place), linkAt(scene, place + 1)];
    [a.event_id, b.event_id] = [b.event_id, a.event_id];
    recompute(scene, place);
    return 13;
  },
  'cut the tail': (scene) => {
    cutTail(scene, innerPlace(scene));
    return 13;
  },
  'cut the tail with its checkpoints': (scene) => {
    cutTail(scene, innerPlace(scene));
    dropCheckpointsBeyondEnd(scene);
    return 13;
  },
  'cut the tail, with an entry that says it was accepted': (scene) => {
    const [abandoned, place] = [covered(scene), innerPlace(scene)];
    cutTail(scene, place);
    dropCheckpointsBeyondEnd(scene);
    const data = { size: linkAt(scene, place - 1).seq, abandoned_size: abandoned };
    forgeSealed(scene, { event_type: 'backup.rollback_accepted', data });
    return 13;
  },
  'go back to an earlier checkpoint': (scene) => {
    const { tables, random } = scene;
    const places = tables.checkpoints.slice(0, -1).filter(({ size }) => size >= linkAt(scene, 0).seq);
    const chosen = places[random.below(places.length)];
    if (chosen === undefined) return null;
    cutTail(scene, tables.links.findIndex(({ seq }) => seq === chosen.size) + 1);
    dropCheckpointsBeyondEnd(scene);
    return 13;
  },
  'empty the tables': ({ tables }) => {
    tables.events = [];
    tables.links = [];
    tables.checkpoints = [];
    return 13;
  },
};

export const historyManipulations: Readonly<Record<string, Manipulation>> = { ...checkpoints, ...histories };
