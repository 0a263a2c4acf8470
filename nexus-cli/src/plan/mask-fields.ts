/** What of a change may be shown: nothing that came from outside the manifest, or that is a credential by its place. */
import type { JsonValue } from '@nexus/core/canonical-json';
import type { FieldChange } from './changes.js';
import { diffFields } from './diff-fields.js';
import type { Fields, References } from './resources.js';

const credentialPlace =
  /(^|\.)headers\.|(^|\.)params\.[^.]*(secret|password|passphrase|token|key|authorization)[^.]*$/i;

export function maskFields(fields: readonly FieldChange[], references: References): FieldChange[] {
  return fields.flatMap((field) => maskField(field, references));
}

function maskField(field: FieldChange, references: References): FieldChange[] {
  const { path, before, after, ...said } = field;
  const from = [...references].filter(([at]) => at === path || path.startsWith(`${at}.`)).map(([, text]) => text);
  const isCredential = field.secret === true || credentialPlace.test(path);
  const inside = [...references].filter(([at]) => at.startsWith(`${path}.`));
  const blocks = [before, after].filter((value) => value !== undefined && value !== null);
  const isBlock = blocks.length > 0 && blocks.every(isObject);
  if (from.length === 0 && !isCredential && isBlock && (inside.length > 0 || hasCredential(path, blocks))) {
    const members = diffFields(toBlock(before), toBlock(after), `${path}.`);
    return maskFields(
      members.map((member) => ({ ...said, ...member })),
      references,
    );
  }
  const sources = [...new Set([...from, ...inside.map(([, text]) => text)])];
  if (!isCredential && sources.length === 0) return [field];
  return [{ path, ...said, secret: true, ...(sources.length === 0 ? {} : { from: sources.join(' ') }) }];
}

function hasCredential(path: string, blocks: readonly JsonValue[]): boolean {
  return blocks.some(
    (block) =>
      isObject(block) &&
      Object.entries(block).some(([name, member]) => {
        const at = `${path}.${name}`;
        return credentialPlace.test(at) || hasCredential(at, [member]);
      }),
  );
}

function toBlock(value: JsonValue | undefined): Fields {
  return isObject(value) ? value : {};
}

function isObject(value: JsonValue | undefined): value is Fields {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
