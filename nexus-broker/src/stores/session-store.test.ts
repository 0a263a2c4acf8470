import { toInstant } from '@nexus/core/clock';
import { beforeAll, describe, expect, it } from 'vitest';
import type { AgentSession } from '../domain/agent-session.js';
import type { Database } from './database.js';
import { describeEachDatabase } from './describe-each-database.js';
import { createId, createKey, createSealed, createSession } from './store-fixture.js';

const inAnHour = () => toInstant(Date.now() + 3_600_000);
const longAgo = toInstant(Date.now() - 3_600_000);

describeEachDatabase('the session store', (open) => {
  let database: Database;
  beforeAll(async () => {
    database = await open();
  });

  async function insert(values: Partial<AgentSession> = {}): Promise<AgentSession> {
    const session = createSession({ expiresAt: inAnHour(), ...values });
    await database.transaction((stores) => stores.sessions.insert(session));
    return session;
  }
  const find = async (session: AgentSession) => (await database.stores.sessions.findById(session.sessionId))?.session;

  it('keeps a session as it was given, with and without a user', async () => {
    const user = { issuer: 'https://id.example', subject: 'ada', tenantId: null, clearanceLevel: 3 };
    for (const onBehalfOf of [null, user]) {
      const session = await insert({ onBehalfOf });
      expect(await find(session)).toEqual(session);
      const byToken = await database.stores.sessions.findByTokenHash(session.tokenHash);
      expect(byToken?.session).toEqual(session);
      expect(Math.abs(Date.parse(byToken?.now ?? '') - Date.now())).toBeLessThan(60_000);
    }
    expect(await database.stores.sessions.findByTokenHash('unknown')).toBeNull();
  });

  describe('closing', () => {
    it('takes what is open and matches every field of the filter, once', async () => {
      const agentId = createId();
      const [wanted, other] = [await insert({ agentId, openedBy: 'k1' }), await insert({ agentId, openedBy: 'k2' })];
      const expired = await insert({ agentId, openedBy: 'k1', expiresAt: longAgo });
      const close = () =>
        database.transaction((stores) => stores.sessions.close({ agentId, openedBy: 'k1' }, 'key_revoked'));
      const closed = await close();
      expect(closed.map(({ sessionId }) => sessionId)).toEqual([wanted.sessionId]);
      expect(closed[0]).toMatchObject({ end: 'key_revoked', closedAt: expect.any(String) });
      expect(await close()).toEqual([]);
      expect((await find(other))?.closedAt).toBeNull();
      expect((await find(expired))?.closedAt).toBeNull();
      expect(await database.stores.sessions.countOpen({ agentId })).toBe(1);
    });

    it('of many at once closes a session exactly once', async () => {
      const { sessionId } = await insert();
      const answers = await Promise.all(
        Array.from({ length: 16 }, () =>
          database.transaction((stores) => stores.sessions.close({ sessionId }, 'closed')),
        ),
      );
      expect(answers.flat()).toHaveLength(1);
    });

    it('tells users of two issuers apart', async () => {
      const user = { subject: 'ada', tenantId: null, clearanceLevel: 0 };
      const ours = await insert({ onBehalfOf: { ...user, issuer: 'https://one.example' } });
      const theirs = await insert({ onBehalfOf: { ...user, issuer: 'https://two.example' } });
      const filter = { userIssuer: 'https://one.example', userSubject: 'ada' };
      const closed = await database.transaction((stores) => stores.sessions.close(filter, 'closed_by_admin'));
      expect(closed.map(({ sessionId }) => sessionId)).toEqual([ours.sessionId]);
      expect((await find(theirs))?.closedAt).toBeNull();
    });
  });

  it('records an expiry at its own time, and gives each expired session to one caller', async () => {
    const session = await insert({ expiresAt: longAgo });
    const taken = await Promise.all(
      [1, 2, 3].map(() => database.transaction((stores) => stores.sessions.expireDue(100))),
    );
    const mine = taken.flat().filter(({ sessionId }) => sessionId === session.sessionId);
    expect(mine).toHaveLength(1);
    expect(await find(session)).toMatchObject({ closedAt: longAgo, end: 'expired' });
  });

  it('closes the sessions of a key that has run out, and no others', async () => {
    const [gone, alive] = [createKey({ expiresAt: longAgo }), createKey({ expiresAt: inAnHour() })];
    await database.transaction(async (stores) => {
      await stores.keys.insert(gone);
      await stores.keys.insert(alive);
    });
    const session = await insert({ openedBy: gone.keyId });
    const other = await insert({ openedBy: alive.keyId });
    await database.transaction((stores) => stores.sessions.closeOfExpiredKeys(100));
    expect((await find(session))?.end).toBe('key_expired');
    expect((await find(other))?.end).toBeNull();
  });

  describe('tokens of a session', () => {
    const store = (session: AgentSession, expectedVersion: number) =>
      database.transaction((stores) =>
        stores.sessions.storeToken({
          sessionId: session.sessionId,
          expectedVersion,
          sealed: createSealed('narrow'),
          tokenOrigin: 'https://provider.example',
        }),
      );

    it('are stored for the version seen, while the session is open', async () => {
      const session = await insert();
      expect(await store(session, 0)).toBe(true);
      expect(await store(session, 0)).toBe(false);
      expect(await find(session)).toMatchObject({ tokenVersion: 1, tokenOrigin: 'https://provider.example' });
      const { sessionId } = session;
      await database.transaction((stores) => stores.sessions.close({ sessionId }, 'closed'));
      expect(await store(session, 1)).toBe(false);
      expect(await store(await insert({ expiresAt: longAgo }), 0)).toBe(false);
    });

    it('are found after the end and erased', async () => {
      const session = await insert();
      await store(session, 0);
      const listed = async () =>
        (await database.stores.sessions.listEndedWithToken({ after: '', limit: 100 })).map((row) => row.sessionId);
      expect(await listed()).not.toContain(session.sessionId);
      await database.transaction((stores) => stores.sessions.close({ sessionId: session.sessionId }, 'closed'));
      expect(await listed()).toContain(session.sessionId);
      await database.transaction((stores) => stores.sessions.eraseToken(session.sessionId));
      expect(await listed()).not.toContain(session.sessionId);
    });
  });

  it('forgets sessions that ended long ago, unless a token of theirs is still to be taken back', async () => {
    const [plain, holding] = [
      await insert({ closedAt: longAgo, end: 'closed' }),
      await insert({ closedAt: longAgo, end: 'closed', sealedToken: createSealed() }),
    ];
    const recent = await insert({ closedAt: inAnHour(), end: 'closed' });
    await database.transaction((stores) => stores.sessions.deleteEndedBefore({ secondsAgo: 60, limit: 100 }));
    expect(await find(plain)).toBeUndefined();
    expect(await find(holding)).toBeDefined();
    expect(await find(recent)).toBeDefined();
  });

  it('lists by filter, state and page', async () => {
    const agentId = createId();
    const sessions = [
      await insert({ agentId }),
      await insert({ agentId, expiresAt: longAgo }),
      await insert({ agentId }),
    ];
    const ids = sessions.map(({ sessionId }) => sessionId).sort();
    const list = async (filter: object) =>
      (await database.stores.sessions.list({ agentId, ...filter })).map(({ sessionId }) => sessionId);
    expect(await list({})).toEqual(ids);
    expect(await list({ open: true })).toHaveLength(2);
    expect(await list({ open: false })).toEqual([sessions[1]?.sessionId]);
    expect(await list({ limit: 2 })).toEqual(ids.slice(0, 2));
    expect(await list({ after: ids[1] })).toEqual(ids.slice(2));
  });
});
