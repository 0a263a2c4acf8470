/**
 * Opens the sockets of the outgoing guard. A name is resolved once, every address of the answer must pass the rules,
 * and the socket goes to an address of that same answer: a second answer (DNS rebinding) is never asked for. The
 * certificate is verified against the name, whatever NODE_TLS_REJECT_UNAUTHORIZED says.
 */
import type { LookupAddress, LookupOptions } from 'node:dns';
import { isIP, type LookupFunction } from 'node:net';
import { buildConnector } from 'undici';
import type { EgressRules } from './egress-rules.js';
import { findOutgoingError, OutgoingError } from './outgoing-error.js';

/** Every address of a name, as text. Rejects when there is none. */
export type ResolveHost = (hostname: string) => Promise<readonly string[]>;

interface ConnectorDeps {
  readonly rules: EgressRules;
  readonly resolve: ResolveHost;
}

interface ConnectorInput {
  readonly connectTimeoutMs: number;
  /** PEM certificates trusted instead of the built-in roots. */
  readonly ca: readonly string[] | null;
}

export function createPinnedConnector(deps: ConnectorDeps, input: ConnectorInput): buildConnector.connector {
  return (options, callback) => {
    let url: URL;
    try {
      url = new URL(`${options.protocol}//${options.host ?? options.hostname}`);
      const literal = options.hostname.replace(/^\[|\]$/g, '');
      if (isIP(literal) !== 0) deps.rules.vetAddress({ url, address: literal });
    } catch (error) {
      callback(toConnectError(error, options.protocol), null);
      return;
    }
    const connect = buildConnector({
      timeout: input.connectTimeoutMs,
      lookup: createVettedLookup(deps, url),
      rejectUnauthorized: true,
      minVersion: 'TLSv1.2',
      maxCachedSessions: 0,
      ...(input.ca === null ? {} : { ca: [...input.ca] }),
    });
    connect(options, (...args) => {
      if (args[0] === null) callback(null, args[1]);
      else callback(toConnectError(args[0], options.protocol), null);
    });
  };
}

function createVettedLookup(deps: ConnectorDeps, url: URL): LookupFunction {
  return (hostname, options, callback) => {
    resolveVetted(deps, { url, hostname }).then(
      (addresses) => {
        const chosen = pickFamily(addresses, options);
        const [first] = chosen;
        if (first === undefined) callback(new OutgoingError('dns', { wasSent: false }), '', 0);
        else if (options.all === true) callback(null, chosen);
        else callback(null, first.address, first.family);
      },
      (error: unknown) => callback(error as NodeJS.ErrnoException, '', 0),
    );
  };
}

async function resolveVetted(
  deps: ConnectorDeps,
  input: { readonly url: URL; readonly hostname: string },
): Promise<LookupAddress[]> {
  let addresses: readonly string[];
  try {
    addresses = await deps.resolve(input.hostname);
  } catch (cause) {
    throw new OutgoingError('dns', { wasSent: false, cause });
  }
  // One refused address refuses the name: a mixed answer is how a rebinding name looks.
  for (const address of addresses) deps.rules.vetAddress({ url: input.url, address });
  return addresses.map((address) => ({ address, family: isIP(address) }));
}

function pickFamily(addresses: LookupAddress[], options: LookupOptions): LookupAddress[] {
  const family = options.family === 'IPv4' ? 4 : options.family === 'IPv6' ? 6 : (options.family ?? 0);
  return family === 0 ? addresses : addresses.filter((entry) => entry.family === family);
}

const networkCodes = new Set([
  'ECONNREFUSED',
  'EHOSTUNREACH',
  'ENETUNREACH',
  'EADDRNOTAVAIL',
  'EINVAL',
  'EACCES',
  'EPERM',
  'EMFILE',
]);

function toConnectError(error: unknown, protocol: string): OutgoingError {
  const known = findOutgoingError(error);
  if (known !== null) return known;
  const code = error instanceof Error && 'code' in error ? error.code : undefined;
  if (code === 'UND_ERR_CONNECT_TIMEOUT' || code === 'ETIMEDOUT') {
    return new OutgoingError('timeout', { wasSent: false, cause: error });
  }
  const isNetwork = protocol !== 'https:' || (typeof code === 'string' && networkCodes.has(code));
  return new OutgoingError(isNetwork ? 'connect' : 'tls', { wasSent: false, cause: error });
}
