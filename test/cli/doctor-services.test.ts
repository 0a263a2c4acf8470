/** The doctor at services that are not as they should be; test/cli/doctor.test.ts has it at real ones. */
import { randomUUID } from 'node:crypto';
import { once } from 'node:events';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { createServer as createHttpServer } from 'node:http';
import { createServer, type ServerOptions } from 'node:https';
import type { AddressInfo, Server } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createCertificateAuthority, createSelfSignedCertificate } from '@nexus/testkit/certificates';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { runOnScreen } from './golden.js';

const dayMs = 24 * 3_600_000;
const authority = createCertificateAuthority('internal');
const servers: Server[] = [];

let folder = '';
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'nexus-doctor-'));
});
afterAll(() => rm(folder, { recursive: true, force: true }));
afterEach(() => {
  for (const server of servers.splice(0)) server.close();
});

interface Answer {
  readonly status?: number;
  readonly body?: string;
  readonly date?: number;
  readonly tls?: ServerOptions;
  /** Told of the key of each request. */
  readonly onKey?: (key: unknown) => void;
}

/** A service on a port of its own, over TLS where it is given a certificate. */
async function serve({
  status = 200,
  body = '{"status":"ok","version":"0.1.0"}',
  date,
  tls,
  onKey,
}: Answer): Promise<string> {
  const answer: Parameters<typeof createHttpServer>[1] = ({ headers }, response) => {
    onKey?.(headers['x-api-key']);
    if (date !== undefined) response.setHeader('Date', new Date(date).toUTCString());
    response.writeHead(status).end(body);
  };
  const server = tls === undefined ? createHttpServer(answer) : createServer(tls, answer);
  servers.push(server.listen(0, '127.0.0.1'));
  await once(server, 'listening');
  return `${tls === undefined ? 'http' : 'https'}://127.0.0.1:${(server.address() as AddressInfo).port}`;
}

type Named = 'CA' | 'CERT' | 'KEY';

/** What the doctor finds, by check; texts stand for files that are named in the environment. */
async function examine(url: string, tls: Partial<Record<Named, string>> = {}): Promise<Record<string, string>> {
  const files = Object.entries(tls).map(async ([name, text]) => {
    const path = join(folder, randomUUID());
    await writeFile(path, text, { mode: 0o600 });
    return [`NEXUS_TLS_${name}_FILE`, path] as const;
  });
  const env = { NEXUS_BROKER_URL: url, NEXUS_API_KEY: 'nxa_fixture', ...Object.fromEntries(await Promise.all(files)) };
  const { stdout } = await runOnScreen(null, { args: ['doctor', '--json'], env });
  const { findings } = JSON.parse(stdout) as { findings: Record<'check' | 'state' | 'found' | 'mend', string>[] };
  return Object.fromEntries(findings.map(({ check, state, found, mend }) => [check, [state, found, mend].join(' | ')]));
}

