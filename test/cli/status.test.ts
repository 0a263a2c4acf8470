import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { createKey } from '../support/fixtures.js';
import { runCli, startCli } from '../support/nexus-cli.js';
import { type Stack, startStack } from '../support/stack.js';
import { connectStatically, registerForConnections } from '../support/static-connections.js';

describe('nexus-cli status', () => {
  let stack: Stack;
  let env: Readonly<Record<string, string>>;

  beforeAll(async () => {
    stack = await startStack({ engine: 'sqlite' });
    env = { NEXUS_BROKER_URL: stack.brokerUrl, NEXUS_API_KEY: stack.adminKey };
    await registerForConnections(stack);
    await connectStatically(stack, 2);
    const body = { url: 'http://127.0.0.1:1/hook', events: ['connection.revoked'] };
    expect((await stack.broker('POST', '/admin/v1/webhooks', { body })).status).toBe(201);
    const [{ connection_ref: ref }] = (await stack.broker('GET', '/admin/v1/connections')).body.connections;
    await stack.broker('DELETE', `/admin/v1/connections/${ref}`);
  });
  afterAll(() => stack.close());

  it('tells what the Broker does, and what became of events', async () => {
    const { stdout } = await runCli(['status', '--json'], null, env);
    const { body } = await stack.broker('GET', '/admin/v1/status');
    const told = JSON.parse(stdout);
    expect(told).toMatchObject({
      version: body.version,
      migrations: body.migrations,
      connections: { active: 1, revoked: 1 },
      webhooks: [{ url: 'http://127.0.0.1:1/hook', active: true, pending: 1, failed: 0 }],
    });
    const shown = await runCli(['status'], null, env);
    expect(shown.stdout).toMatch(/\nConnections\n {2}active +1\n[\s\S]*\nWebhooks\n {2}URL +STATE +PENDING +FAILED\n/);
  });

  it('leaves out what a key may not see', async () => {
    const { key } = await createKey(stack, 'operator');
    const cli = startCli(['status', '--watch', '--json'], { ...env, NEXUS_API_KEY: key });
    await cli.seen(/\n\{.*\}\n/);
    cli.signal('SIGINT');
    const { code, stdout } = await cli.ended;
    expect(code).toBe(0);
    for (const line of stdout.trim().split('\n')) expect(JSON.parse(line)).toMatchObject({ webhooks: null });
  });

  it('watches through an outage, and ends by SIGINT although nothing answers', async () => {
    const cli = startCli(['status', '--watch'], env);
    await cli.seen(/Broker +\d/);
    await stack.killBroker();
    await cli.seen(/cannot be reached: \w+; trying again/);
    cli.signal('SIGINT');
    expect((await cli.ended).code).toBe(0);
    await stack.startBroker();
  });
});
