/**
 * The outgoing guard's rules, without any I/O: which URLs may be called at all, and which addresses a name may lead
 * to. `EGRESS_ALLOW` widens them for exactly the hosts or networks an operator names; nothing in the API can.
 */
import { classifyAddress, isInNetwork, type Network, parseAddress, parseNetwork } from './address-policy.js';
import { OutgoingError } from './outgoing-error.js';

export interface EgressSettings {
  readonly environment: 'production' | 'development';
  /** Host names, `host:port`, addresses or networks in CIDR form. */
  readonly egressAllow: readonly string[];
}

export interface EgressRules {
  /** Whether plain http can pass at all: in development, to loopback. */
  readonly allowsPlainHttp: boolean;
  /** Parses a URL and refuses it by what can be seen without a DNS query. Throws OutgoingError. */
  readUrl(url: string): URL;
  /** Refuses an address a host name has led to. Throws OutgoingError. */
  vetAddress(input: { readonly url: URL; readonly address: string }): void;
}

interface AllowList {
  /** Lower-case `host` or `host:port`, as WHATWG URL writes them. */
  readonly hosts: ReadonlySet<string>;
  readonly networks: readonly Network[];
}

/** High ports that belong to other protocols (the "bad port" list of the WHATWG Fetch standard). */
const foreignPorts = new Set([
  1719, 1720, 1723, 2049, 3659, 4045, 4190, 5060, 5061, 6000, 6566, 6665, 6666, 6667, 6668, 6669, 6679, 6697, 10080,
]);

export function createEgressRules(settings: EgressSettings): EgressRules {
  const allowed = readAllowList(settings.egressAllow);
  const isDevelopment = settings.environment === 'development';
  return {
    allowsPlainHttp: isDevelopment,
    readUrl(text) {
      const url = parseUrl(text);
      const literal = readLiteral(url);
      const mayBeLoopback = isDevelopment && (literal === null || classifyAddress(literal) === 'loopback');
      if (url.protocol === 'http:' && !(mayBeLoopback && (literal !== null || isLoopbackName(url)))) throw refuseUrl();
      if (isExemptHost(url, allowed)) return url;
      if (literal !== null) vet(url, literal, isDevelopment, allowed);
      if (isLoopbackName(url)) {
        if (!isDevelopment) throw refuseUrl();
        return url;
      }
      const isNamedNetwork = literal !== null && isInAllowedNetwork(literal, allowed);
      if (!isNamedNetwork && !(isDevelopment && literal !== null) && !isUsualPort(url)) throw refuseUrl();
      return url;
    },
    vetAddress({ url, address }) {
      const bytes = parseAddress(address);
      if (bytes === null) throw refuseAddress();
      if (url.protocol === 'http:' && !(isDevelopment && classifyAddress(bytes) === 'loopback')) throw refuseAddress();
      if (!isExemptHost(url, allowed)) vet(url, bytes, isDevelopment, allowed);
    },
  };
}

/**
 * RFC 9110 section 4.2.4 deprecates userinfo in URLs, and a fragment is never sent: both only mislead a reader. A brace in
 * the host is a placeholder that nothing filled.
 */
function parseUrl(text: string): URL {
  let url: URL;
  try {
    url = new URL(text);
  } catch (cause) {
    throw new OutgoingError('unsafe_url', { wasSent: false, cause });
  }
  const isHttp = url.protocol === 'https:' || url.protocol === 'http:';
  if (
    !isHttp ||
    url.hostname === '' ||
    url.hostname.includes('{') ||
    url.username !== '' ||
    url.password !== '' ||
    text.includes('#')
  ) {
    throw refuseUrl();
  }
  return url;
}

/** The parser has already turned every spelling of an address (octal, hex, short, full width) into its usual one. */
function readLiteral(url: URL): readonly number[] | null {
  return parseAddress(url.hostname.startsWith('[') ? url.hostname.slice(1, -1) : url.hostname);
}

/** RFC 6761 section 6.3: these names always mean this machine. */
function isLoopbackName(url: URL): boolean {
  const name = url.hostname.replace(/\.$/, '');
  return name === 'localhost' || name.endsWith('.localhost');
}

function isUsualPort(url: URL): boolean {
  if (url.port === '') return true;
  const port = Number(url.port);
  return port >= 1024 && !foreignPorts.has(port);
}

function vet(url: URL, address: readonly number[], isDevelopment: boolean, allowed: AllowList): void {
  const kind = classifyAddress(address);
  if (kind === 'public' || isInAllowedNetwork(address, allowed)) return;
  if (kind === 'loopback' && isDevelopment) return;
  throw readLiteral(url) === null ? refuseAddress() : refuseUrl();
}

function isInAllowedNetwork(address: readonly number[], allowed: AllowList): boolean {
  return allowed.networks.some((network) => isInNetwork(address, network));
}

function isExemptHost(url: URL, allowed: AllowList): boolean {
  const port = url.port === '' ? (url.protocol === 'https:' ? '443' : '80') : url.port;
  return allowed.hosts.has(url.hostname) || allowed.hosts.has(`${url.hostname}:${port}`);
}

function readAllowList(entries: readonly string[]): AllowList {
  const hosts = new Set<string>();
  const networks: Network[] = [];
  for (const entry of entries.map((text) => text.trim()).filter((text) => text !== '')) {
    const network = parseNetwork(entry.replace(/^\[|\]$/g, ''));
    if (network !== null) networks.push(network);
    else hosts.add(readAllowedHost(entry));
  }
  return { hosts, networks };
}

function readAllowedHost(entry: string): string {
  const port = /:(\d{1,5})$/.exec(entry)?.[1];
  let url: URL | null = null;
  try {
    url = new URL(`https://${entry}/`);
  } catch {
    // Reported below, like any other entry that is not a host.
  }
  if (url === null || url.pathname !== '/' || url.username !== '' || url.search !== '' || url.hash !== '') {
    throw new TypeError('EGRESS_ALLOW: an entry is neither a host, nor host:port, nor a network');
  }
  return port === undefined ? url.hostname : `${url.hostname}:${Number(port)}`;
}

function refuseUrl(): OutgoingError {
  return new OutgoingError('unsafe_url', { wasSent: false });
}

function refuseAddress(): OutgoingError {
  return new OutgoingError('unsafe_address', { wasSent: false });
}
