/** The long form of kill-broker.test.ts. */
import { runLongForm } from '../long-form.mjs';

await runLongForm({
  command: 'npm run chaos',
  files: ['test/chaos/kill-broker.test.ts'],
  prefix: 'NEXUS_CHAOS',
  numbers: { kills: 100 },
  choices: { engine: ['sqlite', 'postgres'] },
  startsServices: true,
});
