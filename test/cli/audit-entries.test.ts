import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { createKey, requestConnection } from '../support/fixtures.js';
import { type CliTarget, runCli, startCli } from '../support/nexus-cli.js';
import { type Stack, startStack } from '../support/stack.js';
import { connectStatically, registerForConnections } from '../support/static-connections.js';
import { waitFor } from '../support/wait.js';

interface Entry {
  readonly seq: number;
  readonly event_type: string;
}

describe('nexus-cli audit query and tail', () => {
  let stack: Stack;
  let auditor: CliTarget;
  let env: Readonly<Record<string, string>>;

  beforeAll(async () => {
    stack = await startStack({ engine: 'sqlite' });
    auditor = { brokerUrl: stack.brokerUrl, key: (await createKey(stack, 'auditor')).key };
    env = { NEXUS_BROKER_URL: auditor.brokerUrl, NEXUS_API_KEY: auditor.key };
    await registerForConnections(stack);
    await connectStatically(stack, 5);
  });
  afterAll(() => stack.close());

  const readLog = async (query = '') => (await stack.broker('GET', `/audit?limit=500${query}`)).body.events;
  const query = async (...args: readonly string[]) => {
    const { stdout } = await runCli(['audit', 'query', ...args, '--json'], auditor);
    return JSON.parse(stdout).events;
  };
  const readLines = (text: string): Entry[] =>
    text.split('\n').flatMap((line) => (line === '' ? [] : JSON.parse(line)));

  it('filters as the Broker does', async () => {
    const [first] = await readLog('&event_type=connection.activated');
    expect(await query('--connection-ref', first.connection_ref, '--order', 'asc')).toEqual(
      await readLog(`&connection_ref=${first.connection_ref}&order=asc`),
    );
    const chosen: readonly Entry[] = await query('--event-type', 'connection.*', '--event-type', 'key.created');
    const types = new Set(chosen.map(({ event_type: type }) => type.replace(/^connection\..*/, 'connection.*')));
    expect(types).toEqual(new Set(['connection.*', 'key.created']));
    const at = first.created_at;
    expect(await query('--since', at, '--until', at)).toEqual([]);
    expect(await query('--since', at, '--outcome', 'success', '--workspace-id', 'workspace-1')).toEqual(
      await readLog(`&since=${at}&outcome=success&workspace_id=workspace-1`),
    );
    expect(await query('--actor', 'nobody', '--all')).toEqual([]);
  });

  it('pages as far as it is told', async () => {
    const whole = await readLog('&order=asc');
    expect(await query('--limit', '3', '--order', 'asc')).toEqual(whole.slice(0, 3));
    expect((await query('--all', '--order', 'asc')).slice(0, whole.length)).toEqual(whole);
    const lines = await runCli(['audit', 'query', '--limit', '2', '--order', 'asc'], auditor);
    expect(lines.stdout.split('\n').map((line) => /^\S+ +(\d+) +(\S+) +success /.exec(line)?.slice(1))).toEqual([
      ...whole.slice(0, 2).map(({ seq, event_type: type }: Entry) => [String(seq), type]),
      undefined,
    ]);
    expect((await runCli(['audit', 'query', '--all', '--limit', '3'], auditor)).code).toBe(2);
  });

  it('shows the end of the log, without an end that nobody asked for', async () => {
    const whole = await readLog('&order=asc');
    const tail = await runCli(['audit', 'tail', '--json', '-n', '4'], auditor);
    expect(readLines(tail.stdout)).toEqual(whole.slice(-4));
    const filtered = await runCli(['audit', 'tail', '--json', '--event-type', 'connection.activated'], auditor);
    expect(readLines(filtered.stdout)).toHaveLength(5);
  });

  it('shows nothing that a terminal would obey, whoever wrote it', async () => {
    const workspace = 'ws\u202eevil\u009b2J';
    const requested = await requestConnection(stack, { workspace_id: workspace, provider_name: 'statically' });
    const body = { state: requested.state, credentials: { api_key: 'fixture-key' } };
    expect(await stack.gateway('POST', '/v1/capture-credential', { body })).toMatchObject({ status: 200 });
    const [shown, queried] = await waitFor('the entry to be sealed', async () => {
      const tail = await runCli(['audit', 'tail', '--json', '-n', '1'], auditor);
      if (!tail.stdout.includes('evil')) return null;
      return [tail, await runCli(['audit', 'query', '--json', '--limit', '1'], auditor)] as const;
    });
    const entries = [...readLines(shown.stdout), ...JSON.parse(queried.stdout).events];
    const expected = expect.objectContaining({ workspace_id: workspace });
    expect(entries).toEqual([expected, expected]);
    expect(shown.stdout + queried.stdout).not.toMatch(/(?!\n)\p{Cc}|\p{Cf}/u);
  });

  it('follows through an outage without a gap and without showing anything twice', async () => {
    // It begins in the middle of what happens.
    const busy = connectStatically(stack, 60);
    const cli = startCli(['audit', 'tail', '--follow', '--json', '-n', '20'], env);
    await cli.seen(/"seq"/);
    await busy;
    await stack.killBroker();
    await cli.seen(/cannot be reached: \w+; trying again/);
    await stack.startBroker();
    await connectStatically(stack, 20);
    const whole: Entry[] = await readLog('&order=asc');
    const last = whole.at(-1)?.seq ?? 0;
    await cli.seen(new RegExp(`"seq":${last}\\b`));
    cli.signal('SIGINT');
    const { code, stdout, stderr } = await cli.ended;
    expect([code, stderr.match(/trying again/g)?.length, stderr.match(/answers again/g)?.length]).toEqual([0, 1, 1]);
    const shown = readLines(stdout).map(({ seq }) => seq);
    const first = shown[0] ?? 0;
    expect(shown.slice(0, last - first + 1)).toEqual(Array.from({ length: last - first + 1 }, (_, at) => first + at));
  });

  it('follows from nothing, when nothing like it has happened', async () => {
    const countReads = () => stack.logs().match(/"\/audit"/g)?.length ?? 0;
    const before = countReads();
    const cli = startCli(
      ['audit', 'tail', '--follow', '--json', '--event-type', 'key.created', '--since', '2100-01-01T00:00:00Z'],
      env,
    );
    const agents = startCli(['audit', 'tail', '-f', '--event-type', 'agent.*'], env);
    await waitFor('both to look twice', () => (countReads() >= before + 6 ? true : null));
    await stack.broker('POST', '/admin/v1/agents', { body: { agent_id: 'reporter', allowed_scopes: [] } });
    await agents.seen(/agent\.registered +success/);
    for (const one of [agents, cli]) one.signal('SIGTERM');
    expect(await cli.ended).toEqual({ code: 0, stdout: '', stderr: '' });
    expect((await agents.ended).stdout.trim().split('\n')).toHaveLength(1);
  });

  it('ends where the key may not read the log', async () => {
    const operator = await createKey(stack, 'operator');
    const refused = await runCli(['audit', 'tail', '--follow'], { ...auditor, key: operator.key });
    expect(refused).toMatchObject({ code: 1, stderr: expect.stringContaining('forbidden') });
  });
});
