import { describe, expect, it } from 'vitest';
import { brokerError } from '../../testing/fake-broker.js';
import { connectionRef } from '../../testing/fixtures.js';
import { openWorld, readRefusal } from '../../testing/world.js';

const route = 'POST /internal/v1/flows/capture';
const json = { state: 't', credentials: { api_key: 'k' } };

describe('captureCredential', () => {
  it.each(['success', 'pending'])('answers %s with where to go next', async (status) => {
    await using world = await openWorld();
    const body = { connection_ref: connectionRef, status, redirect_url: 'https://app.example/?status=success' };
    world.broker.on(route, { body });
    const response = await world.send('POST', '/v1/capture-credential', { json });
    expect(response.status).toBe(200);
    expect(await response.json()).toEqual(body);
    expect(world.broker.callTo(route).body).toEqual(json);
  });

  it.each([
    [{ credentials: {} }, 'state'],
    [{ state: 't' }, 'credentials'],
    [{ ...json, connection_id: 'x' }, 'connection_id'],
    [{ state: 't', credentials: ['k'] }, 'credentials'],
  ])('refuses %j and names the field', async (body, path) => {
    await using world = await openWorld();
    const response = await world.send('POST', '/v1/capture-credential', { json: body });
    expect(response.status).toBe(400);
    expect(await response.json()).toMatchObject({ code: 'invalid_request', details: [{ path }] });
  });

  it.each([
    'credentials_rejected',
    'flow_already_used',
    'flow_expired',
    'capture_refused',
    'provider_unavailable',
  ] as const)('passes on %s', async (code) => {
    await using world = await openWorld();
    world.broker.on(route, brokerError(code));
    const response = await world.send('POST', '/v1/capture-credential', { json });
    expect(await readRefusal(response)).toEqual([brokerError(code).status, code]);
  });

  it('passes on which field the provider expects otherwise', async () => {
    await using world = await openWorld();
    const details = [{ path: 'credentials.api_key', message: 'is required' }];
    world.broker.on(route, brokerError('invalid_request', { details }));
    const response = await world.send('POST', '/v1/capture-credential', { json });
    expect(await response.json()).toMatchObject({ details });
  });
});
