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

/**
 * Makes ULIDs whose text order is the order of making, also within a millisecond: there each is the one before plus one.
 * A clock that goes back is waited out at the last millisecond seen.
 */
export class UlidSequence {
  #epochMs = 0;
  #last = '';

  next(epochMs: number): string {
    if (epochMs > this.#epochMs || this.#last === '') {
      this.#epochMs = epochMs;
      this.#last = createUlid(epochMs);
    } else {
      this.#last = increment(this.#last);
    }
    return this.#last;
  }
}

/** Carries from the last character on; 80 random bits leave room for more ids than a millisecond has. */
function increment(ulid: string): string {
  for (let i = ulid.length - 1; i >= 0; i--) {
    const digit = crockford.indexOf(ulid.charAt(i));
    if (digit < 31) return ulid.slice(0, i) + crockford.charAt(digit + 1) + '0'.repeat(ulid.length - 1 - i);
  }
  return ulid;
}

export function isUlid(value: string): boolean {
  return /^[0-7][0-9A-HJKMNP-TV-Z]{25}$/.test(value);
}
