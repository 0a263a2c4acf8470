import { systemClock } from '@nexus/core/clock';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { AuditLog } from '../../audit/audit-log.js';
import type { Principal } from '../../domain/api-key.js';
import { keyBody, oauthBody } from '../../domain/profile-fixture.test-data.js';
import { parseProviderProfile } from '../../domain/provider-profile.js';
import { context, createEngineRig, type EngineRig } from '../../refresh/engine-fixture.js';
import { describeEachDatabase } from '../../stores/describe-each-database.js';
import { createCredentialInput, createId, insertConnection, insertProvider } from '../../stores/store-fixture.js';
import { updateProvider } from './update-provider.js';

const probedBody = { ...keyBody, inputs: { place: { title: 'Place' } }, probe: { path: '/{place}/me' } };
const { client_secret: _, ...publicBody } = oauthBody;

describeEachDatabase('a change of a provider that has no client secret', (open) => {
  let rig: EngineRig;

  beforeAll(async () => {
    rig = await createEngineRig(await open());
  });
  afterAll(() => rig.close());

  async function register(body: object): Promise<string> {
    const { profile } = parseProviderProfile(
      { ...body, name: createId().toLowerCase() },
      { environment: 'production' },
    );
    const { providerId } = await insertProvider(rig.database, { profile, sealedSecrets: null });
    return providerId;
  }

  async function connect(providerId: string): Promise<void> {
    const pending = await insertConnection(rig.database, providerId);
    await rig.database.transaction(({ connections }) => connections.storeCredential(createCredentialInput(pending)));
  }

  function patch(providerId: string, change: Record<string, unknown>, role: Principal['role']) {
    const { database, vault, client: providerClient } = rig;
    const audit = new AuditLog({ database, vault, clock: systemClock, onError: () => undefined });
    const catalogue = { findTemplate: () => null, listTemplates: () => [] };
    const deps = { database, vault, audit, clock: systemClock, providerClient, catalogue };
    const by = { ...context, principal: { keyId: 'key', lastFour: 'xxxx', role } as Principal };
    return updateProvider({ ...deps, environment: 'production' }, { providerId, patch: change }, by);
  }

  it.each([
    [probedBody, { probe: { path: 'https://evil.example/{place}' } }, 'probe'],
    [probedBody, { api_base_url: 'https://evil.example' }, 'api_base_url'],
    [publicBody, { refresh: { method: 'GET' } }, 'refresh'],
  ])('S-9: is an admin’s where connections hold credentials', async (body, change, field) => {
    const [idle, used] = [await register(body), await register(body)];
    await connect(used);
    expect((await patch(idle, change, 'operator')).version).toBe(2);
    const refused = { code: 'forbidden', message: expect.stringContaining(field) };
    await expect(patch(used, change, 'operator')).rejects.toMatchObject(refused);
    expect((await patch(used, change, 'admin')).version).toBe(2);
  });
});
