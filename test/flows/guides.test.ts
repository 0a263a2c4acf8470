/** The guides whose commands run as written beside `npm start`: here they do, with the addresses of this run. */
import { readFile } from 'node:fs/promises';
import { type ScriptedProvider, startScriptedProvider } from '@nexus/testkit/scripted-provider';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type RunningStart, startAsNewcomer } from '../browser/newcomer.js';
import { readRepositoryFile, root } from '../repository.js';
import { consentAtDemo } from '../support/demo-consent.js';
import { GuideShell } from '../support/guide-shell.js';
import { expectShown, readBlock, readSteps } from '../support/guide-text.js';
import { reservePorts } from '../support/service-process.js';

let start: RunningStart;
let endpoint: ScriptedProvider;

beforeAll(async () => {
  endpoint = await startScriptedProvider();
  start = await startAsNewcomer({
    USER_VERIFICATION_URL: endpoint.url('/verify'),
    USER_VERIFICATION_WORKSPACE_PREFIX: 'verified:',
  });
});
afterAll(async () => {
  await start?.close();
  await endpoint?.close();
});

/** What a guide tells its reader to replace. */
async function readGuide(name: string): Promise<string> {
  const [issuerPort] = await reservePorts(1);
  return readRepositoryFile(`docs/guides/${name}.md`)
    .replaceAll('8060', String(issuerPort))
    .replaceAll('http://127.0.0.1:8090', start.gatewayUrl)
    .replaceAll('http://127.0.0.1:8080', start.brokerUrl)
    .replaceAll('http://127.0.0.1:8070', start.demoUrl)
    .replaceAll('data/admin.key', start.adminKeyFile);
}

async function runGuide(guide: string): Promise<void> {
  const shell = new GuideShell(root);
  try {
    const steps = readSteps(guide);
    expect(steps.length).toBeGreaterThan(10);
    for (const { command, shown } of steps) {
      const printed = await shell.run(command);
      if (shown === null) expect(printed.trim()).toBe('');
      else expectShown(printed, shown);
      const [link] = /http\S+\/connect\/nxt_\w+/.exec(printed) ?? [];
      if (link !== undefined) await consentAtDemo(start, link, 'Ada');
    }
  } finally {
    await shell.close();
  }
}

async function post(url: string, key: string, body: object = {}) {
  const headers = { 'Content-Type': 'application/json', 'X-API-Key': key };
  const response = await fetch(url, { method: 'POST', headers, body: JSON.stringify(body) });
  return (await response.json()) as Readonly<Record<string, string>>;
}

/** An agent that asks for a session on behalf of the holder of the token, whose account is connected. */
async function connectHolder(workspace_id: string, user_context_token: string) {
  const adminKey = (await readFile(start.adminKeyFile, 'utf8')).trim();
  const agent = { agent_id: 'clerk', allowed_scopes: ['openid'] };
  await post(`${start.brokerUrl}/admin/v1/agents`, adminKey, agent);
  const { key = '' } = await post(`${start.brokerUrl}/admin/v1/agents/clerk/keys`, adminKey);
  const request = { workspace_id, provider_name: 'demo', return_url: `${start.demoUrl}/demo-app/return` };
  const requested = await post(`${start.gatewayUrl}/v1/request-connection`, adminKey, request);
  await consentAtDemo(start, requested['auth_url'] ?? '', 'Ada');
  const session = { agent_id: 'clerk', provider_name: 'demo', scopes: ['openid'], user_context_token };
  return () => post(`${start.gatewayUrl}/v1/agent-sessions/obo`, key, session);
}

const inSeconds = (seconds: number) => new Date(Date.now() + seconds * 1_000).toISOString();

describe('the guides', () => {
  it.each(['agent-sessions', 'on-behalf-of', 'webhooks'])(
    '%s.md runs as written, and once more',
    async (name) => {
      const guide = await readGuide(name);
      await runGuide(guide);
      await runGuide(guide);
    },
    120_000,
  );

  it('on-behalf-of.md shows what a verification endpoint is asked and has to answer', async () => {
    const heading = 'Tokens that Nexus cannot check itself';
    const guide = await readGuide('on-behalf-of');
    const [, question = ''] = readBlock(guide, heading, 'http').split('\n\n');
    const { expires_at, ...lasting } = JSON.parse(readBlock(guide, heading, 'json'));
    const ask = await connectHolder(`verified:${lasting.user_id}`, JSON.parse(question).token);

    endpoint.answer('/verify', { body: { ...lasting, expires_at: inSeconds(60) } });
    expect(await ask()).toMatchObject({ acting_for: 'ada', tenant_id: 'acme', clearance_level: 2 });
    const [asked] = endpoint.requests('/verify');
    expect(asked).toMatchObject({ method: 'POST', headers: { 'content-type': 'application/json' } });
    expect(asked?.body).toBe(question.trim());
    expect(asked?.headers).not.toHaveProperty('authorization');

    const answerWith = async (status: number, body: object) => {
      endpoint.answer('/verify', { status, body });
      return (await ask())['code'] ?? 'opened';
    };
    expect(await answerWith(200, lasting)).toBe('opened');
    expect(await answerWith(200, { ...lasting, tenant_id: null })).toBe('opened');
    expect(await answerWith(200, { ...lasting, expires_at: inSeconds(-1) })).toBe('invalid_user_context_token');
    expect(await answerWith(200, { ...lasting, expires_at })).not.toBe('user_verification_unavailable');
    for (const status of [400, 401, 403, 404, 410, 422]) {
      expect(`${status} ${await answerWith(status, lasting)}`).toBe(`${status} invalid_user_context_token`);
    }
    for (const status of [201, 302, 409, 500]) {
      expect(`${status} ${await answerWith(status, lasting)}`).toBe(`${status} user_verification_unavailable`);
    }
    for (const field of Object.keys(lasting)) {
      const lacking = { ...lasting, [field]: undefined };
      expect(`${field} ${await answerWith(200, lacking)}`).toBe(`${field} user_verification_unavailable`);
    }
  });
});

describe('the check itself', () => {
  const shown = { language: 'json', text: '{ "id": "sess_…", "scopes": ["a"], "exp": 1, "…": "…" }' } as const;

  it('takes blocks of output for those of the commands before them', () => {
    const guide = '# A\n```sh\none\n```\ntext\n```json\n{}\n```\n```sh\ntwo\n```\n## B\n```json\n[]\n```\n';
    expect(readSteps(guide)).toEqual([
      { command: 'one\n', shown: { language: 'json', text: '{}\n' } },
      { command: 'two\n', shown: null },
    ]);
  });

  it.each([
    ['{ "id": "sess_1", "scopes": ["a"], "exp": 2, "more": 3 }', true],
    ['{ "id": "1", "scopes": ["a"], "exp": 2, "more": 3 }', false],
    ['{ "id": "sess_1", "scopes": ["a", "b"], "exp": 2 }', false],
    ['{ "id": "sess_1", "scopes": ["a"] }', false],
  ])('compares %s with what is shown', (printed, isShown) => {
    const compare = () => expectShown(printed, shown);
    if (isShown) compare();
    else expect(compare).toThrow();
  });
});
