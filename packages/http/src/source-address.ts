import { BlockList, isIP } from 'node:net';

interface SourceInput {
  /** The other end of the socket. */
  readonly peer: string | undefined;
  /** The X-Forwarded-For header, several joined by commas. */
  readonly forwardedFor: string | undefined;
}

export type SourceAddressReader = (input: SourceInput) => string;

/**
 * Returns a reader of the caller's address. X-Forwarded-For counts only when the peer is one of the trusted proxies
 * (addresses or CIDR blocks), and then only its right-most entry that is not itself a trusted proxy: everything left
 * of that was written by whoever sent the request (A12, B14). An entry that is no address ends the walk at the last trusted hop.
 * IPv4-mapped IPv6 addresses come out as IPv4, so that one caller has one spelling.
 *
 * @throws TypeError for an entry of the list that is no address or block.
 */
export function createSourceAddressReader(trustedProxies: readonly string[]): SourceAddressReader {
  const trusted = createBlockList(trustedProxies);
  return ({ peer, forwardedFor }) => {
    let address = normalizeAddress(peer ?? '') ?? '';
    if (trusted === null || forwardedFor === undefined) return address;
    const hops = forwardedFor.split(',');
    while (hops.length > 0 && isTrusted(trusted, address)) {
      const hop = normalizeAddress(stripPort(hops.pop()?.trim() ?? ''));
      if (hop === null) break;
      address = hop;
    }
    return address;
  };
}

function createBlockList(entries: readonly string[]): BlockList | null {
  if (entries.length === 0) return null;
  const list = new BlockList();
  for (const entry of entries) {
    const [address = '', prefix] = entry.split('/');
    const family = isIP(address);
    if (family === 0) throw new TypeError('a trusted proxy must be an IP address or a CIDR block');
    const type = family === 4 ? 'ipv4' : 'ipv6';
    if (prefix === undefined) list.addAddress(address, type);
    else list.addSubnet(address, Number(prefix), type);
  }
  return list;
}

function isTrusted(list: BlockList, address: string): boolean {
  const family = isIP(address);
  return family !== 0 && list.check(address, family === 4 ? 'ipv4' : 'ipv6');
}

function normalizeAddress(text: string): string | null {
  const family = isIP(text);
  if (family === 0) return null;
  if (family === 4) return text;
  const mapped = /^::ffff:(\d+\.\d+\.\d+\.\d+)$/i.exec(text);
  return mapped?.[1] ?? text.toLowerCase();
}

/** Some proxies append the port: `192.0.2.1:4711`, `[2001:db8::1]:4711`. */
function stripPort(text: string): string {
  const bracketed = /^\[([^\]]+)\](?::\d+)?$/.exec(text);
  if (bracketed !== null) return bracketed[1] ?? '';
  const plain = /^(\d+\.\d+\.\d+\.\d+):\d+$/.exec(text);
  return plain?.[1] ?? text;
}
