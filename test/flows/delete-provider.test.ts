import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import {
  boundReturnUrl,
  createKey,
  createVerifier,
  type Requested,
  readAudit,
  registerBoundOrigin,
  requestConnection,
} from '../support/fixtures.js';
import { Person } from '../support/person.js';
import { answerAuthorization, connectAs, connectScripted, registerScriptedOauth } from '../support/scripted-oauth.js';
import { engines, type Stack, startStack } from '../support/stack.js';

describe.each(engines)('deleting a provider on %s', (engine) => {
  let stack: Stack;
  let operatorKey: string;

  beforeAll(async () => {
    stack = await startStack({ engine });
    operatorKey = (await createKey(stack, 'operator')).key;
  });
  afterAll(() => stack.close());

  const readToken = (requested: Requested) => stack.gateway('GET', `/v1/token/${requested.connection_id}`);
  const check = (requested: Requested) => stack.gateway('GET', `/v1/check-connection/${requested.connection_id}`);

  it('B18: a provider with live connections is not deleted, unless force ends them like their own deletion would', async () => {
    const doomed = await registerScriptedOauth(stack, { name: 'doomed' });
    try {
      const one = await connectScripted(stack, doomed, 'one');
      const two = await connectScripted(stack, doomed, 'two');
      const pending = await requestConnection(stack, { provider_name: 'doomed' });
      const path = `/v1/providers/${doomed.providerId}`;
      const refused = await stack.gateway('DELETE', path, { key: operatorKey });
      expect(refused.status).toBe(409);
      expect(refused.body.code).toBe('provider_in_use');
      expect((await readToken(one)).status).toBe(200);
      const forced = await stack.gateway('DELETE', `${path}?force=true`, { key: operatorKey });
      expect(forced.status).toBe(200);
      expect(forced.body).toEqual({ id: doomed.providerId, deleted: true, connections: 3 });
      for (const requested of [one, two, pending]) {
        expect((await check(requested)).body.status).toBe('revoked');
        expect((await readToken(requested)).status).toBe(410);
        const events = (await readAudit(stack, requested.connection_ref)).map((event) => event.event_type);
        expect(events.filter((type) => type === 'connection.revoked')).toHaveLength(1);
      }
      expect(doomed.revoked()).toHaveLength(4);
      expect((await stack.gateway('GET', path, { key: operatorKey })).status).toBe(404);
      expect((await stack.gateway('DELETE', path, { key: operatorKey })).status).toBe(404);
    } finally {
      await doomed.close();
    }
  });

  it('B18: a flow that is answered after its provider was deleted connects nothing', async () => {
    const gone = await registerScriptedOauth(stack, { name: 'gone' });
    try {
      const requested = await requestConnection(stack, { provider_name: 'gone' });
      const first = new Person(stack.gatewayUrl);
      const refusedHop = await first.press(requested.auth_url);
      await first.open(answerAuthorization(refusedHop.location, { error: 'access_denied' }));
      const again = await requestConnection(stack, { provider_name: 'gone', connection_id: requested.connection_id });
      const person = new Person(stack.gatewayUrl);
      const hop = await person.press(again.auth_url);
      const deleted = await stack.gateway('DELETE', `/v1/providers/${gone.providerId}`, { key: operatorKey });
      expect(deleted.status).toBe(200);
      const returned = await person.open(answerAuthorization(hop.location, { code: 'code-late-1' }));
      expect(returned.status).toBe(410);
      expect(gone.tokenCalls('authorization_code')).toHaveLength(0);
      expect((await check(requested)).body.status).toBe('failed');
    } finally {
      await gone.close();
    }
  });

  it('B18: a bound flow whose provider was deleted is not completed, and its grant is revoked', async () => {
    const gone = await registerScriptedOauth(stack, { name: 'gone-bound' });
    try {
      await registerBoundOrigin(stack);
      const { verifier, challenge } = createVerifier();
      const bound = { provider_name: 'gone-bound', return_url: boundReturnUrl, completion_challenge: challenge };
      const requested = await requestConnection(stack, bound);
      const declined = new Person(stack.gatewayUrl);
      const refusedHop = await declined.press(requested.auth_url);
      await declined.open(answerAuthorization(refusedHop.location, { error: 'access_denied' }));
      const again = await requestConnection(stack, { ...bound, connection_id: requested.connection_id });
      const returned = await connectAs(stack, again, 'late');
      const handle = new URL(returned.location).searchParams.get('handle') ?? '';
      const deleted = await stack.gateway('DELETE', `/v1/providers/${gone.providerId}`, { key: operatorKey });
      expect(deleted.status).toBe(200);
      const refused = await stack.gateway('POST', '/v1/complete-connection', {
        body: { handle, code_verifier: verifier },
      });
      expect([refused.status, refused.body.code]).toEqual([400, 'completion_refused']);
      expect((await check(requested)).body.status).toBe('failed');
      expect(gone.revoked()).toHaveLength(2);
    } finally {
      await gone.close();
    }
  });
});
