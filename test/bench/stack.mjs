/** Broker and Gateway in their default configuration, with connections to read. */
import { randomBytes } from 'node:crypto';
import { chmod, mkdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { createCookieJar } from '@nexus/testkit/cookie-jar';
import { findPort, start } from './processes.mjs';

/** About what an access token in JWT form has. */
const tokenBytes = 600;

/**
 * @param {{ name: string, scratch: string, databaseUrl?: string, profile: string | null }} options
 */
export async function startStack(options) {
  const dataDir = join(options.scratch, options.name);
  await mkdir(dataDir, { mode: 0o700 });
  const [brokerPort, gatewayPort] = [await findPort(), await findPort()];
  const urls = { broker: `http://127.0.0.1:${brokerPort}`, gateway: `http://127.0.0.1:${gatewayPort}` };
  const flags = options.profile === null ? [] : ['--cpu-prof', '--cpu-prof-dir', options.profile];
  const brokerOptions = {
    main: 'nexus-broker/dist/main.js',
    env: {
      // Plain http on loopback is all that development allows beyond production here.
      NEXUS_ENV: 'development',
      DATA_DIR: dataDir,
      BROKER_PORT: String(brokerPort),
      PUBLIC_URL: urls.gateway,
      ...(options.databaseUrl === undefined ? {} : { DATABASE_URL: options.databaseUrl }),
      PENDING_CAP_PER_SOURCE: '1000000',
      PENDING_CAP_TOTAL: '1000000',
    },
    readyUrl: `${urls.broker}/readyz`,
    log: join(dataDir, 'broker.out'),
    flags: flags.length === 0 ? [] : [...flags, '--cpu-prof-name', `${options.name}-broker.cpuprofile`],
  };
  let broker = await start(brokerOptions);
  const gateway = await start({
    main: 'nexus-gateway/dist/main.js',
    env: {
      NEXUS_ENV: 'development',
      GATEWAY_PORT: String(gatewayPort),
      PUBLIC_URL: urls.gateway,
      BROKER_URL: urls.broker,
      GATEWAY_API_KEY_FILE: join(dataDir, 'gateway.key'),
    },
    readyUrl: `${urls.gateway}/readyz`,
    log: join(dataDir, 'gateway.out'),
    flags: flags.length === 0 ? [] : [...flags, '--cpu-prof-name', `${options.name}-gateway.cpuprofile`],
  });
  return {
    urls,
    gateway,
    broker: () => broker,
    adminKey: (await readFile(join(dataDir, 'admin.key'), 'utf8')).trim(),
    gatewayKey: (await readFile(join(dataDir, 'gateway.key'), 'utf8')).trim(),
    /** Stops the Broker and starts it again on what it stored. */
    async restartBroker() {
      await broker.stop();
      // Without a profile, which the first run has written.
      broker = await start({ ...brokerOptions, flags: [] });
      return broker.readyMs;
    },
    async stop() {
      await gateway.stop();
      await broker.stop();
      await chmod(dataDir, 0o700);
    },
  };
}

/** @typedef {Awaited<ReturnType<typeof startStack>>} Stack */

/** @param {Stack} stack @param {import('@nexus/testkit/scripted-provider').ScriptedProvider} provider */
export async function registerProvider(stack, provider) {
  provider.answer('/token', () => ({
    body: {
      access_token: randomBytes((tokenBytes * 3) / 4).toString('base64url'),
      refresh_token: randomBytes(32).toString('base64url'),
      token_type: 'Bearer',
      expires_in: 86_400,
    },
  }));
  provider.answer('/userinfo', () => ({ body: { id: randomBytes(6).toString('hex') } }));
  const response = await fetch(`${stack.urls.broker}/admin/v1/providers`, {
    method: 'POST',
    headers: { 'X-API-Key': stack.adminKey, 'Content-Type': 'application/json' },
    body: JSON.stringify({
      name: 'bench',
      auth_type: 'oauth2',
      client_id: 'nexus',
      client_secret: 'fixture-client-secret',
      auth_url: provider.url('/authorize'),
      token_url: provider.url('/token'),
      user_info_endpoint: provider.url('/userinfo'),
      scopes: ['read'],
    }),
  });
  if (response.status !== 201) throw new Error(`the provider was not registered: ${await response.text()}`);
}

export const steps = /** @type {const} */ (['request', 'open', 'continue', 'callback']);

/**
 * One whole connection as application, person and provider make it; returns its id and the milliseconds of each step.
 *
 * @param {Stack} stack
 */
export async function connect(stack) {
  const times = [];
  const timed = async (work) => {
    const startedAt = performance.now();
    const result = await work();
    times.push(performance.now() - startedAt);
    return result;
  };
  const requested = await timed(async () => {
    const response = await fetch(`${stack.urls.gateway}/v1/request-connection`, {
      method: 'POST',
      headers: { 'Content-Type': 'application/json' },
      body: JSON.stringify({
        workspace_id: 'bench',
        provider_name: 'bench',
        return_url: 'http://127.0.0.1:1/return',
      }),
    });
    return response.json();
  });
  const jar = createCookieJar();
  await timed(async () => (await fetch(requested.auth_url)).text());
  const location = await timed(() =>
    follow(jar, requested.auth_url, {
      method: 'POST',
      headers: { Origin: stack.urls.gateway, 'Content-Type': 'application/x-www-form-urlencoded' },
      body: '',
    }),
  );
  const request = new URL(location).searchParams;
  const callback = new URL(request.get('redirect_uri') ?? '');
  callback.search = new URLSearchParams({ code: 'code', state: request.get('state') ?? '' }).toString();
  const returned = await timed(() => follow(jar, callback.href, { method: 'GET' }));
  if (new URL(returned).searchParams.get('status') !== 'success') throw new Error(`not connected: ${returned}`);
  return { id: requested.connection_id, times };
}

async function follow(jar, url, init) {
  const headers = { ...init.headers, Cookie: jar.header(new URL(url).pathname) };
  const response = await fetch(url, { ...init, headers, redirect: 'manual' });
  jar.store(response.headers.getSetCookie());
  await response.arrayBuffer();
  return response.headers.get('location') ?? '';
}
