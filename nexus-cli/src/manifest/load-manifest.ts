/** Manifests read from files, folders and standard input, as one. */
import { statSync } from 'node:fs';
import { readdir, stat } from 'node:fs/promises';
import { dirname, join, resolve } from 'node:path';
import type { Io } from '../command.js';
import { decodeText, describeTooLong, readBounded } from './bounded-file.js';
import { type Entry, type Manifest, referencesBelow } from './entry.js';
import { findSharedFiles } from './find-shared-files.js';
import type { Sources } from './interpolate.js';
import { locate, type Path } from './locate.js';
import { type ManifestFile, type ParsedDocument, parseManifest } from './parse-manifest.js';
import { describePlace, type Place, type Problem, sortProblems } from './problem.js';
import { type Section, type SectionValue, sections } from './schema.js';

export interface LoadedManifest {
  readonly manifest: Manifest;
  /** Sorted; with any, the manifest is not whole. */
  readonly problems: readonly Problem[];
}

const standardInput = '(standard input)';
const manifestBytes = 16 * 1024 * 1024;
const referencedBytes = 1024 * 1024;

/**
 * Reads what is there and collects what is wrong with all of it; only a path that cannot be read ends it early.
 *
 * @param paths files, folders, `-`
 */
export async function loadManifest(paths: readonly string[], { env, stdin }: Pick<Io, 'env' | 'stdin'>) {
  const problems: Problem[] = [];
  const documents: ParsedDocument[] = [];
  for (const path of paths) {
    for (const { file, text, problem } of await readPath(path, stdin)) {
      if (problem !== null) problems.push({ place: { file, line: 1, column: 1 }, message: problem });
      else documents.push(...parseManifest({ file, text }, createSources(folderOf(file), env)));
    }
  }
  problems.push(...documents.flatMap((document) => document.problems));
  const manifest = merge(documents, problems);
  return { manifest, problems: sortProblems(problems) } satisfies LoadedManifest;
}

interface ReadFile extends ManifestFile {
  readonly problem: string | null;
}

async function readPath(path: string, stdin: NodeJS.ReadableStream): Promise<ReadFile[]> {
  if (path === '-') return [await readOne(standardInput, () => readStream(stdin))];
  try {
    if (!(await stat(path)).isDirectory()) return [await readOne(path, async () => readBounded(path, manifestBytes))];
    const entries = (await readdir(path)).filter((name) => /\.ya?ml$/.test(name)).sort();
    // A link may lead back to where it is: folders within a folder are not looked into.
    const names = entries.filter((name) => !statSync(join(path, name), { throwIfNoEntry: false })?.isDirectory());
    if (names.length === 0) return [{ file: path, text: '', problem: 'holds no *.yaml or *.yml file' }];
    const files = names.map((name) => join(path, name));
    return await Promise.all(files.map((file) => readOne(file, async () => readBounded(file, manifestBytes))));
  } catch (error) {
    return [{ file: path, text: '', problem: describeFailure(error) }];
  }
}

async function readOne(file: string, read: () => Promise<Uint8Array>): Promise<ReadFile> {
  try {
    return { file, text: decodeText(await read(), true), problem: null };
  } catch (error) {
    return { file, text: '', problem: describeFailure(error) };
  }
}

async function readStream(stream: NodeJS.ReadableStream): Promise<Uint8Array> {
  const chunks: Buffer[] = [];
  let bytes = 0;
  for await (const chunk of stream) {
    bytes += chunk.length;
    if (bytes > manifestBytes) throw new Error(describeTooLong(manifestBytes));
    chunks.push(Buffer.from(chunk));
  }
  return Buffer.concat(chunks);
}

function createSources(folder: string, env: Io['env']): Sources {
  return {
    variable: (name) => env[name] || undefined,
    readFile(path) {
      try {
        return decodeText(readBounded(resolve(folder, path), referencedBytes), false);
      } catch (cause) {
        throw new Error(`the file ${path} cannot be read: ${describeFailure(cause)}`, { cause });
      }
    },
  };
}

function folderOf(file: string): string {
  return file === standardInput ? '.' : dirname(file);
}

function describeFailure(error: unknown): string {
  const { code, message } = error as NodeJS.ErrnoException;
  return code ?? message;
}

/** Takes what has problems too, as far as it can be read: what is there twice is among the problems. */
function merge(documents: readonly ParsedDocument[], problems: Problem[]): Manifest {
  const merged: { [S in Section]?: Entry[] } = {};
  for (const { source, manifest, references } of documents) {
    for (const section of sections.filter((name) => Array.isArray(manifest?.[name]))) {
      const entries = merged[section] ?? [];
      merged[section] = entries;
      for (const [index, value] of (manifest?.[section] ?? []).entries()) {
        if (typeof value !== 'object' || value === null) continue;
        const place = (path: Path = []) => locate(source, [section, index, ...path]);
        const entry: Entry = {
          section,
          name: nameOf(section, value),
          value,
          folder: folderOf(source.file),
          references: referencesBelow(references, `${section}.${index}.`),
          place,
        };
        const earlier = entries.find(({ name }) => name === entry.name && name !== '');
        if (earlier === undefined) entries.push(entry);
        else problems.push(describeDuplicate(entry.name, place(), earlier.place()));
      }
    }
  }
  for (const agent of (merged.agents ?? []) as Entry<'agents'>[]) problems.push(...findDuplicateKeys(agent));
  const files = documents.map(({ source }) => source.file).filter((file) => file !== standardInput);
  problems.push(...findSharedFiles(merged as Manifest, files));
  return merged as Manifest;
}

function findDuplicateKeys({ value, place }: Entry<'agents'>): Problem[] {
  const keys = Array.isArray(value.keys) ? value.keys : [];
  return keys.flatMap((key, index) => {
    const first = keys.findIndex((other) => other?.name === key?.name);
    if (first === index || key?.name === undefined) return [];
    return [describeDuplicate(key.name, place(['keys', index]), place(['keys', first]))];
  });
}

function describeDuplicate(name: string, place: Place, earlier: Place): Problem {
  return { place, message: `${name} is there already, at ${describePlace(earlier)}` };
}

/** Empty where it has none. */
function nameOf(section: Section, value: SectionValue<Section>): string {
  const fields = value as Readonly<Record<string, unknown>>;
  const text = (name: string) => (typeof fields[name] === 'string' ? fields[name] : '');
  switch (section) {
    case 'providers':
      return text('name') || text('template');
    case 'agents':
      return text('agent_id');
    case 'return_origins':
      return `${text('origin')}${text('path_prefix')}`;
    case 'issuers':
      return text('issuer');
    case 'webhooks':
      return text('url');
    case 'keys':
      return text('name');
  }
}
