import { chmod, mkdtemp, readFile, rename, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { reservePorts, spawnService, startService } from '../support/service-process.js';

const broker = 'nexus-broker/dist/main.js';

/** Starts a Broker that must end by itself, and tells how it ended and what it said. */
async function startRefused(env: Readonly<Record<string, string>>): Promise<{ code: number | null; output: string }> {
  const service = spawnService(broker, env);
  return { code: await service.ended, output: service.output() };
}

describe('the Broker refuses to start', () => {
  let dataDir: string;
  let env: Record<string, string>;

  beforeAll(async () => {
    dataDir = await mkdtemp(join(tmpdir(), 'nexus-start-'));
    const [port] = (await reservePorts(1)) as [number];
    env = {
      NEXUS_ENV: 'development',
      DATA_DIR: dataDir,
      BROKER_PORT: String(port),
      PUBLIC_URL: 'http://127.0.0.1:1',
      LOG_LEVEL: 'warn',
    };
    const first = await startService({ main: broker, env, readyUrl: `http://127.0.0.1:${port}/readyz` });
    expect(await first.stop('SIGTERM')).toBe(0);
  });
  afterAll(() => rm(dataDir, { recursive: true, force: true }));

  it('B15: on an address beyond loopback without TLS and a client authority', async () => {
    const { code, output } = await startRefused({ ...env, BROKER_HOST: '0.0.0.0' });
    expect(code).toBe(78);
    expect(output).toContain('BROKER_HOST');
  });

  it('B15: insecure in production, whatever ALLOW_INSECURE_INTERNAL says', async () => {
    const { code, output } = await startRefused({
      ...env,
      NEXUS_ENV: 'production',
      PUBLIC_URL: 'https://nexus.example',
      BROKER_HOST: '0.0.0.0',
      ALLOW_INSECURE_INTERNAL: 'true',
    });
    expect(code).toBe(78);
    expect(output).toContain('ALLOW_INSECURE_INTERNAL');
  });

  it('in production with a plain http PUBLIC_URL', async () => {
    const { code, output } = await startRefused({ ...env, NEXUS_ENV: 'production' });
    expect(code).toBe(78);
    expect(output).toContain('PUBLIC_URL');
  });

  it('S-5: with a plain http USER_VERIFICATION_URL beyond loopback', async () => {
    const { code, output } = await startRefused({ ...env, USER_VERIFICATION_URL: 'http://id.example/verify' });
    expect(code).toBe(78);
    expect(output).toContain('USER_VERIFICATION_URL');
  });

  it('S-7: with certificate checks switched off', async () => {
    const { code, output } = await startRefused({ ...env, NODE_TLS_REJECT_UNAUTHORIZED: '0' });
    expect(code).toBe(78);
    expect(output).toContain('NODE_TLS_REJECT_UNAUTHORIZED');
  });

  it('with every problem of the configuration named at once', async () => {
    const { output } = await startRefused({ ...env, BROKER_PORT: 'many', LOG_LEVEL: 'loud', PUBLIC_URL: 'nowhere' });
    for (const name of ['BROKER_PORT', 'LOG_LEVEL', 'PUBLIC_URL']) expect(output).toContain(name);
  });

  it('K4: without the key file when data exists, and creates no other key', async () => {
    const keyFile = join(dataDir, 'kek.key');
    const before = await readFile(join(dataDir, 'nexus.db'));
    await rename(keyFile, `${keyFile}.away`);
    const { code, output } = await startRefused(env);
    expect(code).toBe(78);
    expect(output).toContain('key file');
    await expect(stat(keyFile)).rejects.toThrow('ENOENT');
    expect((await readFile(join(dataDir, 'nexus.db'))).equals(before)).toBe(true);
    await rename(`${keyFile}.away`, keyFile);
  });

  it('K4: with the key file of another installation, naming what is missing', async () => {
    const keyFile = join(dataDir, 'kek.key');
    await rename(keyFile, `${keyFile}.away`);
    const foreign = `kek-2026-01-01-00000000 ${Buffer.alloc(32, 7).toString('base64')} 2026-01-01T00:00:00.000Z\n`;
    await writeFile(keyFile, foreign, { mode: 0o600 });
    const { code, output } = await startRefused(env);
    expect(code).toBe(78);
    expect(output).toMatch(/kek-/);
    await rm(keyFile);
    await rename(`${keyFile}.away`, keyFile);
  });

  it('K11: with a key file others can read', async () => {
    const keyFile = join(dataDir, 'kek.key');
    await chmod(keyFile, 0o644);
    const { code, output } = await startRefused(env);
    expect(code).toBe(78);
    expect(output).not.toContain(dataDir);
    await chmod(keyFile, 0o400);
  });

  it('K11: and writes its files for its own user only', async () => {
    for (const name of ['nexus.db', 'kek.key', 'admin.key', 'gateway.key']) {
      expect((await stat(join(dataDir, name))).mode & 0o077, name).toBe(0);
    }
  });

  it('twice on one SQLite file', async () => {
    const [port] = (await reservePorts(1)) as [number];
    const first = await startService({ main: broker, env, readyUrl: `http://127.0.0.1:${env['BROKER_PORT']}/readyz` });
    const { code, output } = await startRefused({ ...env, BROKER_PORT: String(port) });
    await first.stop('SIGTERM');
    expect(code).toBe(1);
    expect(output).toMatch(/another Broker|in use|locked/i);
  });
});
