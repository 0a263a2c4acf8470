import { createServer, type Server } from 'node:net';
import { afterEach, describe, expect, it } from 'vitest';
import { StartError } from './failure.js';
import { host, reservePorts } from './ports.js';

const open: Server[] = [];

async function occupy(port = 0): Promise<number> {
  const server = createServer();
  open.push(server);
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject);
    server.listen({ port, host, exclusive: true }, resolve);
  });
  const address = server.address();
  return typeof address === 'object' && address !== null ? address.port : 0;
}

async function findFreePort(): Promise<number> {
  const port = await occupy();
  await new Promise((resolve) => open.pop()?.close(resolve));
  return port;
}

afterEach(async () => {
  await Promise.all(open.splice(0).map((server) => new Promise((resolve) => server.close(resolve))));
});

describe('reservePorts', () => {
  it('holds all ports until they are released', async () => {
    const reserved = await reservePorts(
      [
        { name: 'gateway', port: 0 },
        { name: 'broker', port: 0 },
      ],
      new Map(),
    );
    const ports = [...reserved.ports.values()];
    expect(new Set(ports).size).toBe(2);
    await expect(occupy(ports[0])).rejects.toMatchObject({ code: 'EADDRINUSE' });
    await reserved.release();
    await expect(occupy(ports[0])).resolves.toBe(ports[0]);
  });

  it('names the option to change when a fixed port is in use, and lets go of the others', async () => {
    const taken = await occupy();
    const free = await findFreePort();
    const reserving = reservePorts(
      [
        { name: 'gateway', port: free },
        { name: 'broker', port: taken },
      ],
      new Map(),
    );
    await expect(reserving).rejects.toThrow(StartError);
    await expect(reserving).rejects.toThrow(
      `Port ${taken} is already in use; choose another with --broker-port N (0 picks a free one).`,
    );
    await expect(occupy(free)).resolves.toBe(free);
  });

  it('takes the remembered port again when a free one is asked for', async () => {
    const port = await findFreePort();
    const reserved = await reservePorts([{ name: 'demo', port: 0 }], new Map([['demo', port]]));
    await reserved.release();
    expect(reserved.ports.get('demo')).toBe(port);
    expect(reserved.moved).toEqual([]);
  });

  it('picks another port, and says so, when the remembered one is taken', async () => {
    const port = await occupy();
    const reserved = await reservePorts([{ name: 'demo', port: 0 }], new Map([['demo', port]]));
    await reserved.release();
    expect(reserved.ports.get('demo')).not.toBe(port);
    expect(reserved.moved).toEqual(['demo']);
  });
});
