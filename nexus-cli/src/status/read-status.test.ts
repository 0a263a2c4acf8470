import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { expect, it } from 'vitest';
import { Api } from '../broker.js';
import { createStatusReader } from './read-status.js';

it('asks once for what the key may not see, since each refusal is recorded', async () => {
  const asked: string[] = [];
  const server = createServer(({ url = '' }, response) => {
    asked.push(url);
    const isRefused = url.includes('webhooks');
    const body = isRefused ? { code: 'forbidden', message: 'The role of this key may not do this.' } : { version: '1' };
    response.writeHead(isRefused ? 403 : 200).end(JSON.stringify(body));
  });
  await once(server.listen(0, '127.0.0.1'), 'listening');
  try {
    const url = new URL(`http://127.0.0.1:${(server.address() as AddressInfo).port}`);
    const reader = createStatusReader(new Api({ service: 'Broker', url, apiKey: 'nxa_fixture', tls: {} }));
    for (let times = 0; times < 3; times++) expect(await reader.read()).toMatchObject({ version: '1', webhooks: null });
    expect(asked.filter((path) => path.includes('webhooks'))).toEqual(['/admin/v1/webhooks']);
  } finally {
    server.close();
  }
});
