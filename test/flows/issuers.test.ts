import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { summarise } from '../support/agents.js';
import { type Answer, engines, type Stack, startStack } from '../support/stack.js';

describe.each(engines)('issuers of user tokens on %s', (engine) => {
  let stack: Stack;

  beforeAll(async () => {
    stack = await startStack({ engine });
  });
  afterAll(() => stack.close());
  afterEach(async () => {
    for (const { id } of await list()) await remove(id);
  });

  const path = '/admin/v1/issuers';
  /** Nobody is asked when an issuer is registered, so nobody has to listen there. */
  const minimal = { issuer: 'http://127.0.0.1:7/idp', audience: 'nexus' };
  const create = (changes: object = {}): Promise<Answer> =>
    stack.broker('POST', path, { body: { ...minimal, ...changes } });
  const list = async () => (await stack.broker('GET', path)).body.issuers;
  const remove = (id: string) => stack.broker('DELETE', `${path}/${id}`);
  const eventsOf = async (id: string) =>
    (await stack.broker('GET', `/audit?resource_id=${id}&order=asc&limit=500`)).body.events;
  const countCreated = async () =>
    (await stack.broker('GET', '/audit?event_type=issuer.created&limit=500')).body.events.length;

  it('are registered with the defaults of the contract, listed, and deleted once', async () => {
    const created = await create();
    expect(created.status).toBe(201);
    expect(created.body).toEqual({
      ...minimal,
      id: expect.stringMatching(/^[0-9A-Z]{26}$/),
      jwks_uri: null,
      algorithms: ['RS256', 'ES256', 'EdDSA'],
      scope_claim: null,
      tenant_claim: 'tenant_id',
      clearance_claim: 'clearance_level',
      workspace_from: 'sub',
      workspace_prefix: '',
      max_lifetime_seconds: 3600,
      created_at: expect.any(String),
    });
    expect(await list()).toEqual([created.body]);
    const { id } = created.body;
    expect((await remove(id)).body).toEqual({ id, deleted: true, sessions_closed: 0 });
    expect(summarise(await remove(id))).toBe('404 issuer_not_found');
    expect(await list()).toEqual([]);
  });

  it('are registered with everything an operator may say, and listed in the order of their names', async () => {
    const full = {
      issuer: 'https://id.example/tenant',
      jwks_uri: 'http://127.0.0.1:7/keys?set=users',
      audience: 'https://nexus.example',
      algorithms: ['ES384', 'PS512'],
      scope_claim: 'roles',
      tenant_claim: 'org',
      clearance_claim: 'level',
      workspace_from: 'tenant',
      workspace_prefix: 'tenant:',
      max_lifetime_seconds: 86_400,
    };
    const created = await create(full);
    expect([created.status, created.body]).toEqual([
      201,
      { ...full, id: expect.any(String), created_at: expect.any(String) },
    ]);
    const other = await create();
    expect(await list()).toEqual([other.body, created.body]);
    const doubled = await create({
      issuer: 'http://127.0.0.1:7/doubled',
      workspace_prefix: 'doubled:',
      algorithms: ['ES256', 'ES256'],
    });
    expect(doubled.body.algorithms).toEqual(['ES256']);
  });

  it('A10: are recorded when they come and go, with who did it', async () => {
    const { body } = await create({ workspace_prefix: 'staff:', algorithms: ['ES256'] });
    await remove(body.id);
    await remove(body.id);
    const common = {
      actor: { type: 'key', key_hint: stack.adminKey.slice(-4) },
      outcome: 'success',
    };
    const named = { issuer_id: body.id, issuer: minimal.issuer };
    const events = await eventsOf(body.id);
    expect(events).toMatchObject([
      { ...common, event_type: 'issuer.created' },
      { ...common, event_type: 'issuer.deleted' },
    ]);
    expect(events.map((event: { data: unknown }) => event.data)).toEqual([
      { ...named, audience: 'nexus', algorithms: ['ES256'], workspace_from: 'sub', workspace_prefix: 'staff:' },
      { ...named, sessions_closed: 0 },
    ]);
  });

  it.each([
    ['the issuer', { workspace_prefix: 'other:' }],
    ['the workspace prefix', { issuer: 'http://127.0.0.1:7/other' }],
    ['both', {}],
  ])('B11: are refused while another one has %s, until that one is deleted', async (_what, changes) => {
    const { body } = await create();
    const before = await countCreated();
    expect(summarise(await create(changes))).toBe('409 issuer_exists');
    expect(await list()).toEqual([body]);
    expect(await countCreated()).toBe(before);
    await remove(body.id);
    expect((await create(changes)).status).toBe(201);
  });

  it('B11: are registered once when several ask at once for one issuer, or for one prefix', async () => {
    const answers = await Promise.all(
      [0, 1, 2, 3, 4, 5].map((index) =>
        index % 2 === 0
          ? create({ workspace_prefix: 'shared:', issuer: `http://127.0.0.1:7/${index}` })
          : create({ workspace_prefix: `own${index}:` }),
      ),
    );
    const summaries = (parity: number) => answers.filter((_, index) => index % 2 === parity).map(summarise);
    for (const parity of [0, 1]) {
      expect(summaries(parity).sort()).toEqual(['201', '409 issuer_exists', '409 issuer_exists']);
    }
    expect(await list()).toHaveLength(2);
  });

  it.each([
    ['issuer', undefined],
    ['issuer', ''],
    ['issuer', 'id.example'],
    ['issuer', 'ftp://id.example'],
    ['issuer', 'https:id.example'],
    ['issuer', 'https://id.example?tenant=1'],
    ['issuer', 'https://id.example?'],
    ['issuer', 'https://id.example#users'],
    ['issuer', 'https://id.example#'],
    ['issuer', 'https://user@id.example'],
    ['issuer', 'https://@id.example'],
    ['issuer', 'https://id.example/\u0001'],
    ['issuer', 'https://id.example/\n'],
    ['issuer', `https://id.example/${'x'.repeat(512)}`],
    ['issuer', 'http://id.example'],
    ['issuer', 'http://10.0.0.1'],
    ['issuer', 7],
    ['jwks_uri', ''],
    ['jwks_uri', 'http://id.example/keys'],
    ['jwks_uri', 'https://user:word@id.example/keys'],
    ['jwks_uri', 'https://id.example/keys#users'],
    ['audience', undefined],
    ['audience', ''],
    ['audience', 'nexus\u0001'],
    ['audience', 'x'.repeat(513)],
    ['algorithms', []],
    ['algorithms', 'RS256'],
    ['algorithms[0]', ['HS256']],
    ['algorithms[0]', ['none']],
    ['algorithms[0]', ['rs256']],
    ['algorithms[1]', ['RS256', 'ES256K']],
    ['scope_claim', 'ro\nles'],
    ['scope_claim', ''],
    ['tenant_claim', 'org\u007f'],
    ['tenant_claim', null],
    ['clearance_claim', 'level\u0085'],
    ['workspace_from', 'email'],
    ['workspace_prefix', 'a\u0007'],
    ['workspace_prefix', 'x'.repeat(129)],
    ['max_lifetime_seconds', 0],
    ['max_lifetime_seconds', -1],
    ['max_lifetime_seconds', 1.5],
    ['max_lifetime_seconds', 86_401],
    ['max_lifetime_seconds', '3600'],
    ['secret', 'x'],
    ['id', 'x'],
  ])('are refused where %s is %j, and the answer names it', async (field, value) => {
    const before = await countCreated();
    const refused = await create({ [field.replace(/\[.*/, '')]: value });
    expect(summarise(refused)).toBe('400 invalid_request');
    expect(refused.body.details.map((detail: { path: string }) => detail.path)).toEqual([field]);
    expect(await list()).toEqual([]);
    expect(await countCreated()).toBe(before);
  });

  it('names every field that is wrong', async () => {
    const refused = await create({ issuer: 'https://id.example#x', audience: '\u0007', workspace_prefix: '\n' });
    expect(summarise(refused)).toBe('400 invalid_request');
    const paths = refused.body.details.map((detail: { path: string }) => detail.path);
    expect(paths.sort()).toEqual(['audience', 'issuer', 'workspace_prefix']);
  });

  it.each([
    'https://10.0.0.1',
    'https://172.16.0.1',
    'https://192.168.0.1',
    'https://169.254.169.254',
    'https://168.63.129.16',
    'https://100.64.0.1',
    'https://0.0.0.0',
    'https://0x0a000001',
    'https://224.0.0.1',
    'https://[fd00::1]',
    'https://[fe80::1]',
    'https://[::ffff:10.0.0.1]',
    'https://[64:ff9b::a00:1]',
    'https://10.0.0.1:8443',
    'https://id.example:22',
  ])('S-1 S-5: never have their keys fetched from %s', async (origin) => {
    const before = await countCreated();
    for (const [field, refused] of [
      ['issuer', await create({ issuer: `${origin}/idp` })],
      ['jwks_uri', await create({ jwks_uri: `${origin}/keys` })],
    ] as const) {
      expect(summarise(refused)).toBe('422 issuer_unsafe');
      expect(refused.body.details).toEqual([{ path: field, message: expect.any(String) }]);
    }
    expect(await list()).toEqual([]);
    expect(await countCreated()).toBe(before);
  });

  it('S-1: may live where this machine does not go, as long as their keys do not', async () => {
    const created = await create({ issuer: 'https://10.0.0.1/idp', jwks_uri: 'http://127.0.0.1:7/keys' });
    expect(created.status).toBe(201);
  });

  it.each(['http://127.0.0.1:7', 'http://127.8.8.8:7', 'http://localhost:7', 'http://[::1]:7', 'https://127.0.0.1:7'])(
    'may be this machine in development: %s',
    async (origin) => {
      const created = await create({ issuer: `${origin}/idp`, jwks_uri: `${origin}/keys` });
      expect([created.status, created.body.issuer]).toEqual([201, `${origin}/idp`]);
      expect((await create({ issuer: `${origin}/discovered`, workspace_prefix: 'discovered:' })).status).toBe(201);
    },
  );
});
