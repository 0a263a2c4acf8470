/** The text of one file, read as manifests: every problem it has, and what stands where. */
import {
  type Document,
  isAlias,
  isMap,
  isScalar,
  isSeq,
  LineCounter,
  parseAllDocuments,
  type Scalar,
  visit,
} from 'yaml';
import type { z } from 'zod';
import { findReferences, interpolate, listReferences, type Sources } from './interpolate.js';
import { locate, type ManifestDocument, type Path, placeAt } from './locate.js';
import type { Problem } from './problem.js';
import { type ManifestText, manifestSchema } from './schema.js';

export interface ParsedDocument {
  readonly source: ManifestDocument;
  /** What it seems to say where it has problems; null where not even that is known. */
  readonly manifest: ManifestText | null;
  readonly problems: readonly Problem[];
  /** By dotted path, the references that a value was read with, such as `${NAME}`. */
  readonly references: ReadonlyMap<string, string>;
}

export interface ManifestFile {
  readonly file: string;
  readonly text: string;
}

/** A document of nothing but comments says nothing. */
export function parseManifest({ file, text }: ManifestFile, sources: Sources): readonly ParsedDocument[] {
  const lines = new LineCounter();
  const documents = parseAllDocuments(text, { lineCounter: lines, prettyErrors: false });
  // With an empty text there is one more thing than a list of documents.
  const list = Array.isArray(documents) ? documents : [];
  return list
    .filter(({ contents, errors }) => errors.length > 0 || (contents !== null && !isNothing(contents)))
    .map((document) => readDocument({ file, source: text, document, lines }, sources));
}

function isNothing(node: unknown): boolean {
  return isScalar(node) && node.value === null;
}

function readDocument(source: ManifestDocument, sources: Sources): ParsedDocument {
  const { document } = source;
  const syntax = [...document.errors, ...document.warnings].map(({ pos, message }) => ({
    place: placeAt(source, pos[0]),
    message,
  }));
  // What a broken document seems to say would only hide where it is broken.
  if (syntax.length > 0) return { source, manifest: null, problems: syntax, references: new Map() };
  const filled = new Map<unknown, string>();
  const unresolved = interpolateScalars(source, sources, filled);
  let value: unknown;
  try {
    value = document.toJS();
  } catch (error) {
    const message = error instanceof Error ? error.message : String(error);
    return { source, manifest: null, problems: [{ place: placeAt(source, 0), message }], references: new Map() };
  }
  const parsed = manifestSchema.safeParse(value);
  const broken = new Set(unresolved.map(({ place }) => `${place.line}:${place.column}`));
  const mistaken = (parsed.error?.issues ?? []).flatMap((issue) => describeIssue(source, issue));
  // A value that could not be filled in is wrong for that reason alone.
  const problems = [
    ...unresolved.map(({ at, ...problem }) => ({ ...problem, place: at })),
    ...mistaken.filter(({ place }) => !broken.has(`${place.line}:${place.column}`)),
  ];
  const references = new Map(listFilled(document, document.contents, filled, []));
  return { source, manifest: parsed.data ?? (isObject(value) ? value : null), problems, references };
}

function isObject(value: unknown): value is ManifestText {
  return typeof value === 'object' && value !== null;
}

interface Unresolved extends Problem {
  /** Of the reference; `place` is that of the whole value. */
  readonly at: Problem['place'];
}

/** Where in the value, by whatever alias, a text stands that was filled in. Merged members stand where they are merged. */
function listFilled(
  document: Document.Parsed,
  node: unknown,
  filled: ReadonlyMap<unknown, string>,
  path: readonly string[],
): [string, string][] {
  if (isAlias(node)) return listFilled(document, node.resolve(document), filled, path);
  const text = filled.get(node);
  if (text !== undefined) return [[path.join('.'), text]];
  if (isSeq(node)) return node.items.flatMap((item, at) => listFilled(document, item, filled, [...path, String(at)]));
  if (!isMap(node)) return [];
  return node.items.flatMap(({ key, value }) => {
    const name = isScalar(key) ? String(key.value) : '';
    // As a symbol it is the key of the YAML 1.1 that merges.
    if (!isScalar(key) || typeof key.value !== 'symbol') return listFilled(document, value, filled, [...path, name]);
    return [isSeq(value) ? value.items : value].flat().flatMap((one) => listFilled(document, one, filled, path));
  });
}

function interpolateScalars(source: ManifestDocument, sources: Sources, filled: Map<unknown, string>): Unresolved[] {
  const found: Unresolved[] = [];
  visit(source.document, {
    Scalar(key, node) {
      if (key === 'key' || typeof node.value !== 'string') return;
      const { text, problems } = interpolate(node.value, sources);
      const [start = 0, end = 0] = node.range ?? [];
      const offsets = findReferences(source.source.slice(start, end));
      for (const { reference, ...problem } of problems) {
        const at = placeAt(source, start + (offsets[reference] ?? 0));
        found.push({ ...problem, place: placeAt(source, start), at });
      }
      const references = listReferences(node.value);
      if (references.length > 0) filled.set(node, references.join(' '));
      if (text !== node.value) (node as Scalar<string>).value = text;
    },
  });
  return found;
}

function describeIssue(source: ManifestDocument, issue: z.core.$ZodIssue): Problem[] {
  const path = formatPath(issue.path);
  if (issue.code === 'unrecognized_keys') {
    return issue.keys.map((key) => ({
      place: locate(source, issue.path, key),
      message: `${path === '' ? '' : `${path}.`}${key} is not a known field`,
    }));
  }
  const told = issue.code === 'invalid_union' ? describeUnion(issue) : issue.message;
  const reason = told.replace(/^Invalid (input|option): /, '');
  return [{ place: locate(source, issue.path), message: path === '' ? reason : `${path}: ${reason}` }];
}

/** What the alternatives say of the value itself, each once. */
function describeUnion({ errors, message }: z.core.$ZodIssueInvalidUnion): string {
  const reasons = errors.flatMap((issues) => issues.filter(({ path }) => path.length === 0).map((one) => one.message));
  return reasons.length === 0 ? message : [...new Set(reasons)].join(', or ');
}

function formatPath(path: Path): string {
  return path
    .map((step, at) => (typeof step === 'number' ? `[${step}]` : `${at === 0 ? '' : '.'}${String(step)}`))
    .join('');
}
