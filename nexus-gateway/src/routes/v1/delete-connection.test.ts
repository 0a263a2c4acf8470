import { createToken } from '@nexus/core/tokens';
import { describe, expect, it } from 'vitest';
import { ConnectionDeleted } from '../../schemas/v1/connection.js';
import { brokerError } from '../../testing/fake-broker.js';
import { connectionRef } from '../../testing/fixtures.js';
import { openWorld, readRefusal } from '../../testing/world.js';

const route = 'POST /internal/v1/connections/delete';
const deleted = {
  connection_ref: connectionRef,
  status: 'revoked',
  revoked_at: '2026-05-01T13:00:00.000Z',
  already_revoked: false,
  provider_revoked: false,
  provider_revocation_error: 'shared_grant',
  sessions_closed: 0,
};

describe('deleteConnection', () => {
  it('says what was revoked and where', async () => {
    await using world = await openWorld();
    world.broker.on(route, { body: deleted });
    const id = createToken('nxc');
    const response = await world.send('DELETE', `/v1/connections/${id}?reason=left`, { key: world.key });
    expect(response.status).toBe(200);
    expect(ConnectionDeleted.strict().parse(await response.json())).toEqual(deleted);
    expect(world.broker.callTo(route).body).toEqual({ connection: id, reason: 'left' });
  });

  it('leaves the revocation error out where there was none', async () => {
    await using world = await openWorld();
    const { provider_revocation_error: _none, ...clean } = deleted;
    world.broker.on(route, { body: { ...clean, provider_revoked: true } });
    const response = await world.send('DELETE', `/v1/connections/${connectionRef}`, { key: world.key });
    expect(await response.json()).toEqual({ ...clean, provider_revoked: true });
    expect(world.broker.callTo(route).body).toEqual({ connection: connectionRef });
  });

  it('passes on that there is no such connection', async () => {
    await using world = await openWorld();
    world.broker.on(route, brokerError('connection_not_found'));
    const response = await world.send('DELETE', '/v1/connections/x', { key: world.key });
    expect(await readRefusal(response)).toEqual([404, 'connection_not_found']);
  });
});
