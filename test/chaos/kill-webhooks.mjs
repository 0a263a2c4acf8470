/** The long form of kill-webhooks.test.ts. */
import { runLongForm } from '../long-form.mjs';

await runLongForm({
  command: 'npm run chaos:webhooks',
  files: ['test/chaos/kill-webhooks.test.ts'],
  prefix: 'NEXUS_CHAOS',
  numbers: { kills: 50 },
  choices: { engine: ['sqlite', 'postgres'] },
  startsServices: true,
});
