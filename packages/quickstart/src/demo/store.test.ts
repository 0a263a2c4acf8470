import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { type DemoStore, openDemoStore } from './store.js';

let directory: string;
let now: number;
let store: DemoStore;

function openStore(): DemoStore {
  return openDemoStore({ path: join(directory, 'provider.sqlite'), now: () => now });
}

beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'nexus-demo-store-'));
  now = 1_700_000_000_000;
  store = openStore();
});

afterEach(() => {
  store.close();
  rmSync(directory, { recursive: true, force: true });
});

describe('the store of the demo provider', () => {
  it('gives back what was stored, after a restart as well', async () => {
    await store.createAdapter('Session').upsert('s1', { jti: 's1', uid: 'u1', accountId: 'ada' }, 60);
    store.close();
    store = openStore();
    const sessions = store.createAdapter('Session');
    expect(await sessions.find('s1')).toEqual({ jti: 's1', uid: 'u1', accountId: 'ada' });
    expect(await sessions.findByUid('u1')).toEqual({ jti: 's1', uid: 'u1', accountId: 'ada' });
    expect(await store.createAdapter('Grant').find('s1')).toBeUndefined();
  });

  it('replaces a row that is stored again', async () => {
    const grants = store.createAdapter('Grant');
    await grants.upsert('g', { jti: 'g', openid: { scope: 'openid' } }, 60);
    await grants.upsert('g', { jti: 'g', openid: { scope: 'openid email' } }, 60);
    expect(await grants.find('g')).toEqual({ jti: 'g', openid: { scope: 'openid email' } });
  });

  it('keeps the value of a refresh token as a hash only and still returns it to its bearer', async () => {
    const value = 'fixture-refresh-token-value';
    const tokens = store.createAdapter('RefreshToken');
    await tokens.upsert(value, { jti: value, grantId: 'g' }, 60);
    expect(await tokens.find(value)).toEqual({ jti: value, grantId: 'g' });
    store.close();
    expect(readFileSync(join(directory, 'provider.sqlite')).includes(value)).toBe(false);
    store = openStore();
  });

  it('marks a consumed row with the time', async () => {
    const codes = store.createAdapter('AuthorizationCode');
    await codes.upsert('c', { jti: 'c' }, 60);
    await codes.consume('c');
    expect(await codes.find('c')).toEqual({ jti: 'c', consumed: now / 1000 });
  });

  it('revokes the rows of one grant and one model', async () => {
    const refresh = store.createAdapter('RefreshToken');
    const access = store.createAdapter('AccessToken');
    await refresh.upsert('r1', { jti: 'r1', grantId: 'one' }, 60);
    await refresh.upsert('r2', { jti: 'r2', grantId: 'two' }, 60);
    await access.upsert('a1', { jti: 'a1', grantId: 'one' }, 60);
    await refresh.revokeByGrantId('one');
    expect(await refresh.find('r1')).toBeUndefined();
    expect(await refresh.find('r2')).toBeDefined();
    expect(await access.find('a1')).toBeDefined();
  });

  it('does not return what has expired, and purges it', async () => {
    const tokens = store.createAdapter('AccessToken');
    await tokens.upsert('short', { jti: 'short' }, 10);
    await tokens.upsert('long', { jti: 'long' }, 100);
    await tokens.upsert('forever', { jti: 'forever' });
    now += 10_000;
    expect(await tokens.find('short')).toBeUndefined();
    expect(store.purge()).toBe(1);
    expect(await tokens.find('long')).toBeDefined();
    expect(await tokens.find('forever')).toBeDefined();
  });

  it('forgets a destroyed row', async () => {
    const grants = store.createAdapter('Grant');
    await grants.upsert('g', { jti: 'g' }, 60);
    await grants.destroy('g');
    expect(await grants.find('g')).toBeUndefined();
  });
});
