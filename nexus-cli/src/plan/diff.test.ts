import { describe, expect, it } from 'vitest';
import type { Section } from '../manifest/schema.js';
import type { Delivery, DiffInput, Mark } from './changes.js';
import { diffManifest } from './diff.js';
import { type Desired, type Fields, type KeyFacts, keyAddress, type Live } from './resources.js';

function want(section: Section, name: string, fields: Fields = {}, more: Partial<Desired> = {}): Desired {
  return {
    section,
    address: section === 'keys' ? keyAddress(more.agentId ?? null, name) : `${section}/${name}`,
    name,
    agentId: null,
    fields,
    body: fields,
    secret: 'unchanged',
    sink: null,
    isRevoked: false,
    folder: '.',
    references: new Map(),
    place: () => ({ file: 'nexus.yaml', line: 1, column: 1 }),
    ...more,
  };
}

function have(section: Section, name: string, fields: Fields = {}, state: Fields = {}): Live {
  return { section, address: `${section}/${name}`, name, agentId: null, id: `id-${name}`, fields, state, key: null };
}

const neverUsed: KeyFacts = { role: 'app', lastFour: 'aaaa', isUsable: true, isUsed: false, createdAt: '2026-01-01' };

function haveKey(name: string, facts: Partial<KeyFacts> = {}, fields: Fields = { role: 'app' }): Live {
  const key = { ...neverUsed, ...facts };
  return { ...have('keys', name, fields), id: `id-${key.lastFour}`, key };
}

function diff(desired: readonly Desired[], live: readonly Live[], more: Partial<DiffInput> = {}) {
  return diffManifest({
    desired,
    live,
    prune: false,
    deliveries: new Map(),
    rotate: new Set(),
    now: 0,
    isInUse: () => false,
    ...more,
  });
}

function shown(desired: readonly Desired[], live: readonly Live[], more: Partial<DiffInput> = {}) {
  const { steps, untouched } = diff(desired, live, more);
  return [
    ...steps.map(({ action, address, refused }) => `${action} ${address}${refused === null ? '' : ' refused'}`),
    ...untouched.map(({ address, note }) => `${address}: ${note}`),
  ];
}

