import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { systemClock, toInstant } from '@nexus/core/clock';
import { afterAll, beforeAll, beforeEach, expect, it } from 'vitest';
import { defaultRefreshPolicy } from '../domain/profile-quirks.js';
import { type Database, openDatabase } from '../stores/database.js';
import { type Connected, context, createEngineRig, type EngineRig } from './engine-fixture.js';
import { PacedGate } from './pacing/paced-gate.js';
import type { Urgency } from './refresh-engine.js';

let offsetMs = 0;
let stateQueries = 0;
let folder: string;
let database: Database;
let rig: EngineRig;
const clock = { now: () => systemClock.now() + offsetMs };
const logger = { warn: () => undefined, error: () => undefined };

beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'nexus-bad-grant-'));
  database = await openDatabase({ url: `sqlite:${join(folder, 'nexus.db')}`, clockOffsetMs: () => offsetMs });
  await database.migrate();
  rig = await createEngineRig(database);
});
beforeEach(() => {
  offsetMs = 0;
  const { authority } = rig;
  authority.upstream.answer('/token', ({ form }) => authority.answer(form));
});
afterAll(async () => {
  await rig.close();
  await database[Symbol.asyncDispose]();
  rmSync(folder, { recursive: true });
});

function createEngine() {
  const { connections } = database.stores;
  const findAttemptState: typeof connections.findAttemptState = (ref) => {
    stateQueries += 1;
    return connections.findAttemptState(ref);
  };
  const counted = Object.create(connections, { findAttemptState: { value: findAttemptState } });
  const stores = Object.create(database.stores, { connections: { value: counted } });
  const watched: Database = Object.create(database, { stores: { value: stores } });
  return rig.createEngine(clock, {
    gate: new PacedGate({ database, clock, logger }),
    database: watched,
    random: () => 0,
  });
}
type Engine = ReturnType<typeof createEngine>;
const refresh = async (engine: Engine, { connection, provider }: Connected, urgency: Urgency = 'now') =>
  engine.refresh(await rig.read(connection.connectionRef), provider, context, urgency);
const expired = () => ({ expiresAt: Math.floor(clock.now() / 1_000) - 1 });

it('R9: a grant that alone is refused waits two minutes, and asks again only then', async () => {
  const engine = createEngine();
  const bad = await rig.connect({}, expired());
  rig.authority.upstream.answer('/token', { status: 400, body: { error: 'unauthorized_client' } });
  for (const atMs of [0, 61_000, 119_000]) {
    offsetMs = atMs;
    await refresh(engine, bad);
  }
  expect(rig.authority.shown(bad.family)).toHaveLength(1);
  const state = await database.stores.connections.findAttemptState(bad.connection.connectionRef);
  expect(state).toMatchObject({ status: 'active', failures: 0 });
  offsetMs = 121_000;
  await refresh(engine, bad);
  expect(rig.authority.shown(bad.family)).toHaveLength(2);
});

it('R9: a narrowing that is refused does not count as our client being accepted', async () => {
  const engine = createEngine();
  const connected = await rig.connect();
  const { providerId, version } = connected.provider;
  await database.transaction(async ({ callPace }) => {
    for (const connectionRef of ['a', 'b']) {
      const target = { origin: connected.connection.issuedOrigin, providerId, profileVersion: version, connectionRef };
      await callPace.noteRefusal(target, 60);
    }
  });
  offsetMs = 61_000;
  rig.authority.upstream.answer('/token', { status: 400, body: { error: 'unauthorized_client' } });
  expect(await rig.narrow(engine, connected)).toMatchObject({ kind: 'cannot_narrow' });
  expect(rig.authority.shown(connected.family)).toHaveLength(1);
  const states = await database.stores.callPace.list();
  expect(states).toContainEqual(expect.objectContaining({ key: `provider:${providerId}`, state: 'stopped' }));
});

it('R16: two hundred readers who can wait cost one query while nothing can be refreshed', async () => {
  const engine = createEngine();
  const connected = await rig.connect();
  rig.authority.upstream.answer('/token', { status: 503 });
  await refresh(engine, connected);
  stateQueries = 0;
  const { connection, provider } = connected;
  const row = await rig.read(connection.connectionRef);
  for (let read = 0; read < 200; read++) await engine.refresh(row, provider, context, 'background');
  expect(stateQueries).toBeLessThan(10);
});

it('R4: a grant that is spared for its token is not due before that token ends', async () => {
  const engine = createEngine();
  const nearlyDue = { expiresAt: Math.floor(clock.now() / 1_000) + 500 };
  const connected = await rig.connect({ refresh: { ...defaultRefreshPolicy, rotation: 'strict' } }, nearlyDue);
  const { connectionRef } = connected.connection;
  rig.authority.upstream.answer('/token', { drop: 'before' });
  await refresh(engine, connected);
  await database.transaction(({ connections }) => connections.touchRead([connectionRef], toInstant(clock.now())));
  const isDue = async () => {
    const except = { origins: [], providerIds: [] };
    const input = { now: clock.now(), readSince: toInstant(0), except, limit: 50 };
    const due = await database.stores.dueConnections.findDue(input);
    return due.some((connection) => connection.connectionRef === connectionRef);
  };
  await refresh(engine, connected, 'background');
  expect(await isDue()).toBe(false);
  offsetMs = 435_000;
  expect(await isDue()).toBe(false);
  offsetMs = 445_000;
  expect(await isDue()).toBe(true);
});
