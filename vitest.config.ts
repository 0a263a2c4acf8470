import { defineConfig } from 'vitest/config';

// `import` must not be among them: vitest passes them to Node, where it would break `require` of packages with both forms.
const conditions = ['nexus-source', 'module', 'node'];

export default defineConfig({
  resolve: { conditions },
  ssr: { resolve: { conditions, externalConditions: ['nexus-source'] } },
  test: {
    environment: 'node',
    include: ['packages/*/src/**/*.test.ts', 'nexus-*/src/**/*.test.ts', 'test/**/*.test.ts'],
    testTimeout: 30_000,
    hookTimeout: 120_000,
    // One PostgreSQL for the run, started when the first suite asks for it.
    globalSetup: ['packages/testkit/src/postgres-global-setup.ts'],
    maxWorkers: 2,
    env: { TZ: 'UTC' },
  },
});
