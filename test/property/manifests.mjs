/** The long form of manifests.test.ts. */
import { runLongForm } from '../long-form.mjs';

await runLongForm({
  command: 'npm run property:manifests',
  files: ['test/property/manifests.test.ts'],
  prefix: 'NEXUS_MANIFESTS',
  numbers: { runs: 300 },
  startsServices: true,
  inMemory: true,
});
