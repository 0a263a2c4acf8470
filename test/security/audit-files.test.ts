import { appendFile, copyFile, readFile, rename, rm, stat, truncate, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterEach, describe, expect, it } from 'vitest';
import { createKey, registerStaticProvider, requestConnection } from '../support/fixtures.js';
import { type Stack, startStack } from '../support/stack.js';

const secret = 'static-secret-of-this-test';

describe('A8: the files of the audit log', () => {
  let stack: Stack;
  afterEach(async () => {
    await stack.close();
  });

  const checkpointFile = () => join(stack.dataDir, 'checkpoints.log');
  const auditFile = () => join(stack.dataDir, 'audit.ndjson');
  const readiness = async () => {
    const { status, body } = await stack.broker('GET', '/readyz');
    return `${status} ${body.reason ?? ''}`;
  };

  /** Returns a function that reads a stored secret once. */
  async function connect(): Promise<() => ReturnType<Stack['gateway']>> {
    await registerStaticProvider(stack);
    const flow = await requestConnection(stack, { provider_name: 'acme-key' });
    await stack.gateway('POST', '/v1/capture-credential', {
      body: { state: flow.state, credentials: { api_key: secret } },
    });
    return () => stack.gateway('GET', `/v1/token/${flow.connection_id}`);
  }

  const harms: readonly (readonly [string, (path: string) => Promise<void>, (path: string) => Promise<void>])[] = [
    ['removed', (path) => rename(path, `${path}.away`), (path) => rename(`${path}.away`, path)],
    [
      'replaced by a copy',
      async (path) => {
        await rename(path, `${path}.away`);
        await copyFile(`${path}.away`, path);
      },
      async (path) => {
        await rm(path);
        await rename(`${path}.away`, path);
      },
    ],
    [
      'cut',
      async (path) => {
        await copyFile(path, `${path}.copy`);
        await truncate(path, (await stat(path)).size - 1);
      },
      async (path) => appendFile(path, '\n'),
    ],
  ];

  it.each(harms)(
    'is not ready as soon as the checkpoint file is %s, until it is put back',
    async (_name, harm, mend) => {
      stack = await startStack({ engine: 'sqlite', brokerEnv: { CHECKPOINT_SECONDS: '1' } });
      expect(await readiness()).toBe('200 ');
      await harm(checkpointFile());
      expect(await readiness()).toBe('503 the checkpoint file was removed, replaced or cut');
      // What can still be recorded is not withheld; whoever watches is told.
      expect((await stack.broker('GET', '/audit/checkpoints')).status).toBe(200);
      await mend(checkpointFile());
      expect(await readiness()).toBe('200 ');
      await createKey(stack, 'app');
      expect(await stack.stopBroker('SIGTERM')).toBe(0);
      const sizes = (await readFile(checkpointFile(), 'utf8'))
        .split('\n')
        .filter((line) => line !== '')
        .map((line) => JSON.parse(line).size);
      expect(sizes.length).toBeGreaterThan(1);
      expect(sizes).toEqual([...new Set(sizes)].sort((a, b) => a - b));
      await stack.startBroker();
    },
  );

  it('holds every disclosure before its secret leaves, and lets none leave while it is gone', async () => {
    stack = await startStack({ engine: 'sqlite' });
    await stack.stopBroker('SIGTERM');
    await stack.startBroker({ AUDIT_FILE: auditFile() });
    expect((await stat(auditFile())).mode & 0o777).toBe(0o600);
    const read = await connect();
    for (let i = 0; i < 20; i++) {
      const answer = await read();
      expect(JSON.stringify(answer.body)).toContain(secret);
      const requestId = answer.headers.get('x-request-id');
      const lines = (await readFile(auditFile(), 'utf8')).trimEnd().split('\n');
      expect(JSON.parse(lines.at(-1) ?? '')).toMatchObject({ event_type: 'token.retrieved', request_id: requestId });
    }
    for (const [name, harm, mend] of harms) {
      await harm(auditFile());
      expect([name, await readiness()]).toEqual([name, '503 the audit log cannot be written']);
      const answers = await Promise.all(Array.from({ length: 10 }, read));
      for (const { status, body } of answers) {
        expect([name, status, body.code]).toEqual([name, 503, 'audit_unavailable']);
        expect(JSON.stringify(body)).not.toContain(secret);
      }
      await mend(auditFile());
      expect([name, (await read()).status]).toEqual([name, 200]);
      expect([name, await readiness()]).toEqual([name, '200 ']);
    }
  });

  it('goes on after a line that a crash left torn', async () => {
    stack = await startStack({ engine: 'sqlite' });
    await stack.stopBroker('SIGTERM');
    await writeFile(auditFile(), '{"v":2,"id":"half a li');
    await stack.startBroker({ AUDIT_FILE: auditFile() });
    expect((await (await connect())()).status).toBe(200);
    const lines = (await readFile(auditFile(), 'utf8')).trimEnd().split('\n');
    expect(lines[0]).toBe('{"v":2,"id":"half a li');
    expect(lines.slice(1).map((line) => JSON.parse(line).event_type)).toContain('token.retrieved');
  });
});
