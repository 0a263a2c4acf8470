/** The long form of kill-refresh.test.ts. On SQLite there is one Broker; without a moment, each run has one of its own. */
import { runLongForm } from '../long-form.mjs';

await runLongForm({
  command: 'npm run chaos:refresh',
  files: ['test/chaos/kill-refresh.test.ts'],
  prefix: 'NEXUS_REFRESH',
  numbers: { runs: 500, replicas: 3 },
  choices: {
    engine: ['sqlite', 'postgres'],
    moment: ['calm', 'asked', 'answered', 'lost', 'partial', 'slow', 'failing', 'throttled'],
  },
  startsServices: true,
});
