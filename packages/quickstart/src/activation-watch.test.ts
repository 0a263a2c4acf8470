import { describe, expect, it } from 'vitest';
import { ActivationWatch } from './activation-watch.js';
import type { JsonRequest } from './json-client.js';

const access = { url: 'http://broker.test', adminKey: 'fixture-admin-key', adminKeyFile: '/data/admin.key' };

function event(id: string) {
  return { id, event_type: 'connection.activated', connection_ref: `ref-${id}`, provider_name: 'demo' };
}

describe('ActivationWatch', () => {
  it('tells of what became active since it last looked, oldest first, and of nothing twice', async () => {
    let events = [event('1')];
    const requests: JsonRequest[] = [];
    const send = async (request: JsonRequest) => {
      requests.push(request);
      return { status: 200, body: { events, limit: 20 } };
    };
    const watch = new ActivationWatch({ send, access });
    const { signal } = new AbortController();
    await watch.readNew(signal);
    events = [event('3'), event('2'), event('1')];
    expect((await watch.readNew(signal)).map(({ connectionRef }) => connectionRef)).toEqual(['ref-2', 'ref-3']);
    expect(await watch.readNew(signal)).toEqual([]);
    expect(requests[0]?.url).toContain('event_type=connection.activated');
    expect(requests[0]?.url).toContain('order=desc');
    expect(requests[0]?.apiKey).toBe(access.adminKey);
  });

  it('survives a Broker that does not answer', async () => {
    let calls = 0;
    const send = async () => {
      calls += 1;
      if (calls === 1) throw new TypeError('fetch failed');
      return { status: 200, body: { events: [event('1')] } };
    };
    const stop = new AbortController();
    const told: string[] = [];
    const following = new ActivationWatch({ send, access }).follow(
      { intervalMs: 1, signal: stop.signal },
      (activations) => {
        told.push(...activations.map(({ eventId }) => eventId));
        stop.abort(new Error('enough'));
      },
    );
    await following.catch(() => undefined);
    expect(told).toEqual(['1']);
  });
});
