/**
 * Bearer values of ours: `nx<type>_`, 43 base62 characters holding 256 random bits, and 6 base62 characters of CRC-32
 * over everything before. The checksum turns typing errors and guesses away without a query and lets secret scanners
 * recognise a leak; only the SHA-256 of a value is ever stored (ASVS 6.5.2: a plain hash suffices above 112 bits).
 */
import { createHash, randomBytes, timingSafeEqual } from 'node:crypto';
import { crc32 } from 'node:zlib';

const alphabet = '0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz';

/** admin/operator, gateway, auditor, app, agent keys; connection ids; flow tickets and handles; session tokens. */
export type TokenPrefix = 'nxa' | 'nxg' | 'nxu' | 'nxp' | 'nxk' | 'nxc' | 'nxt' | 'nxs';

const shape = /^(nx[acgkpstu])_([0-9A-Za-z]{43})([0-9A-Za-z]{6})$/;

function toBase62(value: bigint, width: number): string {
  let text = '';
  let rest = value;
  for (let i = 0; i < width; i++) {
    text = alphabet.charAt(Number(rest % 62n)) + text;
    rest /= 62n;
  }
  return text;
}

function checksum(text: string): string {
  return toBase62(BigInt(crc32(text)), 6);
}

export function createToken(prefix: TokenPrefix): string {
  const body = `${prefix}_${toBase62(BigInt(`0x${randomBytes(32).toString('hex')}`), 43)}`;
  return body + checksum(body);
}

/** Returns the prefix of a well-formed value with a correct checksum, else null. */
export function readTokenPrefix(value: string): TokenPrefix | null {
  if (value.length !== 53) return null;
  const match = shape.exec(value);
  if (match === null) return null;
  return checksum(value.slice(0, 47)) === match[3] ? (match[1] as TokenPrefix) : null;
}

export function isToken(value: string, prefix: TokenPrefix): boolean {
  return readTokenPrefix(value) === prefix;
}

/** Matches anything shaped like a value of ours, checksum aside: such text is never echoed or logged. */
export function looksLikeToken(value: string): boolean {
  return /nx[acgkpstu]_[0-9A-Za-z]{20,}/.test(value);
}

/** The stored form: 64 lower-case hex characters. */
export function hashToken(value: string): string {
  return createHash('sha256').update(value, 'utf8').digest('hex');
}

/** Compares two hex digests of equal meaning without leaking where they differ. */
export function equalDigests(left: string, right: string): boolean {
  const a = Buffer.from(left, 'utf8');
  const b = Buffer.from(right, 'utf8');
  return a.length === b.length && timingSafeEqual(a, b);
}
