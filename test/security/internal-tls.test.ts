import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { Agent, request } from 'node:https';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createCertificateAuthority, createSelfSignedCertificate } from '@nexus/testkit/certificates';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { reservePorts, type ServiceProcess, startService } from '../support/service-process.js';

/** Asks the Broker with a client certificate, or without one; rejects where the handshake fails. */
function ask(url: string, options: { ca: string; cert?: string; key?: string }): Promise<number> {
  return new Promise((resolve, reject) => {
    const agent = new Agent({ keepAlive: false });
    const outgoing = request(url, { ...options, agent }, (answer) => {
      answer.resume();
      resolve(answer.statusCode ?? 0);
    });
    outgoing.on('error', reject);
    outgoing.end();
  });
}

describe('B15: the Broker behind TLS', () => {
  const authority = createCertificateAuthority('internal');
  const server = authority.issue({ commonName: 'broker', names: ['127.0.0.1'] });
  const client = authority.issue({ commonName: 'gateway' });
  const day = 24 * 3_600_000;
  const expired = authority.issue({
    commonName: 'old gateway',
    notBefore: new Date(Date.now() - 20 * day),
    notAfter: new Date(Date.now() - day),
  });
  const foreign = createCertificateAuthority('elsewhere').issue({ commonName: 'gateway' });
  const own = createSelfSignedCertificate({ commonName: 'gateway' });
  let folder: string;
  let broker: ServiceProcess;
  let gateway: ServiceProcess;
  let brokerUrl: string;
  let gatewayUrl: string;

  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'nexus-tls-'));
    const files = { 'ca.pem': authority.cert, 'server.pem': server.cert, 'server.key': server.key };
    for (const [name, text] of Object.entries({ ...files, 'client.pem': client.cert, 'client.key': client.key })) {
      await writeFile(join(folder, name), text, { mode: 0o600 });
    }
    const [brokerPort, gatewayPort] = (await reservePorts(2)) as [number, number];
    brokerUrl = `https://127.0.0.1:${brokerPort}`;
    gatewayUrl = `http://127.0.0.1:${gatewayPort}`;
    broker = await startService({
      main: 'nexus-broker/dist/main.js',
      env: {
        NEXUS_ENV: 'development',
        DATA_DIR: folder,
        BROKER_HOST: '0.0.0.0',
        BROKER_PORT: String(brokerPort),
        BROKER_TLS_CERT_FILE: join(folder, 'server.pem'),
        BROKER_TLS_KEY_FILE: join(folder, 'server.key'),
        BROKER_TLS_CLIENT_CA_FILE: join(folder, 'ca.pem'),
        PUBLIC_URL: gatewayUrl,
      },
      readyUrl: () =>
        ask(`${brokerUrl}/readyz`, { ...client, ca: authority.cert }).then(
          (status) => status === 200,
          () => false,
        ),
    });
    gateway = await startService({
      main: 'nexus-gateway/dist/main.js',
      env: {
        NEXUS_ENV: 'development',
        GATEWAY_PORT: String(gatewayPort),
        PUBLIC_URL: gatewayUrl,
        BROKER_URL: brokerUrl,
        BROKER_CA_FILE: join(folder, 'ca.pem'),
        BROKER_CLIENT_CERT_FILE: join(folder, 'client.pem'),
        BROKER_CLIENT_KEY_FILE: join(folder, 'client.key'),
        GATEWAY_API_KEY_FILE: join(folder, 'gateway.key'),
      },
      readyUrl: `${gatewayUrl}/readyz`,
    });
  });
  afterAll(async () => {
    await gateway.stop('SIGTERM');
    await broker.stop('SIGTERM');
    await rm(folder, { recursive: true, force: true });
  });

  it('serves a Gateway with a certificate of its authority', async () => {
    const health = await fetch(`${gatewayUrl}/v1/health`);
    expect(await health.json()).toMatchObject({ status: 'ok', broker: 'ok' });
  });

  it.each([
    ['no certificate', {}],
    ['a certificate of another authority', foreign],
    ['a certificate that vouches for itself', own],
    ['an expired certificate', expired],
  ])('fails the handshake with %s', async (_name, certificate) => {
    await expect(ask(`${brokerUrl}/readyz`, { ...certificate, ca: authority.cert })).rejects.toThrow();
  });

  it('is not believed by a client that expects another name or authority', async () => {
    await expect(
      ask(`${brokerUrl.replace('127.0.0.1', 'localhost')}/readyz`, { ...client, ca: authority.cert }),
    ).rejects.toThrow();
    await expect(ask(`${brokerUrl}/readyz`, { ...client, ca: foreign.cert })).rejects.toThrow();
  });
});
