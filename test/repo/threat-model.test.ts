import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { root } from '../repository.js';

const text = readFileSync(join(root, 'docs/security/threat-model.md'), 'utf8');
const rows = [...text.matchAll(/^\| (?<id>[A-Z]-?\d+) \| (?<promise>[^|]+) \| `(?<path>[^`]+)` \|$/gm)].map(
  ({ groups }) => ({ id: groups?.['id'] ?? '', path: groups?.['path'] ?? '' }),
);

/** Whether a test or a group of tests in this file is named after the case. */
function namesCase(source: string, id: string): boolean {
  return new RegExp(`['"\`][^'"\`\\n]*(?<![\\w-])${id}(?![\\w-])`).test(source);
}

describe('the threat model', () => {
  it('has its rows', () => {
    expect(rows.length).toBeGreaterThan(80);
    expect(new Set(rows.map(({ id }) => id)).size).toBe(rows.length);
  });

  it.each(rows)('shows $id in $path', ({ id, path }) => {
    expect(existsSync(join(root, path)), `${path} exists`).toBe(true);
    expect(namesCase(readFileSync(join(root, path), 'utf8'), id), `${path} names ${id}`).toBe(true);
  });
});
