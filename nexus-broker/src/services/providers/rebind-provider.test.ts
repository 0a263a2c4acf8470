import { systemClock } from '@nexus/core/clock';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { AuditLog } from '../../audit/audit-log.js';
import type { OauthCredential } from '../../domain/credential.js';
import { readQuirks } from '../../oauth/provider-fixture.js';
import { type Connected, context, createEngineRig, type EngineRig } from '../../refresh/engine-fixture.js';
import { describeEachDatabase } from '../../stores/describe-each-database.js';
import { rebindProvider } from './rebind-provider.js';

describeEachDatabase('a rebind', (open) => {
  let rig: EngineRig;

  beforeAll(async () => {
    rig = await createEngineRig(await open());
  });
  afterAll(() => rig.close());

  const rebind = ({ provider }: Connected, toOrigin: string) => {
    const { database, vault, client: providerClient } = rig;
    const audit = new AuditLog({ database, vault, clock: systemClock, onError: () => undefined });
    const fromOrigin = rig.authority.upstream.origin;
    const input = { providerId: provider.providerId, fromOrigin, toOrigin };
    return rebindProvider({ database, vault, audit, clock: systemClock, providerClient }, input, context);
  };
  const held = async ({ connection }: Connected): Promise<OauthCredential> =>
    rig.open(await rig.read(connection.connectionRef));

  it('S-9: resets what a credential may be sent to to what the profile names now', async () => {
    const connected = await rig.connect(
      {
        tokenUrl: 'https://new.example.com/token',
        refreshUrl: 'https://renew.example.com/',
        revocationEndpoint: null,
        ...readQuirks({ revoke: { via: 'http', request: { url: 'https://api.example.com/off' } } }),
      },
      { origins: [rig.authority.upstream.origin, 'https://old.example.com'] },
    );
    await expect(rebind(connected, 'https://renew.example.com')).rejects.toMatchObject({ code: 'invalid_request' });
    expect(await rebind(connected, 'https://new.example.com')).toMatchObject({ connections: 1 });
    expect((await held(connected)).origins).toEqual([
      'https://new.example.com',
      'https://renew.example.com',
      'https://api.example.com',
    ]);
  });

  describe('of a provider with a host for each tenant', () => {
    const tenants = () =>
      rig.connect({
        tokenUrl: 'https://{tenant}.example.com/token',
        revocationEndpoint: null,
        ...readQuirks({ inputs: { tenant: { title: 'Tenant', default: 'acme' } } }),
      });

    it('covers the connections for which the profile names the origin', async () => {
      const connected = await tenants();
      await expect(rebind(connected, 'https://other.example.com')).rejects.toMatchObject({
        details: [{ path: 'to_origin' }],
      });
      expect(await rebind(connected, 'https://acme.example.com')).toMatchObject({ connections: 1 });
      const { issuedOrigin } = await rig.read(connected.connection.connectionRef);
      expect(issuedOrigin).toBe('https://acme.example.com');
    });
  });
});
