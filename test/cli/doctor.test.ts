import { chmod, cp, mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { createKey } from '../support/fixtures.js';
import { prepareMovedClock } from '../support/moved-clock.js';
import { runCli } from '../support/nexus-cli.js';
import { runSql } from '../support/sql.js';
import { type Stack, startStack } from '../support/stack.js';
import { waitFor } from '../support/wait.js';

describe('nexus-cli doctor at a Broker and a Gateway', () => {
  let stack: Stack;
  let folder: string;
  const at = (name: string) => join(folder, name);

  beforeAll(async () => {
    stack = await startStack({ engine: 'sqlite' });
    folder = await mkdtemp(join(tmpdir(), 'nexus-doctor-'));
    await cp(join(stack.dataDir, 'admin.key'), at('admin.key'));
    await chmod(at('admin.key'), 0o600);
  });
  afterAll(async () => {
    await stack.close();
    await rm(folder, { recursive: true, force: true });
  });

  /** The exit code as `code`, and what was found, by check. */
  async function examine(changes: Readonly<Record<string, string>> = {}): Promise<Record<string, unknown>> {
    const env = {
      NEXUS_BROKER_URL: stack.brokerUrl,
      NEXUS_GATEWAY_URL: stack.gatewayUrl,
      ...(changes['NEXUS_API_KEY'] === undefined ? { NEXUS_API_KEY_FILE: at('admin.key') } : {}),
      ...changes,
    };
    const { code, stdout, stderr } = await runCli(['doctor', '--json'], null, env);
    expect(stderr).toBe('');
    const { healthy, findings } = JSON.parse(stdout);
    expect(code).toBe(healthy ? 0 : 1);
    for (const { check, state, mend } of findings)
      expect([check, mend !== null]).toEqual([check, /warn|fail/.test(state)]);
    const byCheck = findings.map(({ check, state, found, mend }: Record<string, string>) => [
      check,
      `${state} | ${found} | ${mend}`,
    ]);
    return { code, ...Object.fromEntries(byCheck) };
  }

  it('finds nothing that failed, and two things that development brings with it', async () => {
    const found = await examine();
    expect(found).toMatchObject({
      code: 0,
      settings: expect.stringMatching(/^ok/),
      Broker: expect.stringMatching(/^ok \| ready at /),
      'Broker clock': expect.stringMatching(/^ok/),
      key: expect.stringMatching(/^ok \| known, role admin/),
      environment: expect.stringMatching(/^warn \| development.*NEXUS_ENV=production/),
      database: expect.stringMatching(/^ok \| sqlite, \d+ migrations/),
      'audit grants': expect.stringMatching(/^warn .*SQLite knows no roles/),
      sealing: expect.stringMatching(/^ok/),
      'key ages': expect.stringMatching(/^ok \| \d+ active data keys/),
      Gateway: expect.stringMatching(/^ok \| ready at /),
    });
    expect(Object.values(found).filter((text) => String(text).startsWith('warn'))).toHaveLength(2);
  });

  it('finds keys that others may read, and a profile that others may write', async () => {
    await cp(at('admin.key'), at('open.key'));
    await chmod(at('open.key'), 0o640);
    await mkdir(at('nexus'));
    await writeFile(at('nexus/profiles.yaml'), 'profiles: {}\n');
    await chmod(at('nexus/profiles.yaml'), 0o666);
    const found = await examine({ NEXUS_API_KEY_FILE: at('open.key'), XDG_CONFIG_HOME: folder });
    expect(found).toMatchObject({
      code: 1,
      'key file': expect.stringMatching(/^fail \| .*open\.key \| Run chmod 600 /),
      'profile file': expect.stringMatching(/^fail \| .*Run chmod go-w /),
      Broker: expect.stringMatching(/^ok/),
    });
  });

  it('finds a folder where the profile file should be', async () => {
    const config = at('config');
    await mkdir(join(config, 'nexus', 'profiles.yaml'), { recursive: true });
    expect(await examine({ XDG_CONFIG_HOME: config })).toMatchObject({
      'profile file': expect.stringMatching(/^fail \| .*is not a file/),
    });
  });

  it('finds settings that cannot be used, and asks nobody then', async () => {
    expect(await examine({ NEXUS_API_KEY_FILE: at('missing.key') })).toMatchObject({
      code: 1,
      settings: expect.stringMatching(/^fail \| .*NEXUS_API_KEY_FILE cannot be read: ENOENT/),
      'key file': expect.stringMatching(/^fail \| .*is not there \| Correct NEXUS_API_KEY_FILE/),
      Broker: expect.stringMatching(/^skipped/),
    });
    await writeFile(at('nexus/profiles.yaml'), 'profiles: [');
    expect(await examine({ XDG_CONFIG_HOME: folder, NEXUS_PROFILE: 'production' })).toMatchObject({
      code: 1,
      settings: expect.stringMatching(/^fail \| .*profiles\.yaml/),
    });
  });

  it('tells the role of a key, that it ends soon, and that nobody knows it', async () => {
    const soon = { expires_at: new Date(Date.now() + 3 * 24 * 3_600_000).toISOString() };
    const ending = await createKey(stack, 'admin', { name: 'ending', ...soon });
    const roles = await Promise.all((['operator', 'auditor', 'app'] as const).map((role) => createKey(stack, role)));
    const keyOf = async (key: string) => (await examine({ NEXUS_API_KEY: key }))['key'];
    expect(await keyOf(ending.key)).toMatch(
      /^warn \| known, role admin, named ending, good for 2 days \| .*keys create/,
    );
    expect(await Promise.all(roles.map(({ key }) => keyOf(key)))).toEqual([
      expect.stringMatching(/^ok \| known, role operator/),
      expect.stringMatching(/^ok \| known, role auditor/),
      expect.stringMatching(/^warn \| known, role app: it may not read the status/),
    ]);
    const [{ id, key } = { id: '', key: '' }] = roles;
    await stack.broker('DELETE', `/admin/v1/keys/${id}`);
    expect(await examine({ NEXUS_API_KEY: key })).toMatchObject({
      code: 1,
      key: expect.stringMatching(/^fail \| .*was revoked/),
      database: expect.stringMatching(/^skipped/),
    });
  });

  it('finds that the clock of this machine is wrong', async () => {
    await using clock = await prepareMovedClock();
    const found = await examine(clock.env(600));
    expect(found).toMatchObject({
      code: 1,
      'Broker clock': expect.stringMatching(/^fail \| (599|600|601) s behind this machine \| .*NTP/),
      'Gateway clock': expect.stringMatching(/^fail/),
    });
  });

  it('finds what somebody did in the database behind the Broker, and what became of it with time', async () => {
    const columns = ['created_at', 'event_type', 'outcome', 'entry', 'entry_hash', 'mac', 'mac_key'].join(', ');
    const forged = `select 'forged', ${columns} from audit_event order by id desc limit 1`;
    await runSql(stack, `insert into audit_event (id, ${columns}) ${forged}`);
    await runSql(stack, "update key_ring set created_at = '2020-01-01T00:00:00.000Z' where purpose = 'cred'");
    const origin = ['origin:https://idp.example', '2026-01-01T00:00:00.000Z', '2026-01-01T00:00:00.000Z'];
    const pace = 'insert into call_pace (pace_key, opened_at, updated_at, failures, window_calls, window_failures)';
    await runSql(stack, `${pace} values (?, ?, ?, 5, 5, 5)`, origin);
    await runSql(stack, 'delete from migration');
    await waitFor('the forged entry to be found', async () =>
      (await stack.broker('GET', '/admin/v1/status')).body.sealing.refused > 0 ? true : null,
    );
    expect(await examine()).toMatchObject({
      code: 1,
      sealing: expect.stringMatching(/^fail \| 1 entry that no audit key vouches for \| .*audit verify/),
      'key ages': expect.stringMatching(/^warn \| cred \d+ is \d{4} days old \| .*vault rotate cred\./),
      endpoints: expect.stringMatching(/^warn \| origin:https:\/\/idp\.example open/),
      database: expect.stringMatching(/^fail \| sqlite without a single migration/),
    });
  });

  it('finds that the Gateway has lost its Broker, and that the Broker is gone', async () => {
    await stack.killBroker();
    const found = await examine();
    expect(found).toMatchObject({
      code: 1,
      Broker: expect.stringMatching(/^fail \| .*ECONNREFUSED/),
      Gateway: expect.stringMatching(/^fail \| not ready \| .*BROKER_URL/),
    });
  });
});
