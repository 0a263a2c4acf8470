import { readdir, readFile } from 'node:fs/promises';
import { listCommands } from '@nexus/cli/reference';
import { beforeAll, expect, it } from 'vitest';

const folder = new URL('golden/', import.meta.url);
const texts = new Map<string, string>();

beforeAll(async () => {
  for (const name of await readdir(folder)) texts.set(name, await readFile(new URL(name, folder), 'utf8'));
});

it('every command is shown by at least one file', () => {
  const shown = [...texts.values()].map((text) => `${text.split('\n', 1)[0] ?? ''} `);
  const missing = listCommands().filter((name) => !shown.some((line) => line.startsWith(`$ nexus-cli ${name} `)));
  expect(missing).toEqual([]);
});

it('every file shows three screens, and no escape code in a pipe', () => {
  for (const [name, text] of texts) {
    const titles = [...text.matchAll(/^=== (.+)$/gm)].map(([, title]) => title);
    expect([name, titles]).toEqual([name, ['80 columns', '160 columns', 'pipe']]);
    expect([name, text.split('=== pipe')[1]?.includes('␛')]).toEqual([name, false]);
  }
});
