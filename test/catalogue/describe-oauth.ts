import { afterAll, beforeAll, describe, it } from 'vitest';
import { type CatalogueWorld, openCatalogueWorld } from './catalogue-world.js';
import { liveThrough } from './oauth-life.js';
import { isOauth, loadTemplates } from './templates.js';

/** One test for each OAuth template whose name is not before `from` and before `to`; files share them, so that workers do. */
export async function describeOauth({
  from = '',
  to = '~',
}: {
  readonly from?: string;
  readonly to?: string;
}): Promise<void> {
  const templates = (await loadTemplates()).filter((under) => isOauth(under) && under.name >= from && under.name < to);

  describe(`OAuth templates from ${templates[0]?.name}`, () => {
    let world: CatalogueWorld;
    beforeAll(async () => {
      world = await openCatalogueWorld();
    });
    afterAll(() => world.close());

    for (const under of templates) {
      it(`${under.name}: connects, refreshes, is deleted`, () => liveThrough(world, under));
    }
  });
}
