// biome-ignore-all lint/suspicious/noTemplateCurlyInString: references as manifests hold them
import { mkdir, mkdtemp, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { escapeReferences, interpolate } from './interpolate.js';
import { loadManifest } from './load-manifest.js';
import { describeProblem } from './problem.js';

let folder: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'nexus-manifest-'));
});
afterAll(() => rm(folder, { recursive: true, force: true }));

async function load(files: Readonly<Record<string, string>>, env: Readonly<Record<string, string>> = {}, input = '') {
  const base = await mkdtemp(join(folder, 'case-'));
  for (const [name, text] of Object.entries(files)) {
    await mkdir(join(base, name, '..'), { recursive: true });
    await writeFile(join(base, name), text);
  }
  const stdin = Readable.from(input === '' ? [] : [input]);
  const paths = input === '' ? [base] : ['-'];
  const { manifest, problems } = await loadManifest(paths, { env, stdin });
  const told = problems.map((problem) => describeProblem(problem).replace(`${base}/`, '').replace(base, '.'));
  return { manifest, problems: told };
}

describe('references in a text', () => {
  const sources = {
    variable: (name: string) => ({ A: 'one', B: '$A ${A} $$' })[name],
    readFile(path: string) {
      if (path !== 'key.pem') throw new Error(`no ${path}`);
      return 'line 1\nline 2\n';
    },
  };

  it.each([
    ['nothing to do', 'nothing to do'],
    ['${A}', 'one'],
    ['a ${A} b ${A}', 'a one b one'],
    ['${B}', '$A ${A} $$'],
    ['$${A}', '${A}'],
    ['$$$${A}', '$${A}'],
    ['$$${A}', '$one'],
    ['^[a-z]+$', '^[a-z]+$'],
    ['$A costs $5', '$A costs $5'],
    ['${file:key.pem}', 'line 1\nline 2'],
  ])('%s becomes %s', (text, expected) => {
    expect(interpolate(text, sources)).toEqual({ text: expected, problems: [] });
  });

  it('says what is wrong with each of them', () => {
    const { problems } = interpolate('${A} ${C} ${file:none} ${d-e} ${}', sources);
    expect(problems.map(({ reference, message }) => [reference, message])).toEqual([
      [1, 'C is not set'],
      [2, 'no none'],
      [3, '${d-e} is neither ${NAME} nor ${file:path}; write $$ for a dollar sign'],
      [4, '${} is neither ${NAME} nor ${file:path}; write $$ for a dollar sign'],
    ]);
    expect(interpolate('${A', sources).problems).toMatchObject([{ reference: 0 }]);
  });

  it.each(['$', '$$', '${A}', '$${A}', 'a$$$b${', '$ {', '^x$', '$$${'])('takes %s back as it was', (text) => {
    expect(interpolate(escapeReferences(text), sources)).toEqual({ text, problems: [] });
  });
});