describe('the difference between a manifest and a Broker', () => {
  it('is nothing where they say the same, in whatever order', () => {
    const fields = { scopes: ['a'], params: { b: '1', c: '2' } };
    expect(
      diff([want('providers', 'x', fields)], [have('providers', 'x', { params: { c: '2', b: '1' }, scopes: ['a'] })]),
    ).toEqual({ steps: [], untouched: [] });
  });

  it.each<[string, Fields, Fields, object[]]>([
    ['a value', { a: 1 }, { a: 2 }, [{ path: 'a', before: 1, after: 2 }]],
    ['a field that is gone', { a: 1, b: 1 }, { a: 1 }, [{ path: 'b', before: 1 }]],
    ['a new field', {}, { a: null }, [{ path: 'a', after: null }]],
    ['a member', { a: { b: 1, c: 1 } }, { a: { b: 1, c: 2 } }, [{ path: 'a.c', before: 1, after: 2 }]],
    ['a list', { a: ['x', 'y'] }, { a: ['y', 'x'] }, [{ path: 'a', before: ['x', 'y'], after: ['y', 'x'] }]],
    ['an object for nothing', { a: null }, { a: { b: 1 } }, [{ path: 'a', before: null, after: { b: 1 } }]],
    ['a type', { a: '1' }, { a: 1 }, [{ path: 'a', before: '1', after: 1 }]],
  ])('tells %s', (_what, before, after, fields) => {
    const { steps } = diff([want('agents', 'x', after)], [have('agents', 'x', before)]);
    expect(steps).toMatchObject([{ action: 'update', fields }]);
  });

  it.each<[Section, string, string]>([
    ['providers', 'scopes', 'update'],
    ['providers', 'auth_type', 'replace'],
    ['agents', 'description', 'update'],
    ['return_origins', 'app_name', 'replace'],
    ['issuers', 'audience', 'replace'],
    ['webhooks', 'active', 'update'],
  ])('changes %s, %s: %s', (section, field, action) => {
    expect(shown([want(section, 'x', { [field]: 'new' })], [have(section, 'x', { [field]: 'old' })])).toEqual([
      `${action} ${section}/x`,
    ]);
  });

  it('is carried out so that nothing refers to what is not there', () => {
    const order: Section[] = ['webhooks', 'keys', 'agents', 'providers', 'issuers', 'return_origins'];
    const desired = order.map((section) => want(section, 'new'));
    const live = order.flatMap((section) => (section === 'keys' ? [] : [have(section, 'old')]));
    expect(shown(desired, live, { prune: true })).toEqual([
      ...order.toReversed().map((section) => `create ${section}/new`),
      'delete webhooks/old',
      'delete agents/old',
      'delete providers/old',
      'delete issuers/old',
      'delete return_origins/old',
    ]);
  });

  it('only mentions what the manifest does not have, unless it is to be pruned; keys even then', () => {
    const start = haveKey('first admin key', { role: 'admin' }, { role: 'admin' });
    const live = [have('providers', 'x'), have('webhooks', 'y'), have('webhooks', 'y'), haveKey('k'), start];
    expect(shown([want('webhooks', 'y')], live)).toEqual([
      'webhooks/y: is there more than once',
      'keys/k: not in the manifest; --prune takes no keys away',
      'providers/x: not in the manifest',
    ]);
    expect(shown([want('webhooks', 'y')], live, { prune: true })).toEqual([
      'delete webhooks/y',
      'delete providers/x',
      'keys/k: not in the manifest; --prune takes no keys away',
    ]);
  });

  it('shows that a client secret changes, and nothing of it', () => {
    const body = { client_secret: 'fixture-secret' };
    const secretOf = (secret: Desired['secret'], state: Fields | null) => {
      const live = state === null ? [] : [have('providers', 'x', {}, state)];
      const { steps } = diff([want('providers', 'x', {}, { secret, body })], live);
      expect(JSON.stringify(steps.map(({ fields }) => fields))).not.toContain('fixture');
      return steps.map(({ action, fields }) => [action, fields]);
    };
    const field = { path: 'client_secret', secret: true };
    expect(secretOf('unchanged', {})).toEqual([]);
    expect(secretOf('changed', {})).toEqual([['update', [field]]]);
    expect(secretOf('set', null)).toEqual([['create', [field]]]);
    expect(secretOf('unset', null)).toEqual([['create', []]]);
    expect(secretOf('unset', { client_secret_set: true })).toEqual([['update', [field]]]);
    expect(secretOf('unset', { client_secret_set: false })).toEqual([]);
  });

  it('tells a change of the template from one of the manifest', () => {
    const template = (digest: string) => ({ name: 'google', digest, overrides: ['scopes'] });
    const before = { template: template('1'), scopes: ['a'], pkce: 'supported', refresh: { rotation: 'never' } };
    const after = { template: template('2'), scopes: ['b'], pkce: 'required', refresh: { rotation: 'always' } };
    const marks = (next: Fields) => {
      const [step] = diff([want('providers', 'x', next)], [have('providers', 'x', before)]).steps;
      return Object.fromEntries((step?.fields ?? []).map(({ path, template: isTemplates }) => [path, isTemplates]));
    };
    expect(marks(after)).toEqual({ 'template.digest': true, pkce: true, 'refresh.rotation': true, scopes: undefined });
    expect(marks({ ...after, template: template('1') })).toMatchObject({ pkce: undefined });
    expect(marks({ ...after, template: { ...template('2'), name: 'other' } })).toMatchObject({ pkce: undefined });
  });
});

