import { createServer, type Server } from 'node:net';
import { StartError } from './failure.js';

export const host = '127.0.0.1';

export type PortName = 'gateway' | 'broker' | 'demo';

export interface PortRequest {
  readonly name: PortName;
  /** 0 asks for the remembered port if it is free, else for any free one. */
  readonly port: number;
}

export interface ReservedPorts {
  readonly ports: ReadonlyMap<PortName, number>;
  /** The remembered ports that were taken by somebody else, so that origins changed. */
  readonly moved: readonly PortName[];
  /** Lets go of the ports, for the services to take them. */
  release(): Promise<void>;
}

function listen(port: number): Promise<Server> {
  return new Promise((resolve, reject) => {
    const server = createServer();
    server.once('error', reject);
    server.listen({ port, host, exclusive: true }, () => resolve(server));
  });
}

function readPort(server: Server): number {
  const address = server.address();
  if (address === null || typeof address === 'string') throw new StartError('The system gave no port number.');
  return address.port;
}

async function holdFixed({ name, port }: PortRequest): Promise<Server> {
  try {
    return await listen(port);
  } catch (error) {
    const code = error instanceof Error && 'code' in error ? error.code : null;
    const problem = code === 'EACCES' ? 'may not be opened by this user' : 'is already in use';
    throw new StartError(`Port ${port} ${problem}; choose another with --${name}-port N (0 picks a free one).`, {
      cause: error,
    });
  }
}

async function holdAny(remembered: number | undefined): Promise<Server> {
  if (remembered !== undefined) {
    try {
      return await listen(remembered);
    } catch {
      // Somebody else has it by now; a fresh one is the best that can be done.
    }
  }
  return listen(0);
}

async function close(server: Server): Promise<void> {
  await new Promise((resolve) => server.close(resolve));
}

/**
 * Takes every port before anything is configured, since the public URL of one service is a setting of the others. The
 * ports stay taken until `release`.
 *
 * @throws StartError for a fixed port that is in use, naming the option to change.
 */
export async function reservePorts(
  requests: readonly PortRequest[],
  remembered: ReadonlyMap<string, number>,
): Promise<ReservedPorts> {
  const held = new Map<PortName, Server>();
  const release = async (): Promise<void> => {
    await Promise.all([...held.values()].map(close));
  };
  try {
    // Fixed ports first: a free one picked for somebody must not be one that was asked for by number.
    for (const request of requests) if (request.port !== 0) held.set(request.name, await holdFixed(request));
    for (const { name, port } of requests) if (port === 0) held.set(name, await holdAny(remembered.get(name)));
  } catch (error) {
    await release();
    throw error;
  }
  const ports = new Map(requests.map(({ name }) => [name, readPort(held.get(name) ?? createServer())]));
  const moved = requests
    .filter(({ name, port }) => port === 0 && remembered.has(name) && remembered.get(name) !== ports.get(name))
    .map(({ name }) => name);
  return { ports, moved, release };
}
