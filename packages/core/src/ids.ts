import { randomBytes } from 'node:crypto';

const crockford = '0123456789ABCDEFGHJKMNPQRSTVWXYZ';

/**
 * A ULID: 48 bits of milliseconds and 80 random bits in Crockford base32, 26 characters. It names a row and opens
 * nothing.
 */
export function createUlid(epochMs: number): string {
  let time = '';
  let rest = epochMs;
  for (let i = 0; i < 10; i++) {
    time = crockford.charAt(rest % 32) + time;
    rest = Math.floor(rest / 32);
  }
  let random = '';
  for (const byte of drawBytes(16)) random += crockford.charAt(byte & 31);
  return time + random;
}

const poolSize = 4_096;
let pool = Buffer.alloc(0);

/** Ids are no secrets but are made on every request, and one large draw costs little more than one small one. */
function drawBytes(count: number): Buffer {
  if (pool.length < count) pool = randomBytes(poolSize);
  const drawn = pool.subarray(0, count);
  pool = pool.subarray(count);
  return drawn;
}

export function isUlid(value: string): boolean {
  return /^[0-7][0-9A-HJKMNP-TV-Z]{25}$/.test(value);
}