describe('a manifest', () => {
  it('is all files of a folder, sorted, with every document in them', async () => {
    const { manifest, problems } = await load({
      '2.yml':
        'agents:\n  - { agent_id: two, allowed_scopes: [] }\n---\nagents:\n  - { agent_id: three, allowed_scopes: [] }\n',
      '1.yaml': '# only this\nagents:\n  - { agent_id: one, allowed_scopes: [a, a] }\n',
      'notes.txt': 'agents: nonsense',
      '3.yaml': '# nothing yet\n',
    });
    expect(problems).toEqual([]);
    expect(manifest.agents?.map(({ name }) => name)).toEqual(['one', 'two', 'three']);
    expect(manifest.agents?.[0]?.value).toMatchObject({ allowed_scopes: ['a'], active: true, allowed_providers: null });
    expect(manifest.providers).toBeUndefined();
  });

  it('comes from standard input too, and takes values from the environment and from files beside it', async () => {
    const text =
      'providers:\n  - { name: acme, client_id: "${ID}", client_secret: "${file:secret}", params: { a: "$$5" } }\n';
    const piped = await load({}, { ID: '007' }, text.replace('${file:secret}', 's'));
    expect(piped.problems).toEqual([]);
    expect(piped.manifest.providers?.[0]?.value).toMatchObject({ client_id: '007', params: { a: '$5' } });
    const { manifest } = await load({ 'sub/x': '', 'm.yaml': text, secret: 'fixture-secret\n' }, { ID: '1' });
    expect(manifest.providers?.[0]?.value).toMatchObject({ client_id: '1', client_secret: 'fixture-secret' });
  });

  it('tells of everything that is wrong with it at once, each at its place', async () => {
    const { problems } = await load({
      'a.yaml': `providers:
  - name: acme
    client_id: \${UNSET_A} and \${ALSO}
    client_secret: "x\${file:missing}"
    colour: red
  - template: google
    scopes: openid
  - client_id: x
agents:
  - agent_id: clerk
    allowed_scopes: [a]
    keys:
      - { name: k, write_to: { file: a } }
      - { name: k, write_to: { file: b, command: [c] } }
webhook: []
`,
      'b.yaml': `agents:
  - agent_id: clerk
    allowed_scopes: []
keys:
  - { name: ci, role: king, write_to: { command: [] } }
  - { name: ops, expires_at: soon, revoked: true }
  - name: bare
`,
      'c.yaml': 'issuers: [\n  - a: b: c\n',
      'd.yaml': 'just text',
    });
    expect(problems).toEqual([
      'a.yaml:3:16: UNSET_A is not set',
      'a.yaml:3:31: ALSO is not set',
      'a.yaml:4:22: the file missing cannot be read: ENOENT',
      'a.yaml:5:5: providers[0].colour is not a known field',
      'a.yaml:7:13: providers[1].scopes: expected array, received string',
      'a.yaml:8:5: providers[2]: needs name or template',
      'a.yaml:14:9: k is there already, at ./a.yaml:13:9',
      'a.yaml:14:30: agents[0].keys[1].write_to: needs either file or command',
      'a.yaml:15:1: webhook is not a known field',
      'b.yaml:2:5: clerk is there already, at ./a.yaml:10:5',
      'b.yaml:5:23: keys[0].role: expected one of "admin"|"operator"|"auditor"|"gateway"|"app"',
      'b.yaml:5:50: keys[0].write_to.command[0]: expected string, received undefined',
      'b.yaml:6:30: keys[1].expires_at: Invalid ISO datetime',
      'b.yaml:7:5: keys[2]: needs role and write_to, or revoked: true',
      expect.stringMatching(/^c\.yaml:2:3: /),
      expect.stringMatching(/^c\.yaml:2:8: /),
      expect.stringMatching(/^c\.yaml:3:1: /),
      'd.yaml:1:1: expected object, received string',
    ]);
  });

  it('names what cannot be read, and a folder without any', async () => {
    const nothing = await load({});
    expect(nothing.problems).toEqual(['.:1:1: holds no *.yaml or *.yml file']);
    const { problems } = await loadManifest(['/nowhere/a.yaml', '/nowhere/b'], { env: {}, stdin: Readable.from([]) });
    expect(problems.map(describeProblem)).toEqual(['/nowhere/a.yaml:1:1: ENOENT', '/nowhere/b:1:1: ENOENT']);
  });

  it('counts an empty variable as not set, and never reads one for the name of a field', async () => {
    const { problems } = await load(
      { 'a.yaml': 'keys:\n  - { name: "${EMPTY}", "${X}": 1, revoked: true }\n' },
      { EMPTY: '' },
    );
    expect(problems).toEqual(['a.yaml:2:14: EMPTY is not set', 'a.yaml:2:25: keys[0].${X} is not a known field']);
  });

  it('takes no two secrets to one file, nor any to the manifest', async () => {
    const { problems } = await load({
      'a.yaml': `agents:
  - { agent_id: a, allowed_scopes: [], keys: [{ name: k, write_to: { file: k } }] }
keys:
  - { name: k, role: app, write_to: { file: ./x/../k } }
  - { name: l, role: app, write_to: { file: a.yaml } }
`,
    });
    expect(problems).toEqual([
      'a.yaml:4:45: write_to.file is that of another secret, at ./a.yaml:2:76',
      'a.yaml:5:45: write_to.file is the manifest itself',
    ]);
  });

  it('reads files and text that end, and nothing else', async () => {
    const base = await mkdtemp(join(folder, 'odd-'));
    const at = (name: string) => join(base, name);
    await symlink('.', at('loop.yaml'));
    await symlink('/dev/zero', at('zero'));
    await writeFile(at('latin'), Buffer.from([0x63, 0xe9]));
    await writeFile(at('mark'), '\ufefffixture\n');
    await writeFile(at('b.yaml'), Buffer.concat([Buffer.from('agents: # '), Buffer.from([0xe9, 0x0a])]));
    await writeFile(
      at('a.yaml'),
      'providers:\n  - { name: a, params: { a: "${file:zero}", b: "${file:latin}", c: "${file:mark}" } }\n',
    );
    const { manifest, problems } = await loadManifest([base], { env: {}, stdin: Readable.from([]) });
    expect(problems.map(({ message }) => message)).toEqual([
      'is not UTF-8',
      'the file zero cannot be read: is no regular file',
      'the file latin cannot be read: is not UTF-8',
    ]);
    expect(manifest.providers?.[0]?.value).toMatchObject({ params: { c: 'fixture' } });
  });

  it('knows which of its values came from elsewhere, by whatever way', async () => {
    const { manifest } = await load(
      {
        'a.yaml':
          '%YAML 1.1\n---\nproviders:\n  - { name: a, description: &d "x ${S}", display_name: *d, params: &p { a: "${S}${T}", b: c } }\n  - { <<: { description: "${S}" }, name: b, params: *p }\n',
      },
      { S: 'fixture-s', T: 'fixture-t' },
    );
    expect(manifest.providers?.map(({ references }) => [...references])).toEqual([
      [
        ['description', '${S}'],
        ['display_name', '${S}'],
        ['params.a', '${S} ${T}'],
      ],
      [
        ['description', '${S}'],
        ['params.a', '${S} ${T}'],
      ],
    ]);
  });

  it('may use anchors, and not to grow without bounds', async () => {
    const { manifest, problems } = await load({
      'a.yaml': 'agents:\n  - { agent_id: a, allowed_scopes: &s [x] }\n  - { agent_id: b, allowed_scopes: *s }\n',
    });
    expect(problems).toEqual([]);
    expect(manifest.agents?.[1]?.value.allowed_scopes).toEqual(['x']);
    const bomb = Array.from({ length: 9 }, (_, at) => `m${at}: &a${at} [${`*a${at - 1},`.repeat(9)}]`).join('\n');
    const refused = await load({ 'a.yaml': bomb.replace(/\*a-1/g, 'x') });
    expect(refused.problems).toMatchObject([expect.stringContaining('alias')]);
  });
});
