import { afterAll, beforeAll, describe, it } from 'vitest';
import { type CatalogueWorld, openCatalogueWorld } from './catalogue-world.js';
import { captureAndUse } from './static-life.js';
import { isOauth, loadTemplates } from './templates.js';

const templates = (await loadTemplates()).filter((template) => !isOauth(template));

describe('static templates', () => {
  let world: CatalogueWorld;
  beforeAll(async () => {
    world = await openCatalogueWorld();
  });
  afterAll(() => world.close());

  for (const under of templates) {
    it(`${under.name}: takes a credential, checks it, and uses it`, () => captureAndUse(world, under));
  }
});
