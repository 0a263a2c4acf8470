/** The long form of audit-manipulations.test.ts, both verifiers on each. */
import { runLongForm } from '../long-form.mjs';

await runLongForm({
  command: 'npm run tampering',
  files: ['test/security/audit-manipulations.test.ts'],
  prefix: 'NEXUS_TAMPERING',
  numbers: { runs: 5_000 },
});
