import { systemClock, toInstant } from '@nexus/core/clock';
import type { ScriptedAnswer } from '@nexus/testkit/scripted-provider';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { sealCredential } from '../grants/credential-custody.js';
import { describeEachDatabase } from '../stores/describe-each-database.js';
import { createCredentialInput } from '../stores/store-fixture.js';
import { type Connected, context, createEngineRig, type EngineRig, revoking } from './engine-fixture.js';
import type { RefreshEngine } from './refresh-engine.js';

describeEachDatabase('narrowing beside', (open, fixture) => {
  let url: string;
  let rig: EngineRig;
  let engine: RefreshEngine;
  let otherEngine: RefreshEngine;

  beforeAll(async () => {
    url = await fixture.createUrl();
    rig = await createEngineRig(await open({ url, poolSize: 16 }));
    // What bounds them otherwise would keep the races short.
    const narrowing = { burst: 100, waiters: { perKey: 100, total: 100 } };
    engine = rig.createEngine(systemClock, { narrowing });
    otherEngine = rig.createEngine(systemClock, { narrowing });
  });
  afterAll(() => rig.close());

  const refOf = ({ connection }: Connected) => connection.connectionRef;
  const refresh = (by: RefreshEngine, { connection, provider }: Connected) => by.refresh(connection, provider, context);

  /** Lets the provider's next answer wait until `meanwhile` is done. */
  function answerAfter(meanwhile: () => Promise<unknown>, body?: Readonly<Record<string, unknown>>): void {
    rig.authority.upstream.enqueue('/token', async ({ form }): Promise<ScriptedAnswer> => {
      const answer = rig.authority.answer(form);
      await meanwhile();
      return body === undefined ? answer : { body };
    });
  }

  it.each([
    ['rotates', true],
    ['keeps its refresh token', false],
  ])('others: twenty at once, in two Brokers, never show one refresh token twice (%s)', async (_case, rotates) => {
    rig.authority.rotates = rotates;
    try {
      const connected = await rig.connect({}, { expiresAt: Math.floor(systemClock.now() / 1_000) });
      const { family } = connected;
      const minted = new Set<string>();
      const outcomes = await Promise.all(
        Array.from({ length: 20 }, (_, index) => {
          const by = index % 2 === 0 ? engine : otherEngine;
          if (index % 5 === 4) return refresh(by, connected);
          return rig.narrow(by, connected, ({ credential }) => minted.add(credential.accessToken).size > 0);
        }),
      );
      const kinds = outcomes.map(({ kind }) => kind);
      expect(kinds.filter((kind) => kind === 'narrowed')).toHaveLength(16);
      expect(kinds.filter((kind) => kind === 'refreshed' || kind === 'still_fresh')).toHaveLength(4);
      expect(kinds).toContain('refreshed');
      expect(minted.size).toBe(16);
      expect(rig.authority.ended).toEqual(new Set());
      const shown = rig.authority.shown(family);
      if (rotates) expect(new Set(shown).size).toBe(shown.length);
      const newest = rotates ? shown.length : 0;
      expect((await rig.open(await rig.read(refOf(connected)))).refreshToken).toBe(`rt-${family}-${newest}`);
    } finally {
      rig.authority.rotates = true;
    }
  });

  it.each([true, false])('a refresh that came later: it decides afresh (same Broker %s)', async (isSameBroker) => {
    for (const rotates of [true, false]) {
      rig.authority.rotates = rotates;
      const connected = await rig.connect({}, { expiresAt: Math.floor(systemClock.now() / 1_000) - 1 });
      const refreshing: Promise<unknown>[] = [];
      answerAfter(async () => {
        refreshing.push(refresh(isSameBroker ? engine : otherEngine, connected));
        await new Promise((resolve) => setTimeout(resolve, 100));
      });
      expect(await rig.narrow(engine, connected)).toMatchObject({ kind: 'narrowed' });
      expect(await Promise.all(refreshing)).toEqual([{ kind: 'refreshed' }]);
      expect(rig.authority.ended).toEqual(new Set());
      expect(rig.authority.shown(connected.family)).toHaveLength(2);
    }
    rig.authority.rotates = true;
  });

  it('a refresh under way: it waits and shows the newest refresh token', async () => {
    for (const by of [engine, otherEngine]) {
      const connected = await rig.connect();
      const narrowing: Promise<unknown>[] = [];
      answerAfter(async () => {
        narrowing.push(rig.narrow(by, connected));
        await new Promise((resolve) => setTimeout(resolve, 100));
      });
      expect(await refresh(engine, connected)).toEqual({ kind: 'refreshed' });
      expect(await Promise.all(narrowing)).toMatchObject([{ kind: 'narrowed' }]);
      expect(rig.authority.shown(connected.family)).toEqual([0, 1].map((n) => `rt-${connected.family}-${n}`));
    }
  });

  it('a lease that nobody gives back: it gives up without asking the provider', async () => {
    const connected = await rig.connect();
    await rig.database.transaction(({ connections }) =>
      connections.claimRefreshLease({
        connectionRef: refOf(connected),
        expectedVersion: 1,
        owner: 'somebody-else',
        leaseSeconds: 60,
        intent: null,
      }),
    );
    let now = systemClock.now();
    const hasty = rig.createEngine({ now: () => (now += 1_000) });
    expect(await rig.narrow(hasty, connected)).toEqual({ kind: 'failed', retryAfterSeconds: null });
    expect(rig.authority.shown(connected.family)).toEqual([]);
  });

  it.each(['token', 'grant'] as const)('a deletion: whatever was minted goes with it (kills %s)', async (kills) => {
    for (const downscope of ['refresh', 'token_exchange'] as const) {
      const connected = await rig.connect({ revoke: revoking(kills), downscope });
      const { family } = connected;
      const at = toInstant(systemClock.now());
      answerAfter(() =>
        rig.database.transaction(({ connections }) => connections.markRevoked({ connectionRef: refOf(connected), at })),
      );
      const outcome = await rig.narrow(engine, connected, () => {
        throw new Error('it was stored');
      });
      expect(outcome).toEqual({ kind: 'attention' });
      expect(await rig.read(refOf(connected))).toMatchObject({ status: 'revoked', sealedCredential: null });
      const refreshToken = downscope === 'refresh' ? [`rt-${family}-1`] : [];
      expect(rig.authority.revoked(family)).toEqual([
        ...refreshToken,
        expect.stringMatching(new RegExp(`^at-${family}-minted`)),
      ]);
      const ended = { event_type: 'token.refresh_failed', data: { class: 'connection_ended', provider_revoked: true } };
      expect(await rig.entries(refOf(connected))).toMatchObject([ended]);
    }
  });

  it.each(['token', 'grant'] as const)('a reconnect: what it stored stays (kills %s)', async (revocationKills) => {
    for (const rotates of [true, false]) {
      rig.authority.rotates = rotates;
      const connected = await rig.connect({ revoke: revoking(revocationKills) });
      const { connection, family } = connected;
      const sealed = sealCredential(rig.vault, connection, await rig.open(connection), 2, connection.issuedOrigin);
      answerAfter(() =>
        rig.database.transaction(({ connections }) =>
          connections.storeCredential(
            createCredentialInput(connection, { sealed, from: ['active'], issuedOrigin: connection.issuedOrigin }),
          ),
        ),
      );
      const outcome = await rig.narrow(engine, connected, () => {
        throw new Error('it was stored');
      });
      expect(outcome).toEqual({ kind: 'failed', retryAfterSeconds: null });
      expect(await rig.read(refOf(connected))).toMatchObject({ version: 2, status: 'active' });
      const minted = expect.stringMatching(new RegExp(`^at-${family}-minted`));
      const rotated = rotates ? [`rt-${family}-1`] : [];
      expect(rig.authority.revoked(family)).toEqual(revocationKills === 'token' ? [...rotated, minted] : []);
    }
    rig.authority.rotates = true;
  });

  describe('a database that takes nothing', () => {
    const statements =
      fixture.engine === 'sqlite'
        ? {
            break: [
              "create trigger broken_sink before insert on audit_event begin select raise(abort, 'sink gone'); end",
            ],
            mend: 'drop trigger broken_sink',
          }
        : {
            break: [
              "create function broken_sink() returns trigger language plpgsql as $$ begin raise exception 'gone'; end $$",
              'create trigger broken_sink before insert on audit_event for each row execute function broken_sink()',
            ],
            mend: 'drop trigger broken_sink on audit_event',
          };
    const unavailable = expect.objectContaining({ code: 'audit_unavailable' });

    it('loses no rotated refresh token: it is stored before anything else is asked for', async () => {
      const [refreshed, narrowed, kept] = [await rig.connect(), await rig.connect(), await rig.connect()];
      for (const statement of statements.break) await fixture.runSql(url, statement);
      try {
        const failed = await Promise.allSettled([
          refresh(engine, refreshed),
          rig.narrow(engine, narrowed),
          rig.narrow(engine, kept),
        ]);
        expect(failed).toEqual(failed.map(() => ({ status: 'rejected', reason: unavailable })));
        await expect(rig.narrow(engine, narrowed)).rejects.toEqual(unavailable);
        await expect(engine.storeUnsaved()).rejects.toThrow(AggregateError);
      } finally {
        await fixture.runSql(url, statements.mend);
      }
      for (const connected of [refreshed, narrowed]) {
        expect(await rig.narrow(engine, connected)).toMatchObject({ kind: 'narrowed' });
        const { family } = connected;
        expect(rig.authority.shown(family)).toEqual([`rt-${family}-0`, `rt-${family}-1`]);
        expect(await rig.read(refOf(connected))).toMatchObject({ version: 3, accountLabel: 'label' });
      }
      await engine.storeUnsaved();
      const { family } = kept;
      const stored = await rig.read(refOf(kept));
      expect(stored).toMatchObject({ version: 2, lastRefreshAt: null, refreshAfter: kept.connection.refreshAfter });
      expect(await rig.open(stored)).toMatchObject({ refreshToken: `rt-${family}-1`, accessToken: `at-${family}-own` });
      await engine.storeUnsaved();
      await engine.close();
      expect(rig.authority.shown(family)).toEqual([`rt-${family}-0`]);
      expect(rig.authority.ended).toEqual(new Set());
    });
  });
});