describe('keys', () => {
  const file = (holds: string | undefined, mark: Mark | null = null): Delivery => ({
    target: 'ci.key',
    holds,
    kind: 'file',
    mark,
  });
  const command = (mark: Mark | null): Delivery => ({ target: 'tee', holds: undefined, kind: 'command', mark });
  const made = (id: string): Mark => ({ before: [], made: { id, lastFour: 'aaaa' } });
  const asked = (...before: string[]): Mark => ({ before, made: null });
  const wanted = want('keys', 'ci', { role: 'app' });
  const used = { isUsed: true };
  const elsewhere = 'keys/ci: ci.key is not on this machine; --rotate keys/ci makes a new one';

  it.each<[string, Live[], Delivery, string[]]>([
    ['is there and its file holds it', [haveKey('ci', used)], file('aaaa'), []],
    ['is missing', [], file(undefined), ['create keys/ci']],
    ['is missing, and its file holds another', [], file('zzzz'), ['create keys/ci refused']],
    ['was revoked, and its file holds it', [haveKey('ci', { isUsable: false })], file('aaaa'), ['create keys/ci']],
    ['has another role', [haveKey('ci', used, { role: 'admin' })], file('aaaa'), ['replace keys/ci']],
    [
      'has another role, and its file holds another',
      [haveKey('ci', used, { role: 'x' })],
      file('z'),
      ['replace keys/ci refused'],
    ],
    ['was never used, and its file is elsewhere', [haveKey('ci')], file(undefined), [elsewhere]],
    ['is used, and its file is elsewhere', [haveKey('ci', used)], file(undefined), [elsewhere]],
    [
      'is live, and its file holds the one before',
      [haveKey('ci'), haveKey('ci', { lastFour: 'zzzz', isUsable: false })],
      file('zzzz'),
      ['keys/ci: ci.key holds another key; --rotate keys/ci makes a new one'],
    ],
    ['was made by an apply that ended', [haveKey('ci')], file(undefined, made('id-aaaa')), ['replace keys/ci']],
    ['may have been made by one', [haveKey('ci')], file(undefined, asked()), ['replace keys/ci']],
    ['was there before that apply', [haveKey('ci')], file(undefined, asked('id-aaaa')), [elsewhere]],
    ['was made then, and used since', [haveKey('ci', used)], file(undefined, made('id-aaaa')), [elsewhere]],
    ['was made then, and is in its file', [haveKey('ci')], file('aaaa', made('id-aaaa')), []],
    ['went to a command', [haveKey('ci')], command(null), []],
    ['may not have reached its command', [haveKey('ci')], command(made('id-aaaa')), ['replace keys/ci']],
    [
      'is used, with an orphan beside it',
      [haveKey('ci', used), haveKey('ci', { lastFour: 'bbbb', createdAt: '2026-02-01' })],
      command(made('id-bbbb')),
      ['delete keys/ci'],
    ],
    [
      'is there twice, and nobody knows which of them counts',
      [haveKey('ci', used), haveKey('ci', { lastFour: 'bbbb', createdAt: '2026-02-01' })],
      file(undefined),
      [elsewhere, 'keys/ci: 2 live keys have its name; delete those nobody uses'],
    ],
    [
      'is there twice',
      [haveKey('ci'), haveKey('ci', { lastFour: 'bbbb', createdAt: '2026-02-01' })],
      file('aaaa'),
      ['delete keys/ci'],
    ],
  ])('a key that %s', (_what, live, delivery, expected) => {
    expect(shown([wanted], live, { deliveries: new Map([['keys/ci', delivery]]) })).toEqual(expected);
  });

  it('gets a value only for as long as it would have', () => {
    const ending = want('keys', 'ci', { expires_at: '2026-01-01T00:00:00.000Z' });
    expect(shown([ending], [], { now: Date.parse('2025-12-31') })).toEqual(['create keys/ci']);
    expect(shown([ending], [], { now: Date.parse('2026-01-02') })).toEqual(['create keys/ci refused']);
  });

  it('is another one where somebody says so', () => {
    const more = { deliveries: new Map([['keys/ci', file('aaaa')]]), rotate: new Set(['keys/ci']) };
    expect(shown([wanted], [haveKey('ci', used)], more)).toEqual(['replace keys/ci']);
  });

  it('that no manifest names are counted in one line', () => {
    expect(shown([], [haveKey('a'), haveKey('b', { lastFour: 'bbbb' })])).toEqual([
      '2 keys: not in the manifest; --prune takes no keys away',
    ]);
  });

  it('all those of its name go once a new one has arrived', () => {
    const live = [haveKey('ci', {}, { role: 'admin' }), haveKey('ci', { lastFour: 'bbbb' }, { role: 'admin' })];
    const { steps } = diff([wanted], live, { deliveries: new Map([['keys/ci', file('aaaa')]]) });
    expect(steps.map((step) => [step.action, step.live.map(({ id }) => id)])).toEqual([
      ['replace', ['id-aaaa', 'id-bbbb']],
    ]);
  });

  it('go where the manifest says so, and never the one that asks', () => {
    const revoked = want('keys', 'ci', { role: null }, { isRevoked: true });
    expect(shown([revoked], [haveKey('ci'), haveKey('ci', { isUsable: false })])).toEqual(['delete keys/ci']);
    expect(shown([revoked], [])).toEqual([]);
    const isInUse = ({ key }: Live) => key?.lastFour === 'aaaa';
    expect(shown([revoked], [haveKey('ci')], { isInUse })).toEqual(['delete keys/ci refused']);
    const other = [haveKey('ci', {}, { role: 'admin' })];
    expect(shown([wanted], other, { isInUse })).toEqual(['replace keys/ci refused']);
  });

  it('of an agent are told from others of their name', () => {
    const ofAgent = want('keys', 'ci', {}, { agentId: 'clerk' });
    expect(shown([ofAgent], [haveKey('ci')])).toEqual([
      'create agents/clerk/keys/ci',
      'keys/ci: not in the manifest; --prune takes no keys away',
    ]);
  });
});

