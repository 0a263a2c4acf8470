/**
 * The cookie that ties a flow to the browser that continued it (H1, H3, H4). The `__Host-` prefix makes browsers refuse
 * it without Secure, with a Domain or with another path, so no sibling host can plant one. Plain http on
 * loopback cannot carry the prefix and uses another name.
 */
import type { FlowContinued } from '@nexus/broker-api/flows';

const maxCookies = 50;

function nameCookies(isPlainHttp: boolean): string {
  return isPlainHttp ? 'nxf_' : '__Host-nxf_';
}

/** Name suffix and value of each flow cookie of a Cookie header; of two with one name the first counts. */
export function readFlowCookies(header: string | undefined, isPlainHttp: boolean): Record<string, string> {
  const prefix = nameCookies(isPlainHttp);
  const cookies = new Map<string, string>();
  for (const pair of (header ?? '').split(';')) {
    const [name, value] = splitPair(pair.trim());
    if (!name.startsWith(prefix) || cookies.size >= maxCookies) continue;
    const suffix = name.slice(prefix.length);
    const isOurs = /^[0-9A-Za-z]{1,32}$/.test(suffix) && /^[0-9A-Za-z_-]{1,256}$/.test(value);
    if (isOurs && !cookies.has(suffix)) cookies.set(suffix, value);
  }
  return Object.fromEntries(cookies);
}

function splitPair(pair: string): [string, string] {
  const equals = pair.indexOf('=');
  return equals === -1 ? [pair, ''] : [pair.slice(0, equals), pair.slice(equals + 1)];
}

/** @throws TypeError when the Broker names a cookie that could not be read back. */
export function writeFlowCookie(cookie: FlowContinued['cookie'], isPlainHttp: boolean): string {
  if (!/^[0-9A-Za-z]{1,32}$/.test(cookie.suffix) || !/^[0-9A-Za-z_-]{1,256}$/.test(cookie.value)) {
    throw new TypeError('the flow cookie has characters that do not belong into a cookie');
  }
  const attributes = `Path=/; Max-Age=${Math.floor(cookie.max_age_seconds)}; HttpOnly; SameSite=Lax`;
  return `${nameCookies(isPlainHttp)}${cookie.suffix}=${cookie.value}; ${attributes}${isPlainHttp ? '' : '; Secure'}`;
}
