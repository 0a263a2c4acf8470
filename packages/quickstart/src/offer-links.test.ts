import { describe, expect, it } from 'vitest';
import type { JsonAnswer, JsonRequest } from './json-client.js';
import { planLayout } from './layout.js';
import { offerLinks } from './offer-links.js';
import { createTerminal } from './terminal.js';

const layout = planLayout({
  options: { dataDirectory: '/data', gatewayPort: 0, brokerPort: 0, demoPort: 0, readyFile: null },
  ports: new Map([
    ['gateway', 8090],
    ['broker', 8080],
    ['demo', 8070],
  ]),
  environment: {},
  workingDirectory: '/',
});

function requested(id: number): JsonAnswer {
  const body = {
    connection_id: `id-${id}`,
    connection_ref: `ref-${id}`,
    auth_url: `http://127.0.0.1:8090/connect/${id}`,
  };
  return { status: 200, body };
}

function checked(status: string, code?: string): JsonAnswer {
  return { status: 200, body: { status, reason: code === undefined ? null : { code, message: '' } } };
}

/** Offers links while the Gateway gives these answers in turn; returns what was asked, printed and remembered. */
async function offer(answers: JsonAnswer[]) {
  const requests: JsonRequest[] = [];
  const printed: string[] = [];
  const own = new Set<string>();
  const send = async (request: JsonRequest): Promise<JsonAnswer> => {
    requests.push(request);
    return answers.shift() ?? { status: 500, body: null };
  };
  const terminal = createTerminal({ write: (text) => printed.push(text) }, {});
  await offerLinks({ send, terminal, own }, { layout, signal: new AbortController().signal });
  return { requests, text: printed.join(''), own };
}

describe('offerLinks', () => {
  it('prints a link and, when it was used, how to read the token', async () => {
    const { requests, text, own } = await offer([requested(1), checked('active')]);
    expect(requests[0]).toMatchObject({
      method: 'POST',
      url: 'http://127.0.0.1:8090/v1/request-connection',
      body: { workspace_id: 'demo-user', provider_name: 'demo', return_url: 'http://127.0.0.1:8070/demo-app/return' },
    });
    expect(requests[1]?.url).toBe('http://127.0.0.1:8090/v1/check-connection/id-1?wait=30');
    expect(text).toContain('http://127.0.0.1:8090/connect/1');
    expect(text).toContain('10 minutes');
    expect(text).toContain('curl -s http://127.0.0.1:8090/v1/token/id-1');
    expect([...own]).toEqual(['ref-1']);
  });

  it('makes a new link when the first one runs out unused', async () => {
    const { text, own } = await offer([requested(1), checked('failed', 'expired'), requested(2), checked('active')]);
    expect(text).toContain('The link ran out unused.');
    expect(text).toContain('http://127.0.0.1:8090/connect/2');
    expect([...own]).toEqual(['ref-1', 'ref-2']);
  });

  it('says why a link that was used connected nothing', async () => {
    const { text } = await offer([requested(1), checked('failed', 'access_denied'), requested(2), checked('active')]);
    expect(text).toContain('nothing was connected (access_denied)');
  });
});
