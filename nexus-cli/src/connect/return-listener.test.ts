import { request } from 'node:http';
import { expect, it } from 'vitest';
import { listenForReturn } from './return-listener.js';

/** `fetch` would set the Sec-Fetch headers itself. */
function open(url: string, headers: Readonly<Record<string, string>> = {}): Promise<{ status: number; text: string }> {
  return new Promise((resolve, reject) => {
    const sent = request(url, { headers, agent: false }, (response) => {
      let text = '';
      response.setEncoding('utf8').on('data', (piece: string) => {
        text += piece;
      });
      response.on('end', () => resolve({ status: response.statusCode ?? 0, text }));
    });
    sent.on('error', reject).end();
  });
}

it('takes the browser that goes there, and no request that another page makes', async () => {
  const asked: string[] = [];
  await using listener = await listenForReturn(async (query) => {
    asked.push(query.get('handle') ?? '');
    return 'Done.';
  });
  const openAs = async (name: string, headers: Readonly<Record<string, string>>) =>
    (await open(`${listener.url}?handle=${name}`, headers)).status;
  const site = { 'Sec-Fetch-Site': 'cross-site' };
  expect(await openAs('image', { ...site, 'Sec-Fetch-Mode': 'no-cors', 'Sec-Fetch-Dest': 'image' })).toBe(404);
  expect(await openAs('script', { ...site, 'Sec-Fetch-Mode': 'cors', 'Sec-Fetch-Dest': 'empty' })).toBe(404);
  expect(await openAs('frame', { ...site, 'Sec-Fetch-Mode': 'navigate', 'Sec-Fetch-Dest': 'iframe' })).toBe(404);
  expect(await openAs('rebound', { Host: 'evil.example' })).toBe(404);
  expect(asked).toEqual([]);
  expect(await openAs('person', { ...site, 'Sec-Fetch-Mode': 'navigate', 'Sec-Fetch-Dest': 'document' })).toBe(200);
  expect(await openAs('older', {})).toBe(200);
  expect(asked).toEqual(['person', 'older']);
});

it('shows what it is told as text', async () => {
  await using listener = await listenForReturn(async () => 'refused: <script>&');
  expect((await open(listener.url)).text).toContain('<p>refused: &#60;script&#62;&#38;</p>');
});
