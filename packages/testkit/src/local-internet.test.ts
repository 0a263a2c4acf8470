import { describe, expect, it } from 'vitest';
import { startLocalInternet } from './local-internet.js';

describe('the local internet', () => {
  it('is every host, tells them apart, and vouches for each by its name', async () => {
    const internet = await startLocalInternet();
    internet.serve(({ method, url, headers, body }) => ({
      status: 200,
      body: JSON.stringify([method, url.href, headers['x-test'], body]),
    }));
    const ask = (url: string) => internet.send({ method: 'PUT', url, headers: { 'X-Test': 'a' }, body: 'text' });
    const [one, other] = await Promise.all([ask('https://one.example/a?b=c'), ask('https://other.example/')]);
    expect(JSON.parse(one.body)).toEqual(['PUT', 'https://one.example/a?b=c', 'a', 'text']);
    expect(JSON.parse(other.body)).toEqual(['PUT', 'https://other.example/', 'a', 'text']);
    await internet.close();
    await expect(ask('https://one.example/')).rejects.toThrow();
  });
});
