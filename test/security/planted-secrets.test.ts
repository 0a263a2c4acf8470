import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { parse } from 'yaml';
import { readRepositoryFile } from '../repository.js';
import { plantAgents } from '../support/plant-agents.js';
import { plantOauth, requestPlanted } from '../support/plant-oauth.js';
import { plantKeys, plantRequests } from '../support/plant-requests.js';
import { plantStatic } from '../support/plant-static.js';
import { plantVault } from '../support/plant-vault.js';
import { plantWebhooks } from '../support/plant-webhooks.js';
import { PlantedTraffic } from '../support/planted-traffic.js';
import { findSecrets, type Place, spellSecret } from '../support/secret-search.js';
import { engines, type Stack, startStack } from '../support/stack.js';
import { readStoredBytes } from '../support/stored-bytes.js';

/** Reads the whole audit log as an auditor sees it. */
async function readAudit(stack: Stack): Promise<string> {
  const pages: string[] = [];
  let cursor = '';
  do {
    const page = await stack.broker('GET', `/audit?limit=500${cursor === '' ? '' : `&cursor=${cursor}`}`);
    pages.push(JSON.stringify(page.body));
    cursor = page.body.next_cursor ?? '';
  } while (cursor !== '');
  return pages.join('\n');
}

function place(name: string, text: string): Place {
  return { name, bytes: Buffer.from(text, 'utf8') };
}

describe('the search itself', () => {
  const value = 'planted "\\/+&%=é<0123456789abcdefghijkl';
  const secrets = [{ label: 'example', value }];

  it.each([...spellSecret(value)])('A6: finds a secret that a log line spells in the form: %s', (_form, bytes) => {
    const line = Buffer.concat([Buffer.from('{"level":"info","message":"'), bytes, Buffer.from('"}\n')]);
    expect(findSecrets([{ name: 'log', bytes: line }], secrets)).not.toEqual([]);
  });

  it.each([0, 1, 2])('A6: finds a secret inside base64, %i bytes after the alignment', (offset) => {
    const text = Buffer.from(`${'x'.repeat(30 + offset)}${value}yy`);
    for (const encoding of ['base64', 'base64url'] as const) {
      expect(findSecrets([place('log', text.toString(encoding))], secrets)).not.toEqual([]);
    }
  });

  it('finds nothing where there is nothing, and allows a value only in its own place', () => {
    expect(findSecrets([place('log', 'planted nothing')], secrets)).toEqual([]);
    expect(findSecrets([{ ...place('answer', `x${value}x`), mayCarry: [value] }], secrets)).toEqual([]);
  });
});

