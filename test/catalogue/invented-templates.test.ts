import { generateKeyPairSync } from 'node:crypto';
import { afterAll, beforeAll, describe, it } from 'vitest';
import { type CatalogueWorld, openCatalogueWorld } from './catalogue-world.js';
import { inventedOauth, inventedStatic } from './invented-templates.js';
import { liveThrough } from './oauth-life.js';
import { captureAndUse } from './static-life.js';

const { privateKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' });
const keyClient = { id: 'fixture-client', secret: privateKey.export({ format: 'pem', type: 'pkcs8' }).toString() };

describe('providers that do what no shipped template does', () => {
  let world: CatalogueWorld;
  beforeAll(async () => {
    world = await openCatalogueWorld();
  });
  afterAll(() => world.close());

  for (const under of inventedOauth) {
    const isKeyed = under.profile.token_endpoint_auth_method === 'private_key_jwt';
    it(`${under.name}: connects, refreshes, is deleted`, () =>
      liveThrough(world, under, isKeyed ? keyClient : undefined));
  }

  for (const under of inventedStatic) {
    it(`${under.name}: takes a credential, checks it, and uses it`, () => captureAndUse(world, under));
  }
});
