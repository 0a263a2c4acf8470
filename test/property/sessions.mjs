/** The long form of session-properties.test.ts. */
import { runLongForm } from '../long-form.mjs';

await runLongForm({
  command: 'npm run property',
  files: ['nexus-broker/src/testing/sessions/session-properties.test.ts'],
  prefix: 'NEXUS_PROPERTY',
  numbers: { runs: 10_000 },
  choices: { engine: ['sqlite', 'postgres'] },
  preset: { engine: 'sqlite' },
  inMemory: true,
});
