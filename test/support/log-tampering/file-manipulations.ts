/** Manipulations of what a verifier is given beside the tables: the file itself, archives, the store. */
import { createHash } from 'node:crypto';
import type { LogFixture } from '@nexus/audit-chain/log-fixture';
import type { SeededRandom } from '../seeded-random.js';

export interface LogFiles {
  export: string;
  readonly external: string;
  archives: readonly { readonly name: string; readonly text: string }[];
  store: string;
}

/** Changes the files in place. The exit code that must tell of it, or null where there is nothing of the kind. */
export type FileManipulation = (files: LogFiles, random: SeededRandom) => number | null;

export function writeLogFiles(log: LogFixture): LogFiles {
  return { export: log.export(), external: log.external(), archives: [...log.archives], store: log.storeLines() };
}

function editArchive(edit: (text: string, random: SeededRandom) => string): FileManipulation {
  return (files, random) => {
    if (files.archives.length === 0) return null;
    const chosen = random.below(files.archives.length);
    files.archives = files.archives.map(({ name, text }, at) => ({
      name,
      text: at === chosen ? edit(text, random) : text,
    }));
    return 15;
  };
}

function replaceAt(text: string, at: number): string {
  return text.slice(0, at) + (text[at] === '1' ? '2' : '1') + text.slice(at + 1);
}

/** Values of these tables must be there. */
function pickStored(files: LogFiles, random: SeededRandom): number | null {
  const lines = files.store.trimEnd().split('\n');
  const places = lines.flatMap((line, at) => (/"table":"(connection|provider)"/.test(line) ? [at] : []));
  return places[random.below(places.length)] ?? null;
}

function editStore(edit: (lines: string[], at: number) => void): FileManipulation {
  return (files, random) => {
    const at = pickStored(files, random);
    if (at === null) return null;
    const lines = files.store.trimEnd().split('\n');
    edit(lines, at);
    files.store = lines.map((line) => `${line}\n`).join('');
    return 14;
  };
}

const otherSha256 = createHash('sha256').update('a value of another time').digest('hex');

export const fileManipulations: Readonly<Record<string, FileManipulation>> = {
  'cut the file': (files, random) => {
    files.export = files.export.slice(0, random.below(files.export.length));
    return 3;
  },
  'leave out a line': (files, random) => {
    const lines = files.export.split('\n');
    lines.splice(random.below(lines.length - 1), 1);
    files.export = lines.join('\n');
    return 3;
  },
  'put two lines in another order': (files) => {
    const lines = files.export.split('\n');
    const place = lines.findIndex((line) => line.startsWith('{"kind":"checkpoint"'));
    lines.splice(place, 0, ...lines.splice(1, 1));
    files.export = lines.join('\n');
    return 3;
  },
  'spoil a line': (files, random) => {
    const place = files.export.indexOf('"', random.below(files.export.length));
    files.export = `${files.export.slice(0, place)}\u0007${files.export.slice(place + 1)}`;
    return 3;
  },
  'edit an archive': editArchive((text, random) => replaceAt(text, random.below(text.length))),
  'cut an archive': editArchive((text, random) => text.slice(0, random.below(text.length))),
  'leave out an archive': (files, random) => {
    if (files.archives.length === 0) return null;
    const chosen = random.below(files.archives.length);
    files.archives = files.archives.filter((_, at) => at !== chosen);
    return 15;
  },
  'put an older value back': editStore((lines, at) => {
    lines[at] = (lines[at] ?? '').replace(/[0-9a-f]{64}/, otherSha256);
  }),
  'take a value away': editStore((lines, at) => {
    lines.splice(at, 1);
  }),
  'put a value in': editStore((lines, at) => {
    lines.push((lines[at] ?? '').replace(/"row":"/, '"row":"another-'));
  }),
};
