/** The long form of refresh-properties.test.ts. */
import { runLongForm } from '../long-form.mjs';

await runLongForm({
  command: 'npm run property:refresh',
  files: ['nexus-broker/src/testing/refresh/refresh-properties.test.ts'],
  prefix: 'NEXUS_PROPERTY',
  numbers: { runs: 10_000 },
  inMemory: true,
});
