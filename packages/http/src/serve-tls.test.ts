import type { RequestOptions } from 'node:https';
import { request } from 'node:https';
import type { CertificateAuthority, IssuedCertificate } from '@nexus/testkit/certificates';
import { createCertificateAuthority, createSelfSignedCertificate } from '@nexus/testkit/certificates';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { createHttpApp } from './app.js';
import type { RunningServer } from './serve.js';
import { serve } from './serve.js';
import { captureLog } from './testing.js';

const day = 24 * 3600 * 1000;

let authority: CertificateAuthority;
let server: RunningServer;
let release: () => void = () => {};
let entered: Promise<void>;

beforeAll(async () => {
  authority = createCertificateAuthority('test authority');
  const log = captureLog();
  const app = createHttpApp({ logger: log.logger, clock: { now: () => Date.now() } });
  app.get('/quick', (c) => c.json({ ip: c.get('callerIp') }));
  let enter: () => void = () => {};
  entered = new Promise((resolve) => {
    enter = resolve;
  });
  app.get('/slow', async (c) => {
    const released = new Promise<void>((resolve) => {
      release = resolve;
    });
    enter();
    await released;
    return c.json({ done: true });
  });
  const { key, cert } = authority.issue({ commonName: 'broker' });
  const tls = { key, cert, clientCa: authority.cert };
  server = await serve({ app, host: '127.0.0.1', port: 0, logger: log.logger, tls });
});

afterAll(() => server.close());

function get(path: string, client: Partial<IssuedCertificate>, options: RequestOptions = {}): Promise<string> {
  return new Promise((resolve, reject) => {
    const call = request(
      `${server.url}${path}`,
      { ...client, ca: authority.cert, agent: false, ...options },
      (answer) => {
        let text = '';
        answer.on('data', (chunk: Buffer) => {
          text += chunk.toString();
        });
        answer.on('error', reject);
        answer.on('end', () => resolve(text));
      },
    );
    call.on('error', reject);
    call.end();
  });
}

describe('serve with TLS', () => {
  it('B15: serves a client whose certificate the authority issued', async () => {
    expect(server.url).toMatch(/^https:/);
    expect(await get('/quick', authority.issue({ commonName: 'gateway' }))).toBe('{"ip":"127.0.0.1"}');
  });

  it.each<[string, () => Partial<IssuedCertificate>]>([
    ['no certificate', () => ({})],
    ['a certificate it issued itself', () => createSelfSignedCertificate({ commonName: 'gateway' })],
    [
      'a certificate of another authority',
      () => createCertificateAuthority('test authority').issue({ commonName: 'gateway' }),
    ],
    [
      'an expired certificate',
      () =>
        authority.issue({
          commonName: 'gateway',
          notBefore: new Date(Date.now() - 3 * day),
          notAfter: new Date(Date.now() - day),
        }),
    ],
  ])('B15: refuses a client with %s in the handshake', async (_name, create) => {
    await expect(get('/quick', create())).rejects.toThrow();
  });

  it('refuses TLS 1.1', async () => {
    const client = authority.issue({ commonName: 'gateway' });
    await expect(get('/quick', client, { minVersion: 'TLSv1', maxVersion: 'TLSv1.1' })).rejects.toThrow();
  });

  it('O1: finishes an encrypted request in flight when it closes', async () => {
    const answer = get('/slow', authority.issue({ commonName: 'gateway' }));
    await entered;
    const closing = server.close();
    await new Promise((resolve) => setTimeout(resolve, 400));
    release();
    expect(await answer).toBe('{"done":true}');
    await closing;
  });
});
