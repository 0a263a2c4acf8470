import { createCertificateAuthority } from '@nexus/testkit/certificates';
import { type ScriptedProvider, startScriptedProvider } from '@nexus/testkit/scripted-provider';
import { afterAll, afterEach, describe, expect, it, vi } from 'vitest';
import { createGuardFactory, failureOf } from './guard-fixture.js';
import type { GuardedFetch } from './guarded-fetch.js';

const authority = createCertificateAuthority('Guard test authority');

const guards = createGuardFactory();
const createGuard = guards.create;

afterEach(async () => {
  await guards.dispose();
  vi.unstubAllEnvs();
});

describe('S-8: bad certificates are refused before a byte of the request is sent', () => {
  const servers: ScriptedProvider[] = [];
  afterAll(() => Promise.all(servers.map((server) => server.close())));

  async function serve(options: Parameters<typeof authority.issue>[0], by = authority): Promise<ScriptedProvider> {
    const server = await startScriptedProvider({ tls: by.issue(options) });
    server.answer('/', { body: { ok: true } });
    servers.push(server);
    return server;
  }

  const post = (guard: GuardedFetch, server: ScriptedProvider) =>
    guard.fetch(`https://idp.example:${new URL(server.origin).port}/`, { method: 'POST', body: 'secret' });

  const createTlsGuard = (ca: readonly string[] = [authority.cert]) =>
    createGuard({ environment: 'production', egressAllow: ['127.0.0.0/8'], resolve: async () => ['127.0.0.1'], ca });

  it('a good one is accepted, for its name', async () => {
    const server = await serve({ commonName: 'idp', names: ['idp.example'] });
    expect(await (await post(createTlsGuard(), server)).json()).toEqual({ ok: true });
  });

  it.each([
    ['expired', { commonName: 'idp', names: ['idp.example'], notAfter: new Date(Date.now() - 3_600_000) }],
    ['not yet valid', { commonName: 'idp', names: ['idp.example'], notBefore: new Date(Date.now() + 3_600_000) }],
    ['for another host', { commonName: 'idp.example', names: ['other.example'] }],
    ['for the address only', { commonName: 'idp', names: ['127.0.0.1'] }],
  ])('one that is %s', async (_case, options) => {
    const server = await serve(options);
    expect(await failureOf(post(createTlsGuard(), server))).toMatchObject({ reason: 'tls', wasSent: false });
    expect(server.requests()).toHaveLength(0);
  });

  it('S-7: one of an unknown authority, even with NODE_TLS_REJECT_UNAUTHORIZED=0', async () => {
    vi.stubEnv('NODE_TLS_REJECT_UNAUTHORIZED', '0');
    const stranger = createCertificateAuthority('Stranger');
    const server = await serve({ commonName: 'idp', names: ['idp.example'] }, stranger);
    expect(await failureOf(post(createTlsGuard(), server))).toMatchObject({ reason: 'tls', wasSent: false });
    expect(server.requests()).toHaveLength(0);
  });
});