describe('a Broker', () => {
  it('is well on loopback', async () => {
    expect(await examine(await serve({}))).toMatchObject({
      Broker: expect.stringMatching(/^ok \| ready at http:\S+, version 0\.1\.0/),
      'Broker TLS': expect.stringMatching(/^ok/),
      'Broker clock': expect.stringMatching(/^ok \| agrees/),
    });
  });

  it.each<[string, Answer, string, RegExp]>([
    [
      'is not ready',
      { status: 503, body: '{"status":"unavailable","version":"0.1.0","reason":"database"}' },
      'Broker',
      /^fail \| not ready: database/,
    ],
    ['is something else', { body: '<html>' }, 'Broker', /^fail \| .*is not a Broker .*NEXUS_BROKER_URL/],
    [
      'is another version',
      { body: '{"status":"ok","version":"9.9.9"}' },
      'Broker',
      /^warn \| .*9\.9\.9.*nexus-cli 0\.1\.0/,
    ],
    ['knows no status', {}, 'key', /^fail \| .*NEXUS_BROKER_URL/],
    ['is ahead', { date: Date.now() + 45_000 }, 'Broker clock', /^fail \| 4\d s ahead of.*NTP/],
    ['is behind', { date: Date.now() - 45_000 }, 'Broker clock', /^fail \| 4\d s behind.*NTP/],
    ['is a little ahead', { date: Date.now() + 10_000 }, 'Broker clock', /^ok \| \d+ s apart/],
  ])('%s', async (_what, answer, check, expected) => {
    expect((await examine(await serve(answer)))[check]).toMatch(expected);
  });

  it.each([
    ['a Gateway', '{"status":"ok","version":"0.1.0","broker":"ok"}'],
    ['some other service', '{"status":"UP","version":"0.1.0"}'],
  ])('is %s, which is shown no key', async (_what, body) => {
    const keys: unknown[] = [];
    expect(await examine(await serve({ body, onKey: (key) => keys.push(key) }))).toMatchObject({
      Broker: expect.stringMatching(/^fail \| .*is not a Broker .*NEXUS_BROKER_URL/),
      key: expect.stringMatching(/^skipped/),
    });
    expect(keys).toEqual([undefined]);
  });

  it('is not there', async () => {
    const url = await serve({});
    servers.pop()?.close();
    expect(await examine(url)).toMatchObject({
      Broker: expect.stringMatching(/^fail \| .*ECONNREFUSED \| Start the Broker, or correct NEXUS_BROKER_URL/),
      'Broker clock': expect.stringMatching(/^skipped/),
      key: expect.stringMatching(/^skipped/),
      database: expect.stringMatching(/^skipped/),
    });
    expect(await examine('http://nowhere.invalid:8080')).toMatchObject({
      Broker: expect.stringMatching(/^fail .*name of the host/),
      'Broker TLS': expect.stringMatching(/^warn .*https/),
    });
  });
});

describe('its TLS', () => {
  const issue = (notAfter: number, names = ['127.0.0.1']) =>
    authority.issue({ commonName: 'broker', names, notAfter: new Date(notAfter) });
  const good = issue(Date.now() + 60 * dayMs);
  const CA = authority.cert;
  const asking = { ...good, ca: CA, requestCert: true, rejectUnauthorized: true };

  it('is good with the authority it was signed by, and with a certificate where one is asked for', async () => {
    const well = {
      Broker: expect.stringMatching(/^ok/),
      'Broker TLS': expect.stringMatching(/^ok \| the certificate is good for 59 days/),
    };
    expect(await examine(await serve({ tls: good }), { CA })).toMatchObject(well);
    const { cert: CERT, key: KEY } = authority.issue({ commonName: 'administrator' });
    expect(await examine(await serve({ tls: asking }), { CA, CERT, KEY })).toMatchObject(well);
  });

  it.each<[string, ServerOptions, { CA?: string }, RegExp]>([
    ['ends soon', issue(Date.now() + 3 * dayMs), { CA }, /^warn \| .*good for 2 days.*Renew/],
    ['has ended', issue(Date.now() - dayMs / 2), { CA }, /^fail \| the certificate has expired/],
    ['is for another name', issue(Date.now() + dayMs, ['other.example']), { CA }, /^fail \| .*another name/],
    ['is signed by nobody known', good, {}, /^fail \| nobody known.*NEXUS_TLS_CA_FILE/],
    ['vouches for itself', createSelfSignedCertificate({ commonName: 'x' }), { CA }, /^fail \| .*NEXUS_TLS_CA_FILE/],
    ['asks for a certificate of ours', asking, { CA }, /^fail \| it asks for a certificate.*NEXUS_TLS_CERT_FILE/],
  ])('%s', async (_what, tls, trusted, expected) => {
    const found = await examine(await serve({ tls }), trusted);
    expect(found['Broker TLS']).toMatch(expected);
    if (expected.source.startsWith('^fail')) expect(found['Broker']).toMatch(/^skipped/);
  });

  it('is not what is spoken there', async () => {
    const found = await examine((await serve({})).replace('http:', 'https:'));
    expect(found['Broker TLS']).toMatch(/^fail \| TLS could not be agreed on/);
  });
});
