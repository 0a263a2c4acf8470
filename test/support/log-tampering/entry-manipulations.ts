/** Manipulations of entries and links. */
import type { EntryColumns, StoredEntry } from '@nexus/audit-chain/export-format';
import { createLink, sealText } from '@nexus/audit-chain/log-rows-fixture';
import {
  anyPlace,
  editText,
  eventOf,
  flipHex,
  forgeEntry,
  forgeSealed,
  innerPlace,
  linkAt,
  longAgo,
  type Manipulation,
  recompute,
  removeEvent,
  replaceEvent,
  type Scene,
} from './scene.js';

const columns = [
  'created_at',
  'event_type',
  'outcome',
  'actor_id',
  'connection_ref',
  'resource_id',
  'agent_id',
  'workspace_id',
] as const satisfies readonly (keyof EntryColumns)[];
const forged = { event_type: 'token.retrieved', connection_ref: 'c1', data: { version: 99 } };

function editSealed(change: (event: StoredEntry, scene: Scene) => StoredEntry): Manipulation {
  return (scene) => {
    replaceEvent(scene, linkAt(scene, anyPlace(scene)).event_id, (event) => change(event, scene));
    return 10;
  };
}

function editColumn(column: keyof EntryColumns): Manipulation {
  return editSealed((event) => {
    const other = event.columns[column] === null || column === 'id' ? `another ${column}` : null;
    const value = ['created_at', 'event_type', 'outcome'].includes(column) ? `another ${column}` : other;
    return { ...event, columns: { ...event.columns, [column]: value } };
  });
}

const edits: Readonly<Record<string, Manipulation>> = {
  'edit the text': editSealed((event) => ({ ...event, entry: editText(event.entry) })),
  'edit one character': editSealed((event, { random }) => {
    // Half a character would make the whole export unreadable.
    const at = event.entry.lastIndexOf('"', random.below(event.entry.length)) + 1;
    const other = event.entry[at] === 'a' ? 'b' : 'a';
    return { ...event, entry: event.entry.slice(0, at) + other + event.entry.slice(at + 1) };
  }),
  'edit the text with its hash': editSealed((event) => {
    const { entry, entry_hash, columns: said } = sealText(editText(event.entry), '');
    return { ...event, entry, entry_hash, columns: said };
  }),
  'edit the text with hash and mac': editSealed((event) => sealText(editText(event.entry), 'not the audit key')),
  'edit the hash of an entry': editSealed((event, { random }) => ({
    ...event,
    entry_hash: flipHex(event.entry_hash, random),
  })),
  'edit the mac': editSealed((event, { random }) => ({ ...event, mac: flipHex(event.mac, random) })),
  'cut the mac': editSealed((event) => ({ ...event, mac: event.mac.slice(2) })),
  'edit the number of the mac key': editSealed((event) => ({ ...event, mac_key: event.mac_key + 1 })),
  'edit the id of an entry': editColumn('id'),
  ...Object.fromEntries(columns.map((column) => [`edit the column ${column}`, editColumn(column)])),
  'edit an unsealed entry': ({ tables }) => {
    const event = tables.events.at(-1);
    if (event === undefined) return null;
    tables.events[tables.events.length - 1] = { ...event, entry: editText(event.entry) };
    return 10;
  },
};

/** Links from some place on have other numbers, and fit each other again. */
function renumber(shift: number): Manipulation {
  return (scene) => {
    const place = innerPlace(scene);
    const before = linkAt(scene, place - 1);
    const event = eventOf(scene, linkAt(scene, place));
    scene.tables.links[place] = createLink({ ...before, seq: before.seq + shift }, event);
    recompute(scene, place + 1);
    return 11;
  };
}

