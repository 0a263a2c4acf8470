import { describe, expect, it } from 'vitest';
import { GrantFamilies, type GrantFamiliesOptions } from './grant-families.js';

function open(options: Partial<GrantFamiliesOptions>) {
  const clock = { ms: 1_000_000 };
  const random = { next: 0.9 };
  const families = new GrantFamilies({
    rotation: 'strict',
    graceSeconds: 0,
    accessTokenSeconds: 3_600,
    now: () => clock.ms,
    random: () => random.next,
    ...options,
  });
  return { families, clock, random, grant: families.issue('home') };
}

describe('families of refresh tokens', () => {
  it('rotates, and remembers the newest', () => {
    const { families, grant } = open({ rotation: 'always' });
    const answer = families.refresh(grant.refreshToken, 'read');
    const tokens = { access_token: 'at-home-1', refresh_token: 'rt-home-1' };
    expect(answer).toEqual({
      status: 200,
      body: { ...tokens, token_type: 'bearer', expires_in: 3_600, scope: 'read' },
    });
    expect(families.newest('home')).toBe('rt-home-1');
    expect(families.log).toEqual([{ family: 'home', tokenIndex: 0, at: 1_000_000, reuse: false, status: 200 }]);
  });

  it('keeps the refresh token where none rotates, however often it comes', () => {
    const { families, grant } = open({ rotation: 'never' });
    for (const _ of [1, 2, 3]) expect(families.refresh(grant.refreshToken).body).not.toHaveProperty('refresh_token');
    expect(families.newest('home')).toBe(grant.refreshToken);
    expect(families.log.some(({ reuse }) => reuse)).toBe(false);
  });

  it('rotates by chance where it does so sometimes', () => {
    const { families, grant, random } = open({ rotation: 'sometimes' });
    random.next = 0.1;
    expect(families.refresh(grant.refreshToken).body).not.toHaveProperty('refresh_token');
    random.next = 0.9;
    expect(families.refresh(grant.refreshToken).body['refresh_token']).toBe('rt-home-1');
  });

  it('refuses a used token, and ends the family with its access tokens only where it is strict', () => {
    for (const [rotation, lives] of [
      ['always', true],
      ['strict', false],
    ] as const) {
      const { families, grant } = open({ rotation });
      const newest = families.refresh(grant.refreshToken).body['refresh_token'] as string;
      expect(families.refresh(grant.refreshToken)).toEqual({ status: 400, body: { error: 'invalid_grant' } });
      expect(families.isAlive('home')).toBe(lives);
      expect(families.endedBy('home')).toBe(lives ? null : 'reuse');
      expect(families.isAccepted('at-home-1')).toBe(lives);
      expect(families.refresh(newest).status).toBe(lives ? 200 : 400);
      expect(families.log.map(({ reuse }) => reuse)).toEqual([false, true, false]);
    }
  });

  it('answers a used token again within its grace, and not after it', () => {
    const { families, grant, clock } = open({ graceSeconds: 30 });
    families.refresh(grant.refreshToken);
    clock.ms += 29_999;
    expect(families.refresh(grant.refreshToken).body['refresh_token']).toBe('rt-home-1');
    clock.ms += 1;
    expect(families.refresh(grant.refreshToken).status).toBe(400);
    expect(families.isAlive('home')).toBe(false);
  });

  it('puts another successor in the place of the first where it is told to', () => {
    const { families, grant } = open({ graceSeconds: 30, graceAnswer: 'new' });
    families.refresh(grant.refreshToken);
    expect(families.refresh(grant.refreshToken).body['refresh_token']).toBe('rt-home-2');
    expect(families.newest('home')).toBe('rt-home-2');
    expect(families.refresh('rt-home-1').body['refresh_token']).toBe('rt-home-3');
  });

  it('takes a token whose successor was used for a reuse, whatever the grace', () => {
    const { families, grant } = open({ graceSeconds: 30 });
    families.refresh(grant.refreshToken);
    families.refresh('rt-home-1');
    expect(families.refresh(grant.refreshToken).status).toBe(400);
  });

  it('ends a family by its refresh token, and an access token alone', () => {
    const { families, grant } = open({});
    const { access_token: other } = families.refresh(grant.refreshToken).body;
    families.revoke(grant.accessToken);
    expect([families.isAccepted(grant.accessToken), families.isAccepted(String(other))]).toEqual([false, true]);
    families.revoke('rt-home-1');
    expect([families.isAlive('home'), families.endedBy('home')]).toEqual([false, 'revocation']);
    families.revoke('unknown');
    expect(families.refresh('rt-nobody-0').status).toBe(400);
  });

  it('accepts an access token until its last second', () => {
    const { families, grant, clock } = open({ accessTokenSeconds: 60 });
    expect(grant.expiresAt).toBe(1_060);
    clock.ms = 1_059_999;
    expect(families.isAccepted(grant.accessToken)).toBe(true);
    clock.ms = 1_060_000;
    expect(families.isAccepted(grant.accessToken)).toBe(false);
  });
});
