import { NexusError } from '@nexus/core/errors';
import { type ScriptedProvider, startScriptedProvider } from '@nexus/testkit/scripted-provider';
import { afterAll, afterEach, beforeAll, describe, expect, it, vi } from 'vitest';
import { createGuardFactory, failureOf } from './guard-fixture.js';

const guards = createGuardFactory();
const createGuard = guards.create;

afterEach(async () => {
  await guards.dispose();
  vi.unstubAllEnvs();
});

describe('guarded fetch', () => {
  let provider: ScriptedProvider;
  let port: string;

  beforeAll(async () => {
    provider = await startScriptedProvider({ host: '::' });
    port = new URL(provider.origin).port;
  });
  afterAll(() => provider.close());

  const local = (path: string) => `http://127.0.0.1:${port}${path}`;

  it('S-1: opens no connection for any spelling of an address that is not public', async () => {
    const names = [
      'localhost',
      'LOCALHOST',
      'localhost.',
      'a.localhost',
      'internal.example',
      'mixed.example',
      'six.example',
    ];
    const guard = createGuard({
      environment: 'production',
      resolve: async (name) => (name === 'six.example' ? ['::ffff:127.0.0.1'] : ['127.0.0.1']),
    });
    const spellings = [...names, ...spellEveryBlockedAddress()];
    expect(spellings.length).toBeGreaterThanOrEqual(120);
    const before = provider.connectionCount();
    for (const host of spellings) {
      for (const scheme of ['https', 'http']) {
        const failure = await failureOf(guard.fetch(`${scheme}://${host}:${port}/canary`));
        expect([host, failure.wasSent]).toEqual([host, false]);
        expect([host, failure.reason.startsWith('unsafe')]).toEqual([host, true]);
      }
      await expect(guard.checkUrl(`https://${host}:${port}/`)).rejects.toMatchObject({ code: 'provider_unsafe' });
    }
    expect(provider.connectionCount()).toBe(before);
  });

  it('S-1: in development only loopback is opened', async () => {
    provider.answer('/here', { body: { ok: true } });
    const guard = createGuard();
    for (const host of ['127.0.0.1', '127.1', '2130706433', '0x7f.1', '[::1]', '[::ffff:127.0.0.1]']) {
      const response = await guard.fetch(`http://${host}:${port}/here`);
      expect(await response.json()).toEqual({ ok: true });
    }
    for (const host of [
      '10.0.0.1',
      '169.254.169.254',
      '0.0.0.0',
      '[::]',
      '192.168.1.1',
      '[fd00::1]',
      '[::127.0.0.1]',
    ]) {
      expect((await failureOf(guard.fetch(`http://${host}:${port}/here`))).reason).toBe('unsafe_url');
    }
  });

  it('S-2: asks for a name once, and a name that turns private or mixes answers is never reached', async () => {
    provider.answer('/rebound', {});
    const answers = [['93.184.216.34'], ['127.0.0.1'], ['93.184.216.34', '10.0.0.1'], ['127.0.0.1', '93.184.216.34']];
    let asked = 0;
    const guard = createGuard({ environment: 'production', resolve: async () => answers[asked++] ?? [] });
    const before = provider.connectionCount();
    await guard.checkUrl('https://rebinding.example/token');
    for (let call = 1; call <= 3; call++) {
      const failure = await failureOf(guard.fetch(`https://rebinding.example:${port}/rebound`));
      expect(failure).toMatchObject({ reason: 'unsafe_address', wasSent: false });
      expect(asked).toBe(call + 1);
    }
    expect(provider.connectionCount()).toBe(before);
  });

  it('S-2: connects to the vetted answer without asking again', async () => {
    provider.answer('/pinned', { body: { ok: true } });
    let asked = 0;
    const guard = createGuard({ resolve: async () => (asked++ === 0 ? ['127.0.0.1'] : ['10.0.0.1']) });
    const url = `http://name.localhost:${port}/pinned`;
    expect((await guard.fetch(url)).status).toBe(200);
    expect(asked).toBe(1);
  });

  it.each([301, 302, 303, 307, 308])('S-3: does not follow a %i redirect', async (status) => {
    const path = `/from-${status}`;
    provider.answer(path, { status, headers: { location: local('/second') } });
    const guard = createGuard();
    const response = await guard.fetch(local(path), { method: 'POST', body: new URLSearchParams({ secret: 'x' }) });
    expect(response.status).toBe(status);
    expect(provider.requests('/second')).toHaveLength(0);
    expect(provider.requests(path)).toHaveLength(1);
  });

  it('accepts at registration a name that does not resolve right now', async () => {
    const guard = createGuard({ environment: 'production', resolve: () => Promise.reject(new Error('ENOTFOUND')) });
    await expect(guard.checkUrl('https://not-yet.example/token')).resolves.toBeUndefined();
    expect(await failureOf(guard.fetch('https://not-yet.example/token'))).toMatchObject({
      reason: 'dns',
      wasSent: false,
    });
    const error: unknown = await guard.checkUrl('https://10.0.0.1/').catch((reason: unknown) => reason);
    expect(error).toBeInstanceOf(NexusError);
    expect((error as NexusError).message).not.toContain('10.0.0.1');
  });

  it('S-7: ignores proxies named in the environment', async () => {
    for (const name of ['HTTP_PROXY', 'HTTPS_PROXY', 'http_proxy', 'https_proxy', 'ALL_PROXY']) {
      vi.stubEnv(name, `http://127.0.0.1:${port}`);
    }
    vi.stubEnv('NODE_USE_ENV_PROXY', '1');
    provider.answer('/direct', { body: { direct: true } });
    expect(await (await createGuard().fetch(local('/direct'))).json()).toEqual({ direct: true });
    expect(provider.requests('/direct').at(-1)?.headers['host']).toBe(`127.0.0.1:${port}`);
  });

  it('reuses connections', async () => {
    provider.answer('/again', { body: {} });
    const guard = createGuard();
    const before = provider.connectionCount();
    for (let i = 0; i < 10; i++) await guard.fetch(local('/again'));
    expect(provider.connectionCount() - before).toBeLessThanOrEqual(2);
  });

  it('sends what it is given, except headers that frame the message', async () => {
    provider.answer('/echo', { body: {} });
    await createGuard().fetch(local('/echo'), {
      method: 'post',
      headers: { 'X-Key': 'k', Host: 'other.example', 'Content-Length': '1', 'Transfer-Encoding': 'chunked' },
      body: new URLSearchParams({ a: 'b c', d: '&' }),
    });
    const seen = provider.requests('/echo').at(-1);
    expect(seen?.method).toBe('POST');
    expect(seen?.body).toBe('a=b+c&d=%26');
    expect(seen?.headers).toMatchObject({ 'x-key': 'k', host: `127.0.0.1:${port}`, 'user-agent': 'nexus-broker' });
    expect(seen?.headers['transfer-encoding']).toBeUndefined();
    const failure = await failureOf(createGuard().fetch(local('/echo'), { headers: { 'x-key': 'a\r\nx-evil: 1' } }));
    expect(failure).toMatchObject({ reason: 'invalid_request', wasSent: false });
  });
});

