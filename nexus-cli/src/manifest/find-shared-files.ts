import { resolve } from 'node:path';
import type { Entry, Manifest } from './entry.js';
import type { Path } from './locate.js';
import { describePlace, type Place, type Problem } from './problem.js';
import type { Sink } from './schema.js';

interface Taker {
  readonly file: string;
  readonly place: Place;
}

/** A secret would take the place of another, or of the manifest. Values with problems of their own are passed over. */
export function findSharedFiles(manifest: Manifest, manifestFiles: readonly string[]): Problem[] {
  const own = new Set(manifestFiles.map((file) => resolve(file)));
  const first = new Map<string, Taker>();
  return listTakers(manifest).flatMap((taker): Problem[] => {
    const { file, place } = taker;
    if (own.has(file)) return [{ place, message: 'write_to.file is the manifest itself' }];
    const earlier = first.get(file);
    if (earlier === undefined) first.set(file, taker);
    return earlier === undefined
      ? []
      : [{ place, message: `write_to.file is that of another secret, at ${describePlace(earlier.place)}` }];
  });
}

function listTakers({ agents = [], keys = [], webhooks = [] }: Manifest): Taker[] {
  return [
    ...agents.flatMap((agent) => {
      const own: readonly unknown[] = Array.isArray(agent.value.keys) ? agent.value.keys : [];
      return own.flatMap((key, at) => readTaker(agent, key, ['keys', at]));
    }),
    ...[...keys, ...webhooks].flatMap((entry) => readTaker(entry, entry.value, [])),
  ];
}

function readTaker({ folder, place }: Entry, value: unknown, at: Path): Taker[] {
  const file = (value as { readonly write_to?: Partial<Sink> } | null)?.write_to?.file;
  if (typeof file !== 'string' || file === '') return [];
  return [{ file: resolve(folder, file), place: place([...at, 'write_to', 'file']) }];
}