describe('a webhook', () => {
  const url = 'https://app.example/hooks';
  const rotated = [{ action: 'update', fields: [{ path: 'secret', secret: true }] }];
  const delivery = (more: Partial<Delivery>) => ({
    deliveries: new Map([
      [`webhooks/${url}`, { target: 'hook.secret', holds: undefined, kind: 'file' as const, mark: null, ...more }],
    ]),
  });

  it('gets another secret only where the last one may have been lost, or somebody says so', () => {
    const both = [[want('webhooks', url)], [have('webhooks', url)]] as const;
    const made = { before: [], made: { id: `id-${url}`, lastFour: 'abcd' } };
    expect(diff(...both, delivery({ mark: { before: [], made: null } })).steps).toMatchObject(rotated);
    expect(diff(...both, delivery({ mark: made })).steps).toMatchObject(rotated);
    expect(diff(...both, delivery({ mark: made, holds: 'efgh' })).steps).toMatchObject(rotated);
    expect(diff(...both, { rotate: new Set([`webhooks/${url}`]) }).steps).toMatchObject(rotated);
    expect(shown(...both, delivery({ mark: made, holds: 'abcd' }))).toEqual([]);
    const elsewhere = `hook.secret is not on this machine; --rotate webhooks/${url} makes another secret`;
    expect(shown(...both, delivery({}))).toEqual([`webhooks/${url}: ${elsewhere}`]);
    expect(shown(...both, delivery({ mark: { before: [`id-${url}`], made: null } }))).toHaveLength(1);
    expect(shown(...both, delivery({ holds: 'abcd' }))).toEqual([]);
    expect(shown(both[0], [], delivery({ holds: 'abcd' }))).toEqual([`create webhooks/${url} refused`]);
    expect(shown(both[0], [], delivery({}))).toEqual([`create webhooks/${url}`]);
  });
});