/** Each special-purpose network by one address, in every spelling a URL parser may understand. */
function spellEveryBlockedAddress(): string[] {
  const addresses = ['127.0.0.1', '0.0.0.0', '10.0.0.1', '100.64.0.1', '169.254.169.254', '172.16.0.1', '192.168.0.1'];
  addresses.push('192.0.0.192', '198.18.0.1', '224.0.0.1', '240.0.0.1', '255.255.255.255', '168.63.129.16');
  const spelled = addresses.flatMap((address) => {
    const bytes = address.split('.').map(Number);
    const [a = 0, b = 0, c = 0, d = 0] = bytes;
    const number = ((a * 256 + b) * 256 + c) * 256 + d;
    const hex = number.toString(16).padStart(8, '0');
    const groups = `${hex.slice(0, 4)}:${hex.slice(4)}`;
    const wide = address.replace(/\d/g, (digit) => String.fromCharCode(0xff10 + Number(digit)));
    return [
      address,
      `${address}.`,
      String(number),
      `0x${hex}`,
      `0${number.toString(8)}`,
      bytes.map((byte) => `0x${byte.toString(16)}`).join('.'),
      bytes.map((byte) => `0${byte.toString(8)}`).join('.'),
      `${a}.${b}.${c * 256 + d}`,
      `${a}.${(b * 256 + c) * 256 + d}`,
      wide,
      address.replaceAll('.', '\u3002'),
      address.replaceAll('.', '%2e'),
      `[::ffff:${address}]`,
      `[::ffff:${groups}]`,
      `[::${groups}]`,
      `[64:ff9b::${groups}]`,
      `[64:ff9b:1::${groups}]`,
      `[2002:${groups}::1]`,
      `[2001:0:${groups}::1]`,
    ];
  });
  const others = [
    '[::]',
    '[::1]',
    '[0:0:0:0:0:0:0:1]',
    '[fc00::1]',
    '[fd00:ec2::254]',
    '[fe80::1]',
    '[fec0::1]',
    '[ff02::1]',
  ];
  return [...spelled, ...others, '[2001:db8::1]', '[100::1]', '[5f00::1]', '[fe80::1%25eth0]', '[fe80::1%eth0]'];
}
