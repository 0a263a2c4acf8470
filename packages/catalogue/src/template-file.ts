/** Reads template files and says everything that is wrong with them, and where. */
import { createHash } from 'node:crypto';
import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { canonicalJson, type JsonValue } from '@nexus/core/canonical-json';
import { type Document, isMap, isScalar, LineCounter, parseDocument } from 'yaml';
import type { z } from 'zod';
import { computeOrigins } from './origins.js';
import { type TemplateSource, type TemplateTests, templateSchema } from './template-schema.js';
import type { Template } from './templates.js';

/** Something wrong with a file; lines and columns count from 1. */
export interface TemplateProblem {
  readonly file: string;
  readonly line: number;
  readonly column: number;
  readonly message: string;
}

export interface TemplateFile {
  /** The name of the file within its folder. */
  readonly file: string;
  readonly template: Template;
  readonly tests: TemplateTests;
}

export interface TemplateFolder {
  /** Those without a problem, sorted by name. */
  readonly files: readonly TemplateFile[];
  readonly problems: readonly TemplateProblem[];
}

/** Every `*.yaml` of a folder. No two may answer to the same name. */
export async function loadTemplateFiles(folder: string): Promise<TemplateFolder> {
  const names = (await readdir(folder)).filter((name) => name.endsWith('.yaml')).sort();
  const texts = await Promise.all(names.map((name) => readFile(join(folder, name), 'utf8')));
  const read = names.map((name, index) => readTemplateFile(name, texts[index] ?? ''));
  const files = read.flatMap((result) => ('problems' in result ? [] : [result]));
  return {
    files: files.toSorted((one, other) => (one.template.name < other.template.name ? -1 : 1)),
    problems: [...read.flatMap((result) => ('problems' in result ? result.problems : [])), ...findSharedNames(files)],
  };
}

/** One file by its text. Its name must be that of the template. */
export function readTemplateFile(
  file: string,
  text: string,
): TemplateFile | { readonly problems: readonly TemplateProblem[] } {
  const lines = new LineCounter();
  const document = parseDocument(text, { lineCounter: lines });
  const toProblem = (offset: number, message: string): TemplateProblem => {
    const { line, col } = lines.linePos(offset);
    return { file, line: Math.max(line, 1), column: Math.max(col, 1), message };
  };
  const refused = [...document.errors, ...document.warnings];
  if (refused.length > 0) return { problems: refused.map(({ pos, message }) => toProblem(pos[0], firstLine(message))) };
  const { data, error } = templateSchema.safeParse(document.toJS());
  if (error !== undefined) {
    const problems = error.issues.flatMap((issue) => describeIssue(document, issue, toProblem));
    return { problems: problems.toSorted((one, other) => one.line - other.line || one.column - other.column) };
  }
  if (`${data.name}.yaml` !== file) {
    return { problems: [toProblem(findOffset(document, ['name']), `name must be that of the file, ${file}`)] };
  }
  return { file, template: toTemplate(data), tests: data.tests };
}

function toTemplate(source: TemplateSource): Template {
  const { name, aliases = [], sources, verified_on, notes = [], tests: _, ...fields } = source;
  const origins = computeOrigins(fields);
  const profile = { ...fields, ...(origins.length > 1 ? { allowed_origins: origins } : {}) };
  return {
    name,
    // What the schema accepted came out of JSON's own kinds of values.
    digest: createHash('sha256')
      .update(canonicalJson(profile as JsonValue))
      .digest('hex')
      .slice(0, 16),
    displayName: source.display_name,
    category: source.category,
    authType: source.auth_type,
    aliases,
    sources,
    verifiedOn: verified_on === 'unverified' ? null : verified_on,
    notes,
    profile,
  };
}

function findSharedNames(files: readonly TemplateFile[]): TemplateProblem[] {
  const owners = new Map(files.map(({ template, file }) => [template.name, file]));
  return files.flatMap(({ template, file }) =>
    template.aliases.flatMap((alias) => {
      const owner = owners.get(alias);
      owners.set(alias, file);
      return owner === undefined
        ? []
        : [{ file, line: 1, column: 1, message: `${alias} is a name of ${owner} as well` }];
    }),
  );
}

type ToProblem = (offset: number, message: string) => TemplateProblem;

function describeIssue(document: Document, issue: z.core.$ZodIssue, toProblem: ToProblem): TemplateProblem[] {
  const path = issue.path.map((part) => (typeof part === 'number' ? part : String(part)));
  if (issue.code === 'unrecognized_keys') {
    return issue.keys.map((key) => {
      const at = [...path, key];
      return toProblem(findOffset(document, at), `${at.join('.')} is not a known field`);
    });
  }
  const message = issue.code === 'invalid_key' ? (issue.issues[0]?.message ?? issue.message) : issue.message;
  return [toProblem(findOffset(document, path), `${path.join('.') || 'the file'}: ${message}`)];
}

/** Where a member begins; where it is missing, what should hold it. */
function findOffset(document: Document, path: readonly (string | number)[]): number {
  for (let length = path.length; length > 0; length -= 1) {
    const parent = document.getIn(path.slice(0, length - 1), true);
    const last = path[length - 1];
    if (isMap(parent)) {
      const key = parent.items.find((pair) => isScalar(pair.key) && String(pair.key.value) === String(last))?.key;
      if (isScalar(key) && key.range) return key.range[0];
    }
    const node = document.getIn(path.slice(0, length), true);
    if (isScalar(node) && node.range) return node.range[0];
  }
  return 0;
}

function firstLine(message: string): string {
  return message.split('\n', 1)[0] ?? message;
}
