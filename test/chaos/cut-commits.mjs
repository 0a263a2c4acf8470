/** The long form of cut-commits.test.ts. */
import { runLongForm } from '../long-form.mjs';

await runLongForm({
  command: 'npm run chaos:commits',
  files: ['test/chaos/cut-commits.test.ts'],
  prefix: 'NEXUS_CHAOS',
  numbers: { runs: 500 },
  startsServices: true,
});
