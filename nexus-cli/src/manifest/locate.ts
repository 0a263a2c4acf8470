/** Where in its file a value of a YAML document stands. */
import { type Document, isAlias, isMap, isScalar, isSeq, type LineCounter, type Node } from 'yaml';
import type { Place } from './problem.js';

export type Path = readonly PropertyKey[];

export interface ManifestDocument {
  readonly file: string;
  readonly source: string;
  readonly document: Document.Parsed;
  readonly lines: LineCounter;
}

export function placeAt({ file, lines }: Pick<ManifestDocument, 'file' | 'lines'>, offset: number): Place {
  const { line, col } = lines.linePos(offset);
  return { file, line: Math.max(line, 1), column: Math.max(col, 1) };
}

/** The value at the path, or the nearest thing around it that there is; with `key`, the name of that member of it. */
export function locate(source: ManifestDocument, path: Path, key: string | null = null): Place {
  const { document } = source;
  let node = resolve(document, document.contents);
  let offset = node?.range?.[0] ?? 0;
  for (const step of path) {
    const next = findMember(node, step);
    if (next === null) break;
    offset = next.value?.range?.[0] ?? next.key?.range?.[0] ?? offset;
    node = resolve(document, next.value);
  }
  if (key !== null) offset = findMember(node, key)?.key?.range?.[0] ?? offset;
  return placeAt(source, offset);
}

function resolve(document: Document.Parsed, node: unknown): Node | null {
  if (isAlias(node)) return node.resolve(document) ?? null;
  return (node ?? null) as Node | null;
}

interface Member {
  readonly key: Node | null;
  readonly value: Node | null;
}

function findMember(node: Node | null, step: PropertyKey): Member | null {
  if (isMap(node)) {
    const pair = node.items.find(({ key }) => isScalar(key) && String(key.value) === String(step));
    return pair === undefined ? null : { key: pair.key as Node, value: pair.value as Node | null };
  }
  if (!isSeq(node)) return null;
  const value = node.items[Number(step)];
  return value === undefined ? null : { key: null, value: value as Node };
}
