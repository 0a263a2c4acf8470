import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { loadTemplateFiles, readTemplateFile } from './template-file.js';

const lines = [
  'name: acme',
  'display_name: Acme',
  'category: developer',
  'docs_url: https://acme.example/docs',
  'auth_type: oauth2',
  'auth_url: https://acme.example/authorize',
  'token_url: https://acme.example/token',
  'sources: [https://acme.example/docs]',
  'verified_on: unverified',
  'tests: { token: { status: 200, body: { access_token: fixture-access } } }',
];
const acme = lines.join('\n');

function read(text: string, file = 'acme.yaml') {
  const result = readTemplateFile(file, text);
  if ('problems' in result) throw new Error(JSON.stringify(result.problems));
  return result.template;
}

function problemsOf(text: string, file = 'acme.yaml'): string[] {
  const result = readTemplateFile(file, text);
  if (!('problems' in result)) throw new Error('the file was accepted');
  return result.problems.map((problem) => `${problem.line}:${problem.column} ${problem.message}`);
}

describe('a template file', () => {
  it('becomes a template whose profile holds neither the name nor what is about the template', () => {
    const template = read(`${acme}\naliases: [acme-inc]\nnotes: [Mind the gap.]`);
    expect(template).toEqual({
      name: 'acme',
      digest: template.digest,
      displayName: 'Acme',
      category: 'developer',
      authType: 'oauth2',
      aliases: ['acme-inc'],
      sources: ['https://acme.example/docs'],
      verifiedOn: null,
      notes: ['Mind the gap.'],
      profile: {
        display_name: 'Acme',
        category: 'developer',
        docs_url: 'https://acme.example/docs',
        auth_type: 'oauth2',
        auth_url: 'https://acme.example/authorize',
        token_url: 'https://acme.example/token',
      },
    });
  });

  it('keeps the day its facts were read', () => {
    expect(read(acme.replace('unverified', '2026-11-23')).verifiedOn).toBe('2026-11-23');
    expect(problemsOf(acme.replace('unverified', '2026-13-23'))).toHaveLength(1);
  });

  it('has a digest of its profile alone, whatever the order of the members', () => {
    const { digest } = read(acme);
    expect(digest).toBe('aa371604b8fcf75e');
    expect(read([...lines].reverse().join('\n')).digest).toBe(digest);
    expect(read(`${acme}\nnotes: [Mind the gap.]`).digest).toBe(digest);
    expect(read(acme.replace('authorize', 'authorise')).digest).not.toBe(digest);
  });

  it('allows every origin its endpoints name, the own one first, where there are several', () => {
    const extended = [
      acme,
      'api_base_url: https://{subdomain}.acme.example/v1',
      'user_info_endpoint: /me',
      'revocation_endpoint: https://acme.example/revoke',
      'account: { request: { url: "{instance_url}/me" } }',
      'refresh_url: https://renew.acme.example/token',
    ].join('\n');
    expect(read(extended).profile['allowed_origins']).toEqual([
      'https://acme.example',
      'https://renew.acme.example',
      '{instance_url}',
      'https://{subdomain}.acme.example',
    ]);
  });
});

describe('what is wrong with a file', () => {
  it('is said all at once, with line and column', () => {
    const text = acme
      .replace('category: developer', 'category: cheese')
      .replace('status: 200', 'status: "200"')
      .concat('\nrefresh: { rotation: never, rotate: 1 }\nallowed_origins: []');
    expect(problemsOf(text).map((line) => line.split(': ')[0])).toEqual([
      '3:1 category',
      '10:19 tests.token.status',
      '11:29 refresh.rotate is not a known field',
      '12:1 allowed_origins is not a known field',
    ]);
  });

  it('is placed at what should hold a member that is missing', () => {
    const text = acme.replace('sources: [https://acme.example/docs]\n', '').replace('status: 200, ', '');
    expect(problemsOf(text).map((line) => line.split(':').slice(0, 3).join(':'))).toEqual([
      '1:1 sources: Invalid input',
      '9:10 tests.token.status: Invalid input',
    ]);
  });

  it('may be that it is no YAML, or names a member twice', () => {
    expect(problemsOf('name: [')).toHaveLength(1);
    expect(problemsOf(`${acme}\nname: other`)).toEqual(['11:1 Map keys must be unique at line 11, column 1:']);
  });

  it('may be that the file has another name', () => {
    expect(problemsOf(acme, 'other.yaml')).toEqual(['1:1 name must be that of the file, other.yaml']);
  });
});

describe('a folder', () => {
  it('is read in the order of names, and no two templates may share a name or an alias', async () => {
    const folder = await mkdtemp(join(tmpdir(), 'nexus-templates-'));
    try {
      await writeFile(join(folder, 'zeta.yaml'), `${acme.replace('acme', 'zeta')}\naliases: [last, acme]`);
      await writeFile(join(folder, 'acme.yaml'), `${acme}\naliases: [last]`);
      await writeFile(join(folder, 'notes.txt'), 'not a template');
      const { files, problems } = await loadTemplateFiles(folder);
      expect(files.map(({ template }) => template.name)).toEqual(['acme', 'zeta']);
      expect(problems.map(({ file, message }) => `${file}: ${message}`)).toEqual([
        'zeta.yaml: last is a name of acme.yaml as well',
        'zeta.yaml: acme is a name of acme.yaml as well',
      ]);
    } finally {
      await rm(folder, { recursive: true });
    }
  });
});
