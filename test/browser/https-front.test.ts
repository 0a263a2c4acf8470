import { once } from 'node:events';
import { request as sendPlain } from 'node:http';
import { createServer } from 'node:https';
import type { AddressInfo } from 'node:net';
import { createSelfSignedCertificate } from '@nexus/testkit/certificates';
import type { RunningOpenidProvider } from '@nexus/testkit/openid-provider';
import type { Browser } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { launchBrowser, openWindow } from '../support/browser.js';
import { registerOpenidProvider, requestConnection } from '../support/fixtures.js';
import { type Stack, startStack } from '../support/stack.js';
import { type LocalSite, startSite } from './local-site.js';

interface HttpsFront {
  readonly origin: string;
  forwardTo(port: number): void;
  close(): Promise<void>;
}

/** What stands before a Gateway in production: it ends TLS and passes everything on. */
async function startHttpsFront(): Promise<HttpsFront> {
  let target = 0;
  const server = createServer(createSelfSignedCertificate({ commonName: 'localhost' }), (request, response) => {
    const { method, url: path, headers } = request;
    const passed = sendPlain({ host: '127.0.0.1', port: target, method, path, headers }, (answer) => {
      response.writeHead(answer.statusCode ?? 502, answer.rawHeaders);
      answer.pipe(response);
    });
    passed.once('error', () => response.destroy());
    request.pipe(passed);
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  return {
    origin: `https://localhost:${(server.address() as AddressInfo).port}`,
    forwardTo(port) {
      target = port;
    },
    async close() {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}

describe('behind https, as in production', () => {
  let front: HttpsFront;
  let stack: Stack;
  let provider: RunningOpenidProvider;
  let application: LocalSite;
  let browser: Browser;

  beforeAll(async () => {
    front = await startHttpsFront();
    const publicUrl = { PUBLIC_URL: front.origin };
    stack = await startStack({ engine: 'sqlite', brokerEnv: publicUrl, gatewayEnv: publicUrl });
    browser = await launchBrowser();
    application = await startSite(() => ({ html: '<title>Weather</title><h1>Welcome back</h1>' }));
    front.forwardTo(Number(new URL(stack.gatewayUrl).port));
    ({ provider } = await registerOpenidProvider({ ...stack, gatewayUrl: front.origin }));
  });
  afterAll(async () => {
    await browser?.close();
    await application?.close();
    await stack?.close();
    await front?.close();
    await provider?.close();
  });

  it('H4: the cookie is a __Host- cookie, which Chromium takes and sends back from a cross-site provider', async () => {
    const ada = await openWindow(browser, { anyCertificate: true });
    const { page } = ada;
    const requested = await requestConnection(stack, { return_url: `${application.origin}/back` });
    expect(new URL(requested.auth_url).origin).toBe(front.origin);
    await page.goto(requested.auth_url);
    await page.getByRole('button', { name: /Continue to/ }).click();
    await page.waitForURL(`${provider.issuer}/interaction/**`);
    const cookies = (await ada.context.cookies()).filter(({ name }) => name.includes('nxf_'));
    expect(cookies).toHaveLength(1);
    expect(cookies[0]?.name).toMatch(/^__Host-nxf_\w+$/);
    expect(cookies[0]).toMatchObject({ domain: 'localhost', path: '/', secure: true, httpOnly: true, sameSite: 'Lax' });
    await page.getByRole('button', { name: 'Continue' }).click();
    await page.getByRole('heading', { name: 'Allow access' }).waitFor();
    await page.getByRole('button', { name: 'Continue' }).click();
    await page.waitForURL(`${application.origin}/back?status=success**`);
    expect(ada.problems()).toEqual([]);
    await ada.close();
  });
});