describe.each(engines)('A6, K14, A14: secrets planted everywhere, on %s', (engine) => {
  let stack: Stack;
  let traffic: PlantedTraffic;
  let stored: Place[] = [];
  let audit = '';
  /** Not a secret: shows that each place is really searched. */
  const marker = `marker-${'m'.repeat(20)}`;

  beforeAll(async () => {
    stack = await startStack({ engine, brokerEnv: { UNKNOWN_ID_LIMIT: '100000' } });
    traffic = new PlantedTraffic(stack);
    traffic.adopt('first admin key', stack.adminKey);
    traffic.adopt('first gateway key', stack.gatewayKey);
    const keys = await plantKeys(traffic);
    const providers = await plantOauth(traffic, keys.get('app') ?? '');
    const server = await plantStatic(traffic);
    const sessions = await plantAgents(traffic);
    await plantRequests(traffic, keys);
    await plantVault(traffic);
    await plantWebhooks(traffic, keys.get('app') ?? '');
    await requestPlanted(traffic, 'planted', { key: keys.get('app') ?? '', headers: { 'X-Request-Id': marker } });
    for (const { server: seen } of [...providers, sessions]) {
      for (const request of seen.requests()) traffic.keepSeen('an OAuth provider', request);
    }
    await Promise.all([...[...providers, sessions].map((provider) => provider.server.close()), server.close()]);
    stored = await readStoredBytes(stack);
    audit = await readAudit(stack);
    await stack.stopBroker('SIGTERM');
  });
  afterAll(async () => {
    await stack.close();
  });

  it('plants at least fifty different values of every kind, and calls every operation', () => {
    const secrets = traffic.secrets();
    process.stdout.write(
      `[${engine}] ${secrets.length} secrets, ${traffic.errorBodies} errors, ${stored.length} places stored\n`,
    );
    expect(secrets.length).toBeGreaterThanOrEqual(50);
    const kinds = new Set(secrets.map(({ label }) => label));
    expect(kinds.size).toBeGreaterThanOrEqual(50);
    expect(traffic.errorBodies).toBeGreaterThanOrEqual(100);
    expect(listUncalled(traffic)).toEqual([]);
  });

  it.each([
    ['the database', () => stored],
    ['the logs', () => [place('logs', stack.logs())]],
    ['the audit log', () => [place('audit', audit)]],
    ['the answers', () => traffic.places()],
  ] as const)('searches %s: what is no secret is found there', (_name, read) => {
    expect(findSecrets(read(), [{ label: 'marker', value: marker }])).not.toEqual([]);
  });

  it('keeps nothing of them in the database, sealed blobs included', () => {
    expect(findSecrets(stored, traffic.secrets())).toEqual([]);
  });

  it('keeps nothing of them in the database files after a stop, nor in the key file', async () => {
    const after =
      engine === 'sqlite' ? [{ name: 'nexus.db', bytes: await readFile(join(stack.dataDir, 'nexus.db')) }] : [];
    const keyFile = { name: 'kek.key', bytes: await readFile(join(stack.dataDir, 'kek.key')) };
    expect(findSecrets([...after, keyFile], traffic.secrets())).toEqual([]);
  });

  it('logs nothing of them, at level trace', () => {
    expect(findSecrets([place('logs', stack.logs())], traffic.secrets())).toEqual([]);
  });

  it('records nothing of them in the audit log', () => {
    expect(findSecrets([place('audit', audit)], traffic.secrets())).toEqual([]);
  });

  it('answers each only where it belongs, and shows none to provider or application in a URL', () => {
    expect(findSecrets(traffic.places(), traffic.secrets())).toEqual([]);
  });

  it('H13, H14: sends none of our own capabilities to a provider, in whatever part of a request', () => {
    const ours = traffic.secrets().filter(({ label, value }) => /^nx._/.test(value) || /cookie|completion/.test(label));
    expect(ours.length).toBeGreaterThan(50);
    expect(traffic.atProviders.length).toBeGreaterThan(30);
    expect(findSecrets(traffic.atProviders, ours)).toEqual([]);
    const refreshTokens = traffic.secrets().filter(({ label }) => label === 'refresh token');
    expect(findSecrets(traffic.atProviders, refreshTokens), 'the search sees what is sent there').not.toEqual([]);
  });
});

interface Contract {
  readonly paths: Readonly<Record<string, Readonly<Record<string, unknown>>>>;
}

/** Operations of the Gateway's contract, and of the Broker's beside those it serves to the Gateway. */
function listUncalled(traffic: PlantedTraffic): string[] {
  return [
    ['openapi.yaml', traffic.stack.gatewayUrl] as const,
    ['nexus-broker/openapi.yaml', traffic.stack.brokerUrl] as const,
  ].flatMap(([file, origin]) => {
    const { paths } = parse(readRepositoryFile(file)) as Contract;
    return Object.entries(paths).flatMap(([path, item]) =>
      Object.keys(item)
        .filter(() => file === 'openapi.yaml' || !path.startsWith('/internal/'))
        .filter((method) => !traffic.sent.some((sent) => isCallOf(sent, method, origin, path)))
        .map((method) => `${file} ${method} ${path}`),
    );
  });
}

function isCallOf(sent: PlantedTraffic['sent'][number], method: string, origin: string, path: string): boolean {
  const pattern = new RegExp(`^${path.replaceAll(/\{[^}]+\}/g, '[^/]+')}$`);
  return sent.method === method.toUpperCase() && sent.url.origin === origin && pattern.test(sent.url.pathname);
}
