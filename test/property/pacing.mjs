/** R8, R9, R14 and R15 with as many connections as the threat cases speak of. */
import { runLongForm } from '../long-form.mjs';

await runLongForm({
  command: 'npm run property:pacing',
  files: ['nexus-broker/src/testing/pacing/schedule.test.ts', 'nexus-broker/src/testing/pacing/outage.test.ts'],
  prefix: 'NEXUS_PACING',
  numbers: { full: 1 },
  inMemory: true,
});
