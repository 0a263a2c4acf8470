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
let key: string;

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
  const input = { name: 'admin', role: 'admin', expiresAt: null, agentId: null } as const;
  key = (await createKey(opened.deps, input, systemOrigin('test'))).value;
});
afterEach(async () => {
  await opened.close('test');
  await rm(folder, { recursive: true, force: true });
});

async function send(method: string, path: string, body: Json | null = null) {
  const answer = await createApp(opened.deps).request(path, {
    method,
    headers: { 'X-API-Key': key, ...(body === null ? {} : { 'Content-Type': 'application/json' }) },
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
  it.each([
    ['its prefix is the verification endpoint’s', { workspace_prefix: 'ext:' }],
    ['it is the verification endpoint', { issuer: 'http://127.0.0.1:7/verify' }],
  ])('B11: are refused when %s, which is an issuer that no row holds', async (_case, changes) => {
    const { status, body } = await create(changes);
    expect([status, body['code'], await list(), await readEvents('issuer.created')]).toEqual([
      409,
      'issuer_exists',
      [],
      [],
    ]);
  });

  it('end the sessions of their users when they are deleted, and of nobody else', async () => {
    const { body } = await create();
    await plantSession(minimal.issuer);
    await plantSession(minimal.issuer);
    const other = await plantSession('https://other.example');
    const own = await plantSession(null);
    const deleted = await send('DELETE', `/admin/v1/issuers/${body['id']}`);
    expect(deleted).toMatchObject({ status: 200, body: { deleted: true, sessions_closed: 2 } });
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
