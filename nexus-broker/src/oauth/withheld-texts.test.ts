import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Provider } from '../domain/provider.js';
import { type QuirkRig, startQuirkRig } from './quirk-fixture.js';

let rig: QuirkRig;

beforeAll(async () => {
  rig = await startQuirkRig();
});
afterAll(() => rig[Symbol.asyncDispose]());

describe('S-9: a secret is neither shown nor kept in the clear', () => {
  const token = {
    access_token: 'fixture-access-token',
    refresh_token: 'fixture-refresh-token',
    nested: { refresh_token: 'fixture-nested-token' },
    hidden: 'is: fixture-refresh-token',
  };
  const callback = { code: 'fixture-code', again: 'fixture-code' };

  const connect = (provider: Provider) => {
    rig.upstream.answer('/token', { body: token });
    return rig.exchange(provider, callback);
  };

  it.each([
    ['token', 'access_token'],
    ['token', 'refresh_token'],
    ['token', 'nested.refresh_token'],
    ['token', 'hidden'],
    ['callback', 'code'],
    ['callback', 'state'],
    ['callback', 'again'],
    ['userinfo', 'echo'],
    ['userinfo', 'code'],
  ])('in a value or a label from the %s at %s', async (from, path) => {
    rig.upstream.answer('/me', { body: { id: '7', echo: token.access_token, code: callback.code } });
    const account = {
      subject: { from: 'userinfo', path: 'id' },
      label: { from, path },
      values: { leak: { from, path } },
    };
    const provider = rig.create({ account }, { userInfoEndpoint: rig.upstream.url('/me') });
    const { subject, label, accountData } = await connect(provider);
    expect({ subject, label, accountData }).toEqual({ subject: '7', label: null, accountData: {} });
  });

  it.each(['access_token', 'nested.refresh_token'])('in a subject at %s', async (path) => {
    const { subject } = await connect(rig.create({ account: { subject: { from: 'token', path } } }));
    expect(subject).toBeNull();
  });
});
