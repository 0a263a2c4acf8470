/** Which file runs a service. */
import { dirname, join } from 'node:path';

/** The compiled mains, from the root of the repository. */
export const services = ['nexus-broker/dist/main.js', 'nexus-gateway/dist/main.js'] as const;
export type ServiceMain = (typeof services)[number];

/** The environment variable by which the global setup tells the workers where the bundled services are. */
export const bundlesVariable = 'NEXUS_TEST_SERVICES';

/** What to give to Node, started in the root of the repository; without bundles, the compiled main itself. */
export function findMain(main: ServiceMain): string {
  const folder = process.env[bundlesVariable];
  return folder === undefined ? main : placeBundle(folder, main);
}

export function placeBundle(folder: string, main: ServiceMain): string {
  return join(folder, dirname(dirname(main)), 'main.mjs');
}
