import { rm, symlink } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { requestConnection } from '../support/fixtures.js';
import { createSmallDisk } from '../support/full-disk.js';
import { connectScripted, registerScriptedOauth } from '../support/scripted-oauth.js';
import { runSql, setAccessExpiry } from '../support/sql.js';
import { startStack } from '../support/stack.js';
import { waitFor } from '../support/wait.js';

describe('a disk that is full', () => {
  it('O4: refuses writes and disclosures, says so, and serves again without a restart when there is room', async () => {
    await using disk = await createSmallDisk('nexus.db');
    process.stdout.write(`the disk is small by: ${disk.kind}\n`);
    const databaseUrl = `sqlite:${join(disk.folder, 'nexus.db')}`;
    const stack = await startStack({ engine: 'sqlite', brokerEnv: { DATABASE_URL: databaseUrl } });
    const provider = await registerScriptedOauth(stack);
    try {
      const { connection_id: id } = await connectScripted(stack, provider, 'ada');
      const read = () => stack.gateway('GET', `/v1/token/${id}`);
      expect((await read()).status).toBe(200);
      const pid = stack.brokerPid();

      await disk.fill(pid);
      // What is left of the last page takes a few entries more; each is committed before its token is answered.
      const refused = await waitFor('reads are refused', async () => {
        const answer = await read();
        return answer.status === 200 ? null : answer;
      });
      for (const answer of [refused, await read(), await read()]) {
        expect({ status: answer.status, code: answer.body.code }).toEqual({ status: 503, code: 'audit_unavailable' });
        expect(Number(answer.headers.get('retry-after'))).toBeGreaterThan(0);
        expect(JSON.stringify(answer.body)).not.toContain('at-ada');
      }
      const health = await stack.broker('GET', '/health');
      const reason = disk.kind === 'tmpfs' ? 'the disk of the database is full' : 'the database cannot be written';
      expect(health.body).toMatchObject({ status: 'unavailable', reason });
      expect((await stack.broker('GET', '/readyz')).status).toBe(503);
      expect((await stack.gateway('GET', '/v1/health')).body.broker).toBe('unavailable');
      await expect(requestConnection(stack, { provider_name: 'scripted' })).rejects.toThrow('no connection');

      await disk.empty(pid);
      await waitFor('reads are answered again', async () => ((await read()).status === 200 ? true : null));
      await waitFor('it says so', async () => ((await stack.broker('GET', '/readyz')).status === 200 ? true : null));
      expect(stack.brokerPid()).toBe(pid);
      const [check] = await runSql({ engine: 'sqlite', databaseUrl }, 'pragma integrity_check');
      expect(check).toEqual({ integrity_check: 'ok' });
    } finally {
      await stack.close();
      await provider.close();
    }
  });

  it('R17: loses no renewed credential, even if the Broker is killed before there is room again', async () => {
    await using disk = await createSmallDisk('nexus.db');
    const databaseUrl = `sqlite:${join(disk.folder, 'nexus.db')}`;
    const stack = await startStack({ engine: 'sqlite', brokerEnv: { DATABASE_URL: databaseUrl } });
    const provider = await registerScriptedOauth(stack);
    try {
      // The spool lies on the disk that fills up.
      await stack.stopBroker('SIGTERM');
      await rm(join(stack.dataDir, 'renewals.spool'));
      await symlink(join(disk.folder, 'renewals.spool'), join(stack.dataDir, 'renewals.spool'));
      await stack.startBroker();
      const requested = await connectScripted(stack, provider, 'ada');
      await setAccessExpiry({ ...stack, databaseUrl }, requested.connection_ref);
      provider.server.enqueue('/token', {
        delayMs: 1_500,
        body: { access_token: 'at-ada-new', refresh_token: 'rt-ada-new', token_type: 'bearer', expires_in: 3_600 },
      });
      const read = () => stack.gateway('GET', `/v1/token/${requested.connection_id}`);
      const waiting = read();
      await waitFor('the provider is asked', () => (provider.tokenCalls('refresh_token').length > 0 ? true : null));
      await disk.fill(stack.brokerPid());
      expect(JSON.stringify((await waiting).body)).not.toContain('rt-ada-new');
      await stack.killBroker();
      await disk.empty(stack.brokerPid());
      await stack.startBroker();
      const answer = await waitFor('the token is there', async () => {
        const found = await read();
        return found.status === 200 ? found : null;
      });
      expect(answer.body.credentials.access_token).toBe('at-ada-new');
      expect(provider.tokenCalls('refresh_token')).toHaveLength(1);
    } finally {
      await stack.close();
      await provider.close();
    }
  });
});
