/**
 * Which network addresses the Broker may speak to. A provider's URL or its DNS answer is chosen by somebody else, so
 * everything that is not ordinary public unicast is refused: the special-purpose registries of IANA (RFC 6890), cloud
 * metadata, and every IPv6 form that carries an IPv4 address (mapped, compatible, NAT64, 6to4, Teredo).
 */

export type AddressKind = 'public' | 'loopback' | 'blocked';

/** An address as its bytes: 4 for IPv4, 16 for IPv6. */
export type Address = readonly number[];

export interface Network {
  readonly bytes: Address;
  readonly prefix: number;
}

const blockedV4 = [
  '0.0.0.0/8',
  '10.0.0.0/8',
  '100.64.0.0/10',
  '127.0.0.0/8',
  '168.63.129.16/32', // The host agent of Azure: a public address that only virtual machines reach.
  '169.254.0.0/16',
  '172.16.0.0/12',
  '192.0.0.0/24',
  '192.0.2.0/24',
  '192.88.99.0/24',
  '192.168.0.0/16',
  '198.18.0.0/15',
  '198.51.100.0/24',
  '203.0.113.0/24',
  '224.0.0.0/4',
  '240.0.0.0/4',
].map(readKnownNetwork);

/** Global unicast; everything outside is refused without listing it. */
const globalV6 = readKnownNetwork('2000::/3');
const blockedInGlobalV6 = ['2001::/23', '2001:db8::/32', '2002::/16', '3ffe::/16', '3fff::/20'].map(readKnownNetwork);
const loopback = ['127.0.0.0/8', '::1/128', '::ffff:127.0.0.0/104'].map(readKnownNetwork);

/** Reads dotted decimal or RFC 4291 text. Anything else, a zone id included, is null. */
export function parseAddress(text: string): Address | null {
  return text.includes(':') ? parseV6(text) : parseV4(text);
}

/** Reads `address/prefix`, or a bare address as a network of one. */
export function parseNetwork(text: string): Network | null {
  const [addressText = '', prefixText, ...rest] = text.split('/');
  const bytes = parseAddress(addressText);
  if (bytes === null || rest.length > 0) return null;
  const width = bytes.length * 8;
  if (prefixText === undefined) return { bytes, prefix: width };
  const prefix = /^\d{1,3}$/.test(prefixText) ? Number(prefixText) : width + 1;
  return prefix <= width ? { bytes, prefix } : null;
}

export function isInNetwork(address: Address, network: Network): boolean {
  if (address.length !== network.bytes.length) return false;
  for (let bit = 0; bit < network.prefix; bit += 8) {
    const kept = Math.min(8, network.prefix - bit);
    const mask = 256 - 2 ** (8 - kept);
    if (((address[bit / 8] ?? 0) & mask) !== ((network.bytes[bit / 8] ?? 0) & mask)) return false;
  }
  return true;
}

export function classifyAddress(address: Address): AddressKind {
  if (isInAny(address, loopback)) return 'loopback';
  if (address.length === 4) return isInAny(address, blockedV4) ? 'blocked' : 'public';
  return isInNetwork(address, globalV6) && !isInAny(address, blockedInGlobalV6) ? 'public' : 'blocked';
}

function isInAny(address: Address, networks: readonly Network[]): boolean {
  return networks.some((network) => isInNetwork(address, network));
}

function parseV4(text: string): Address | null {
  const parts = text.split('.');
  if (parts.length !== 4 || !parts.every((part) => /^(?:0|[1-9]\d{0,2})$/.test(part))) return null;
  const bytes = parts.map(Number);
  return bytes.every((byte) => byte <= 255) ? bytes : null;
}

function parseV6(text: string): Address | null {
  const halves = text.split('::');
  if (halves.length > 2) return null;
  const head = parseGroups(halves[0] ?? '');
  const tail = parseGroups(halves[1] ?? '');
  if (head === null || tail === null) return null;
  const missing = 16 - head.length - tail.length;
  if (halves.length === 1) return missing === 0 ? head : null;
  return missing >= 2 ? [...head, ...new Array<number>(missing).fill(0), ...tail] : null;
}

function parseGroups(text: string): number[] | null {
  if (text === '') return [];
  const groups = text.split(':');
  const bytes: number[] = [];
  for (const [index, group] of groups.entries()) {
    if (index === groups.length - 1 && group.includes('.')) {
      const embedded = parseV4(group);
      if (embedded === null) return null;
      bytes.push(...embedded);
    } else {
      if (!/^[0-9a-f]{1,4}$/i.test(group)) return null;
      const value = Number.parseInt(group, 16);
      bytes.push(value >> 8, value & 255);
    }
  }
  return bytes;
}

function readKnownNetwork(text: string): Network {
  const network = parseNetwork(text);
  if (network === null) throw new TypeError(`not a network: ${text}`);
  return network;
}
