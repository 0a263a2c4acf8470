import { availableParallelism } from 'node:os';
import { defineConfig } from 'vitest/config';
import { BaseSequencer, type TestSpecification } from 'vitest/node';

// `import` must not be among them: vitest passes them to Node, where it would break `require` of packages with both forms.
const conditions = ['nexus-source', 'module', 'node'];

/** Files that start services take longest; begun first, none of them is what the end of a run waits for. */
class ServicesFirst extends BaseSequencer {
  override async sort(files: TestSpecification[]): Promise<TestSpecification[]> {
    const sorted = await super.sort(files);
    const isLong = ({ moduleId }: TestSpecification) => /\/test\/(chaos|flows|security|browser)\//.test(moduleId);
    return [...sorted.filter(isLong), ...sorted.filter((file) => !isLong(file))];
  }
}

const resolution = {
  resolve: { conditions },
  ssr: { resolve: { conditions, externalConditions: ['nexus-source'] } },
};
const limits = { environment: 'node', testTimeout: 30_000, hookTimeout: 120_000, env: { TZ: 'UTC' } } as const;
export default defineConfig({
  ...resolution,
  test: {
    // One PostgreSQL for the run, started when the first suite asks for it.
    globalSetup: ['packages/testkit/src/postgres-global-setup.ts', 'test/support/bundle-services.ts'],
    // Many tests wait, for a time or for a process: one worker more than there are cores uses what they leave.
    maxWorkers: Math.min(4, availableParallelism() + 1),
    sequence: { sequencer: ServicesFirst },
    ...limits,
    include: ['packages/*/src/**/*.test.ts', 'nexus-*/src/**/*.test.ts', 'test/**/*.test.ts'],
    // A worker loads what its files share once, not for each: tests put back what they change of the process.
    isolate: false,
  },
});
