import { spawnSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { root } from '../repository.js';

/** One forbidden import per rule; each must be reported, or the rule is asleep. */
const violations: readonly (readonly [rule: string, from: string, to: string])[] = [
  ['domain', 'nexus-broker/src/domain/connection.ts', 'nexus-broker/src/stores/connection-store.ts'],
  ['services', 'nexus-broker/src/services/keys/create-key.ts', 'nexus-broker/src/routes/keys/create-key.ts'],
  ['services-types', 'nexus-broker/src/services/keys/list-keys.ts', 'nexus-broker/src/stores/connection-store.ts'],
  [
    'one-service-folder',
    'nexus-broker/src/services/keys/revoke-key.ts',
    'nexus-broker/src/services/flows/open-flow.ts',
  ],
  ['stores', 'nexus-broker/src/stores/key-store.ts', 'nexus-broker/src/services/flows/open-flow.ts'],
  ['oauth', 'nexus-broker/src/oauth/exchange-code.ts', 'nexus-broker/src/stores/connection-store.ts'],
  ['audit-types', 'nexus-broker/src/audit/audit-log.ts', 'nexus-broker/src/stores/connection-store.ts'],
  ['refresh-types', 'nexus-broker/src/refresh/engine.ts', 'nexus-broker/src/stores/connection-store.ts'],
  ['backup-types', 'nexus-broker/src/backup/take-backup.ts', 'nexus-broker/src/stores/connection-store.ts'],
  ['grants-types', 'nexus-broker/src/grants/store-grant.ts', 'nexus-broker/src/stores/connection-store.ts'],
  ['routes-broker', 'nexus-broker/src/routes/keys/list-keys.ts', 'nexus-broker/src/stores/connection-store.ts'],
  ['one-route-folder', 'nexus-broker/src/routes/keys/get-key.ts', 'nexus-broker/src/routes/flows/get-flow.ts'],
  ['jobs', 'nexus-broker/src/jobs/scheduler.ts', 'nexus-broker/src/stores/connection-store.ts'],
  ['app-broker', 'nexus-broker/src/app.ts', 'nexus-broker/src/stores/connection-store.ts'],
  ['no-foreign-service', 'nexus-gateway/src/routes/v1/get-token.ts', 'nexus-broker/src/stores/connection-store.ts'],
  ['translate', 'nexus-gateway/src/translate/connection.ts', 'nexus-gateway/src/routes/v1/get-token.ts'],
  ['schemas', 'nexus-gateway/src/schemas/v1/connection.ts', 'nexus-gateway/src/translate/provider.ts'],
  ['package-core', 'packages/core/src/errors.ts', 'packages/config/src/load.ts'],
  ['package-strategies', 'packages/strategies/src/apply.ts', 'packages/http/src/app.ts'],
  ['package-catalogue', 'packages/catalogue/src/template-file.ts', 'packages/http/src/app.ts'],
  ['catalogue-at-run-time', 'packages/catalogue/src/templates.ts', 'packages/catalogue/src/template-schema.ts'],
  ['testkit-only-in-tests', 'nexus-broker/src/deps.ts', 'packages/testkit/src/postgres.ts'],
  ['sql-only-in-stores', 'nexus-broker/src/services/keys/sql.ts', 'node_modules/kysely/index.ts'],
  ['openid-client-only-in-oauth', 'nexus-broker/src/services/keys/oidc.ts', 'node_modules/openid-client/index.ts'],
  ['ciphers-only-in-vault', 'nexus-broker/src/stores/cipher.ts', 'node_modules/@noble/ciphers/index.ts'],
  ['hono-only-at-the-edge', 'nexus-broker/src/services/keys/edge.ts', 'node_modules/hono/index.ts'],
  ['dependencies-of-core', 'packages/core/src/ids.ts', 'node_modules/left-pad/index.ts'],
];

let folder = '';
let reported: readonly { readonly rule: string; readonly from: string }[] = [];

interface CruiseReport {
  readonly summary: {
    readonly violations: readonly { readonly from: string; readonly rule: { readonly name: string } }[];
  };
}

beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'nexus-layers-'));
  const write = (path: string, text: string): void => {
    mkdirSync(dirname(join(folder, path)), { recursive: true });
    writeFileSync(join(folder, path), text);
  };
  for (const [, , to] of violations) write(to, 'export const value = 1;\n');
  for (const [, from, to] of violations) {
    const up = '../'.repeat(from.split('/').length - 1);
    write(from, `import { value } from '${up}${to.replace(/\.ts$/, '.js')}';\nexport const copy = value;\n`);
  }
  // Typed imports of the same target are what the "types" rules allow.
  write(
    'nexus-broker/src/services/providers/typed.ts',
    "import type { value } from '../../stores/connection-store.js';\nexport type Copy = typeof value;\n",
  );
  const { stdout, stderr } = spawnSync(
    process.execPath,
    [
      join(root, 'node_modules/dependency-cruiser/bin/dependency-cruise.mjs'),
      '--config',
      join(root, '.dependency-cruiser.cjs'),
      '--output-type',
      'json',
      folder,
    ],
    { cwd: root, encoding: 'utf8', maxBuffer: 64 * 1024 * 1024 },
  );
  if (stdout === '') throw new Error(stderr);
  const report = JSON.parse(stdout) as CruiseReport;
  reported = report.summary.violations.map(({ from, rule }) => ({ rule: rule.name, from }));
});

afterAll(() => {
  rmSync(folder, { recursive: true, force: true });
});

describe('the layering rules', () => {
  it.each(violations)('%s: reports %s importing %s', (rule, from) => {
    expect(reported.filter((violation) => violation.from.endsWith(from)).map((violation) => violation.rule)).toContain(
      rule,
    );
  });

  it('allow a service to import the types of a store', () => {
    expect(reported.filter(({ from }) => from.endsWith('services/providers/typed.ts'))).toEqual([]);
  });
});
