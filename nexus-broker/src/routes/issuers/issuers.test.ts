import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { toInstant } from '@nexus/core/clock';
import { captureLog } from '@nexus/http/testing';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { createApp } from '../../app.js';
import { loadConfig } from '../../config.js';
import { type OpenedDeps, openDeps } from '../../deps.js';
import type { AgentSession } from '../../domain/agent-session.js';
import { systemOrigin } from '../../domain/request-context.js';
import { createKey } from '../../services/keys/create-key.js';
import { createHashText, createId } from '../../stores/store-fixture.js';

type Json = Record<string, unknown>;

let folder: string;
let opened: OpenedDeps;
let keys: Record<string, string>;

const minimal = { issuer: 'http://127.0.0.1:7/idp', audience: 'nexus', workspace_prefix: 'a:' };

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'nexus-issuers-'));
  const environment = {
    NEXUS_ENV: 'development',
    DATA_DIR: folder,
    PUBLIC_URL: 'http://127.0.0.1:1',
    USER_VERIFICATION_URL: 'http://127.0.0.1:7/verify',
    USER_VERIFICATION_WORKSPACE_PREFIX: 'ext:',
  };
  const { config, secrets } = loadConfig(environment);
  opened = await openDeps(config, secrets, captureLog('error').logger);
  keys = {};
  for (const role of ['admin', 'operator', 'auditor'] as const) {
    const input = { name: role, role, expiresAt: null, agentId: null };
    keys[role] = (await createKey(opened.deps, input, systemOrigin('test'))).value;
  }
});
afterEach(async () => {
  await opened.close('test');
  await rm(folder, { recursive: true, force: true });
});

async function send(method: string, path: string, body: Json | null = null, role = 'admin') {
  const answer = await createApp(opened.deps).request(path, {
    method,
    headers: { 'X-API-Key': keys[role] ?? '', ...(body === null ? {} : { 'Content-Type': 'application/json' }) },
    body: body === null ? null : JSON.stringify(body),
  });
  return { status: answer.status, body: (await answer.json()) as Json };
}
const create = (changes: Json = {}) => send('POST', '/admin/v1/issuers', { ...minimal, ...changes });
const list = async () => (await send('GET', '/admin/v1/issuers')).body['issuers'] as readonly Json[];

async function readEvents(eventType: string): Promise<readonly Json[]> {
  const { body } = await send('GET', `/audit?event_type=${eventType}`);
  return body['events'] as readonly Json[];
}

describe('issuers of user tokens', () => {
  it('are registered with the defaults of the contract, listed and audited', async () => {
    const { status, body } = await create();
    expect([status, body]).toEqual([
      201,
      {
        ...minimal,
        id: expect.any(String),
        jwks_uri: null,
        algorithms: ['RS256', 'ES256', 'EdDSA'],
        scope_claim: null,
        tenant_claim: 'tenant_id',
        clearance_claim: 'clearance_level',
        workspace_from: 'sub',
        max_lifetime_seconds: 3600,
        created_at: expect.any(String),
      },
    ]);
    expect(await list()).toEqual([body]);
    expect(await readEvents('issuer.created')).toMatchObject([
      {
        outcome: 'success',
        data: { issuer_id: body['id'], issuer: minimal.issuer, audience: 'nexus', workspace_prefix: 'a:' },
      },
    ]);
  });

  it.each([
    ['the issuer is registered', {}],
    ['its prefix is another issuer’s', { issuer: 'http://127.0.0.1:7/other' }],
    ['its prefix is the verification endpoint’s', { issuer: 'http://127.0.0.1:7/other', workspace_prefix: 'ext:' }],
    ['it is the verification endpoint', { issuer: 'http://127.0.0.1:7/verify', workspace_prefix: 'b:' }],
  ])('are refused when %s', async (_case, changes) => {
    await create();
    const { status, body } = await create(changes);
    expect([status, body['code']]).toEqual([409, 'issuer_exists']);
    expect([(await list()).length, (await readEvents('issuer.created')).length]).toEqual([1, 1]);
  });

  it.each([
    ['issuer', 'https://10.0.0.1'],
    ['issuer', 'https://169.254.169.254/idp'],
    ['jwks_uri', 'https://[fd00::1]/jwks'],
    ['jwks_uri', 'https://192.168.0.1/jwks'],
  ])('S-1: are refused with a private %s %s', async (field, url) => {
    const { status, body } = await create({ [field]: url });
    expect([status, body['code'], await list()]).toEqual([422, 'issuer_unsafe', []]);
  });

  it.each([
    ['issuer', 'http://idp.example'],
    ['issuer', 'https://idp.example?x=1'],
    ['jwks_uri', 'https://user@idp.example'],
    ['algorithms', ['HS256']],
    ['algorithms', ['none']],
    ['algorithms', []],
    ['workspace_prefix', 'a\u0007'],
    ['max_lifetime_seconds', 0],
    ['unknown', true],
  ])('are refused with %s %j', async (field, value) => {
    const { status, body } = await create({ [field]: value });
    expect([status, body['code'], await list()]).toEqual([400, 'invalid_request', []]);
  });

  it.each(['operator', 'auditor'])('are no business of an %s', async (role) => {
    const { body } = await create();
    const answers = [
      await send('POST', '/admin/v1/issuers', minimal, role),
      await send('GET', '/admin/v1/issuers', null, role),
      await send('DELETE', `/admin/v1/issuers/${body['id']}`, null, role),
    ];
    expect(answers.map(({ status }) => status)).toEqual([403, 403, 403]);
    expect(await list()).toHaveLength(1);
  });

  it('are deleted once, which ends the sessions of their users and of nobody else', async () => {
    const { body } = await create();
    await plantSession(minimal.issuer);
    await plantSession(minimal.issuer);
    const other = await plantSession('https://other.example');
    const own = await plantSession(null);
    const path = `/admin/v1/issuers/${body['id']}`;
    expect(await send('DELETE', path)).toMatchObject({ status: 200, body: { deleted: true, sessions_closed: 2 } });
    expect(await send('DELETE', path)).toMatchObject({ status: 404, body: { code: 'issuer_not_found' } });
    expect(await list()).toEqual([]);
    for (const sessionId of [other, own]) {
      const found = await opened.deps.database.stores.sessions.findById(sessionId);
      expect(found?.session.closedAt).toBeNull();
    }
    expect(await readEvents('session.closed')).toMatchObject([
      { acting_for: 'user', data: { reason: 'issuer_deleted' } },
      { acting_for: 'user', data: { reason: 'issuer_deleted' } },
    ]);
    expect(await readEvents('issuer.deleted')).toMatchObject([
      { data: { issuer: minimal.issuer, sessions_closed: 2 } },
    ]);
  });
});

async function plantSession(issuer: string | null): Promise<string> {
  const { database } = opened.deps;
  const createdAt = await database.now();
  const session: AgentSession = {
    sessionId: `sess_${createId()}`,
    tokenHash: createHashText(),
    agentId: 'agent',
    openedBy: createId(),
    connectionRef: createId(),
    providerId: createId(),
    workspaceId: 'a:user',
    scopes: ['read'],
    onBehalfOf: issuer === null ? null : { issuer, subject: 'user', tenantId: null, clearanceLevel: 0 },
    createdAt,
    expiresAt: toInstant(Date.parse(createdAt) + 600_000),
    closedAt: null,
    end: null,
    sealedToken: null,
    tokenVersion: 0,
    tokenOrigin: '',
  };
  await database.transaction((stores) => stores.sessions.insert(session));
  return session.sessionId;
}
