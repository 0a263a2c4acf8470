import { setTimeout as sleep } from 'node:timers/promises';
import { systemClock } from '@nexus/core/clock';
import { startScriptedProvider } from '@nexus/testkit/scripted-provider';
import { startTcpFaultProxy, type TcpFault, type TcpFaultProxy } from '@nexus/testkit/tcp-fault-proxy';
import { afterAll, beforeAll, beforeEach, expect, it } from 'vitest';
import { describeEachDatabase } from '../stores/describe-each-database.js';
import { type Connected, context, createEngineRig, EngineRig, StrictAuthority } from './engine-fixture.js';
import type { RefreshEngine } from './refresh-engine.js';

const callTimeoutMs = 300;

describeEachDatabase('three Brokers and a provider behind a bad network', (open, fixture) => {
  let rig: EngineRig;
  let proxy: TcpFaultProxy;
  let engines: readonly RefreshEngine[];

  beforeAll(async () => {
    const made = await createEngineRig(await open({ url: await fixture.createUrl() }));
    await made.authority.upstream.close();
    const server = await startScriptedProvider();
    proxy = await startTcpFaultProxy({ target: { host: '127.0.0.1', port: Number(new URL(server.origin).port) } });
    const origin = `http://127.0.0.1:${proxy.port}`;
    const upstream = { ...server, origin, url: (path: string) => origin + path };
    rig = new EngineRig({ ...made, authority: new StrictAuthority(upstream) });
    // The longest pauses there are, so that what comes without one is seen.
    const changes = { callTimeoutMs, random: () => 0.999 };
    engines = [1, 2, 3].map(() => rig.createEngine(systemClock, changes));
  });
  beforeEach(async () => {
    rig.authority.rotates = true;
    proxy.setFault({ kind: 'pass' });
    // A request over a connection whose end has not been noticed would be another fault, and so would one that the test
    // before left on its way.
    await expect
      .poll(() => {
        proxy.resetAll();
        return proxy.openConnections();
      })
      .toBe(0);
    await sleep(30);
  });
  afterAll(async () => {
    await rig.close();
    await proxy.close();
  });

  const connectExpired = (): Promise<Connected> =>
    rig.connect({}, { expiresAt: Math.floor(systemClock.now() / 1_000) - 60 });
  const refreshEverywhere = ({ connection, provider }: Connected) =>
    Promise.all(engines.map((engine) => engine.refresh(connection, provider, context)));

  it('R12: a provider that sleeps has one request of a version open at a time, and two of it in all', async () => {
    const connected = await connectExpired();
    let [openNow, openAtOnce] = [0, 0];
    rig.authority.upstream.answer('/token', ({ over }) => {
      openNow += 1;
      openAtOnce = Math.max(openAtOnce, openNow);
      void over.then(() => {
        openNow -= 1;
      });
      return { delayMs: 60_000 };
    });
    try {
      for (let round = 0; round < 2; round++) {
        const outcomes = await refreshEverywhere(connected);
        expect(outcomes.map(({ kind }) => kind)).toEqual(['failed', 'failed', 'failed']);
      }
    } finally {
      rig.authority.upstream.answer('/token', ({ form }) => rig.authority.answer(form));
    }
    expect(rig.authority.shown(connected.family)).toHaveLength(2);
    expect(openAtOnce).toBe(1);
    expect((await rig.read(connected.connection.connectionRef)).status).toBe('active');
  });

  it.each<[string, TcpFault, number]>([
    ['a connection is half-open', { kind: 'silent' }, 1],
    ['a body breaks off', { kind: 'cut', direction: 'to_client', afterBytes: 120 }, 2],
    ['a head breaks off', { kind: 'cut', direction: 'to_client', afterBytes: 5 }, 2],
  ])(
    'R23: where %s the call is in doubt, and the one that follows it at once brings the token',
    async (_, fault, shown) => {
      rig.authority.rotates = false;
      const { connection, provider, family } = await connectExpired();
      proxy.setFault(fault, 1);
      const outcome = await engines[0]?.refresh(connection, provider, context);
      expect(outcome).toEqual({ kind: 'refreshed' });
      expect(rig.authority.shown(family)).toHaveLength(shown);
      const events = (await rig.entries(connection.connectionRef)).map((entry) => entry['event_type']);
      expect(events).toEqual(['token.refresh_in_doubt', 'token.refreshed']);
    },
  );
});
