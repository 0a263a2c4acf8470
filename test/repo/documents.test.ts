import { existsSync } from 'node:fs';
import { dirname, join, normalize } from 'node:path';
import { describe, expect, it } from 'vitest';
import { listFiles, readRepositoryFile, root } from '../repository.js';

const documents = listFiles().filter((path) => path.endsWith('.md'));

/** Code blocks show commands and samples, whose paths are the reader's. */
function stripCodeBlocks(text: string): string {
  return text.replaceAll(/^(```|~~~)[\s\S]*?^\1/gm, '');
}

function listLinks(text: string): string[] {
  return [...stripCodeBlocks(text).matchAll(/\]\(([^)\s]+)(?:\s+"[^"]*")?\)/g)].map((match) => match[1] ?? '');
}

/** Paths in backticks that name something of the repository: they start with one of its top folders. */
function listCitedPaths(text: string): string[] {
  const pattern = /`((?:packages|nexus-broker|nexus-gateway|nexus-cli|docs|test|bench|\.ci)\/[\w./@-]*[\w/-])`/g;
  return [...stripCodeBlocks(text).matchAll(pattern)].map((match) => match[1] ?? '');
}

/** The anchor GitHub gives a heading. */
function listAnchors(text: string): string[] {
  return [...stripCodeBlocks(text).matchAll(/^#{1,6}\s+(.+)$/gm)].map((match) =>
    (match[1] ?? '')
      .trim()
      .toLowerCase()
      .replaceAll(/[^\p{L}\p{N}\s_-]/gu, '')
      .replaceAll(/\s/g, '-'),
  );
}

function findBrokenLinks(path: string): string[] {
  return listLinks(readRepositoryFile(path)).filter((link) => {
    if (/^(https?:|mailto:)/.test(link)) return false;
    const [target = '', anchor] = link.split('#');
    const file = target === '' ? path : normalize(join(dirname(path), decodeURI(target)));
    if (!existsSync(join(root, file))) return true;
    return anchor !== undefined && file.endsWith('.md') && !listAnchors(readRepositoryFile(file)).includes(anchor);
  });
}

describe.each(documents)('%s', (path) => {
  it('links to files and headings that exist', () => {
    expect(findBrokenLinks(path)).toEqual([]);
  });

  it('cites paths that exist', () => {
    const missing = listCitedPaths(readRepositoryFile(path)).filter((cited) => !existsSync(join(root, cited)));
    expect(missing).toEqual([]);
  });
});

describe('the checks themselves', () => {
  it('find links and cited paths', () => {
    const text = 'See [a](b.md#c) and `docs/none.md`.\n```\n[x](y.md) `docs/z.md`\n```\n';
    expect([listLinks(text), listCitedPaths(text)]).toEqual([['b.md#c'], ['docs/none.md']]);
    expect(listAnchors('# The `v1` contract, in full\n')).toEqual(['the-v1-contract-in-full']);
  });
});

describe('workspace READMEs', () => {
  const headings = ['Purpose', 'May import', 'Public surface', 'How to test', 'Not here'];
  const workspaces = listFiles()
    .filter((path) => /^(packages\/[^/]+|nexus-[^/]+)\/package\.json$/.test(path))
    .map((path) => path.replace(/\/package\.json$/, ''));

  it.each(workspaces)('%s says its purpose, imports, surface, tests and limits', (workspace) => {
    const path = `${workspace}/README.md`;
    const text = existsSync(join(root, path)) ? readRepositoryFile(path) : '';
    const found = headings.filter((heading) => new RegExp(`^## ${heading}$`, 'm').test(text));
    expect(found).toEqual(headings);
  });
});

describe('docs/reference/storage-schema.md', () => {
  it('speaks of every table there is', () => {
    const schema = readRepositoryFile('nexus-broker/src/stores/schema.ts');
    const tables = [...(schema.split('export interface Schema {')[1] ?? '').matchAll(/^ {2}(\w+): \w+Table;$/gm)];
    const page = readRepositoryFile('docs/reference/storage-schema.md');
    expect(tables.length).toBeGreaterThan(10);
    expect(tables.map(([, name]) => name).filter((name) => !page.includes(`\`${name}\``))).toEqual([]);
  });
});