const linkEdits: Readonly<Record<string, Manipulation>> = {
  'edit prev_hash': (scene) => {
    const link = linkAt(scene, anyPlace(scene));
    const isAfterArchive = link === linkAt(scene, 0) && link.seq > 1;
    link.prev_hash = flipHex(link.prev_hash, scene.random);
    return isAfterArchive ? 15 : 11;
  },
  'edit hash': (scene) => {
    const place = anyPlace(scene);
    const link = linkAt(scene, place);
    link.hash = flipHex(link.hash, scene.random);
    return place === scene.tables.links.length - 1 ? 10 : 11;
  },
  'edit seq': (scene) => {
    linkAt(scene, anyPlace(scene)).seq = scene.log.size + 1 + scene.random.below(9);
    return 11;
  },
  'cut prev_hash': (scene) => {
    const link = linkAt(scene, innerPlace(scene));
    link.prev_hash = link.prev_hash.slice(2);
    return 11;
  },
  'leave numbers out and recompute': renumber(3),
  'use a number twice and recompute': renumber(-1),
  'let a link name an entry that is not there': (scene) => {
    linkAt(scene, anyPlace(scene)).event_id = '01J0000000000000000000NONE';
    return 11;
  },
  'swap the entries of two links': (scene) => {
    const [a, b] = [linkAt(scene, 0), linkAt(scene, innerPlace(scene))];
    [a.event_id, b.event_id] = [b.event_id, a.event_id];
    return 10;
  },
  'swap two links': (scene) => {
    const [a, b] = [linkAt(scene, 0), linkAt(scene, innerPlace(scene))];
    [a.seq, b.seq] = [b.seq, a.seq];
    return 11;
  },
  'swap two links with what they hold': (scene) => {
    const [a, b] = [linkAt(scene, 1), linkAt(scene, 1 + innerPlace(scene))];
    if (a === b) return null;
    [a.seq, b.seq] = [b.seq, a.seq];
    [a.prev_hash, b.prev_hash] = [b.prev_hash, a.prev_hash];
    return 11;
  },
};

const removals: Readonly<Record<string, Manipulation>> = {
  'delete an entry': (scene) => {
    removeEvent(scene, linkAt(scene, anyPlace(scene)).event_id);
    return 11;
  },
  'delete a link': (scene) => {
    scene.tables.links.splice(innerPlace(scene), 1);
    return 11;
  },
  'delete an entry and its link': (scene) => {
    const [link] = scene.tables.links.splice(innerPlace(scene), 1);
    removeEvent(scene, link?.event_id ?? '');
    return 11;
  },
  'delete the first entries and their links': (scene) => {
    for (const { event_id } of scene.tables.links.splice(0, innerPlace(scene))) removeEvent(scene, event_id);
    return 15;
  },
  'delete all links': ({ tables }) => {
    tables.links = [];
    return 11;
  },
};

const additions: Readonly<Record<string, Manipulation>> = {
  'insert an entry': (scene) => {
    forgeEntry(scene, forged, longAgo);
    return 11;
  },
  'insert an entry of tomorrow': (scene) => {
    forgeEntry(scene, forged, new Date(Date.parse(scene.log.now) + 86_400_000).toISOString());
    return 11;
  },
  'insert an entry with a link of its own': (scene) => {
    const { links } = scene.tables;
    const place = innerPlace(scene);
    const link = createLink(linkAt(scene, place), forgeEntry(scene, forged, longAgo));
    for (const later of links.slice(place + 1)) later.seq += 1;
    links.splice(place + 1, 0, link);
    return 11;
  },
  'seal an entry twice': (scene) => {
    const { links } = scene.tables;
    links.push(createLink(links.at(-1) ?? null, eventOf(scene, linkAt(scene, anyPlace(scene)))));
    return 11;
  },
  'double an entry': (scene) => {
    const id = linkAt(scene, anyPlace(scene)).event_id;
    scene.tables.events.push(...scene.tables.events.filter((event) => event.columns.id === id));
    return 11;
  },
  'copy an entry under another id': (scene) => {
    const id = linkAt(scene, anyPlace(scene)).event_id;
    const copies = scene.tables.events.filter((event) => event.columns.id === id);
    const copy = (event: StoredEntry) => ({
      ...event,
      columns: { ...event.columns, id: '01J0000000000000000000COPY' },
    });
    scene.tables.events.push(...copies.map(copy));
    return 10;
  },
  'append an entry in place of the last ones': (scene) => {
    const { tables } = scene;
    const place = innerPlace(scene);
    const count = tables.links.length - place;
    for (const { event_id } of tables.links.splice(place)) removeEvent(scene, event_id);
    for (let n = 0; n < count; n++) forgeSealed(scene, forged);
    return 13;
  },
};

export const entryManipulations: Readonly<Record<string, Manipulation>> = {
  ...edits,
  ...linkEdits,
  ...removals,
  ...additions,
};
