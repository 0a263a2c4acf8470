/** The long form of rotate-keys.test.ts. `--rate` is RESEAL_ROWS_PER_SECOND, low enough that the kills hit. */
import { runLongForm } from '../long-form.mjs';

await runLongForm({
  command: 'npm run rotation',
  files: ['test/chaos/rotate-keys.test.ts'],
  prefix: 'NEXUS_ROTATION',
  numbers: { connections: 10_000, reads: 200, kills: 20, replicas: 3, rate: 250 },
  choices: { engine: ['sqlite', 'postgres'] },
  startsServices: true,
});
