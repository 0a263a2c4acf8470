/** What a provider remembers of its refresh tokens: which is the newest of each family, and which came back used. */

/**
 * never: answers carry no refresh token · sometimes: about half of them do · always: every answer does, and a used token
 * is refused · strict: a used token that comes back ends its family, its access tokens included
 */
export type GrantRotation = 'never' | 'always' | 'sometimes' | 'strict';

export interface GrantFamiliesOptions {
  readonly rotation: GrantRotation;
  /** How long a used refresh token is answered again. */
  readonly graceSeconds: number;
  /** What it is answered then: the successor it had, or another one that takes that one's place. Default `same`. */
  readonly graceAnswer?: 'same' | 'new';
  readonly accessTokenSeconds: number;
  /** Unix milliseconds. */
  readonly now: () => number;
  /** At least 0, less than 1. */
  readonly random: () => number;
}

export interface IssuedGrant {
  readonly family: string;
  readonly accessToken: string;
  readonly refreshToken: string;
  /** Unix seconds. */
  readonly expiresAt: number;
}

export interface GrantCall {
  readonly family: string;
  /** Counts the refresh tokens of the family from 0; null for a token that was never issued. */
  readonly tokenIndex: number | null;
  /** Unix milliseconds. */
  readonly at: number;
  /** Whether the token had been used, or replaced, before. */
  readonly reuse: boolean;
  readonly status: 200 | 400;
}

export interface GrantAnswer {
  readonly status: 200 | 400;
  readonly body: Readonly<Record<string, string | number>>;
}

interface RefreshTokenState {
  /** Unix milliseconds of its first use, or of its replacement. */
  usedAt: number | null;
  successor: number | null;
}

interface Family {
  readonly tokens: RefreshTokenState[];
  /** Unix milliseconds at which each access token ends. */
  readonly accessTokens: number[];
  isAlive: boolean;
  endedBy: 'reuse' | 'revocation' | null;
}

const refusal: GrantAnswer = { status: 400, body: { error: 'invalid_grant' } };

/** Refresh tokens are `rt-<family>-<n>`, access tokens `at-<family>-<n>`; a family's name holds no hyphen. */
export class GrantFamilies {
  readonly log: GrantCall[] = [];
  readonly #options: GrantFamiliesOptions;
  readonly #families = new Map<string, Family>();

  constructor(options: GrantFamiliesOptions) {
    this.#options = options;
  }

  /** Starts a family. */
  issue(family = `f${this.#families.size + 1}`): IssuedGrant {
    if (family.includes('-') || this.#families.has(family)) throw new Error(`no new family can be named ${family}`);
    const started: Family = { tokens: [], accessTokens: [], isAlive: true, endedBy: null };
    this.#families.set(family, started);
    const index = addToken(started);
    return { family, refreshToken: `rt-${family}-${index}`, ...this.#addAccessToken(family, started) };
  }

  /** The token endpoint's answer; `scope` is repeated in it. */
  refresh(refreshToken: string, scope?: string): GrantAnswer {
    const at = this.#options.now();
    const { name, family, index } = this.#find(refreshToken, 'rt');
    const token = family?.tokens[index];
    if (family === undefined || token === undefined) {
      this.log.push({ family: name, tokenIndex: null, at, reuse: false, status: 400 });
      return refusal;
    }
    const reuse = token.usedAt !== null;
    const next = family.isAlive ? this.#succeed(family, index, at) : null;
    this.log.push({ family: name, tokenIndex: index, at, reuse, status: next === null ? 400 : 200 });
    if (next === null) return refusal;
    const { accessToken } = this.#addAccessToken(name, family);
    const { accessTokenSeconds } = this.#options;
    const body = { access_token: accessToken, token_type: 'bearer', expires_in: accessTokenSeconds };
    const more = { ...(next === index ? {} : { refresh_token: `rt-${name}-${next}` }), ...(scope ? { scope } : {}) };
    return { status: 200, body: { ...body, ...more } };
  }

  /** A refresh token ends its family; an access token ends alone (RFC 7009). An unknown token is no error. */
  revoke(token: string): void {
    const refresh = this.#find(token, 'rt');
    if (refresh.family !== undefined) end(refresh.family, 'revocation');
    const access = this.#find(token, 'at');
    if (access.family?.accessTokens[access.index] !== undefined) access.family.accessTokens[access.index] = 0;
  }

  isAlive(family: string): boolean {
    return this.#families.get(family)?.isAlive === true;
  }

  /** Why the family ended; null while it lives. */
  endedBy(family: string): 'reuse' | 'revocation' | null {
    return this.#families.get(family)?.endedBy ?? null;
  }

  /** The refresh token that is to be shown next. */
  newest(family: string): string {
    const { tokens } = this.#families.get(family) ?? { tokens: [] };
    return `rt-${family}-${tokens.length - 1}`;
  }

  /** As a resource server would judge it. */
  isAccepted(accessToken: string): boolean {
    const { family, index } = this.#find(accessToken, 'at');
    return family?.isAlive === true && (family.accessTokens[index] ?? 0) > this.#options.now();
  }

  /** The index of the token to hand out, which is `index` where it stays; null where the token is refused. */
  #succeed(family: Family, index: number, at: number): number | null {
    const { rotation, graceSeconds, graceAnswer = 'same' } = this.#options;
    const token = family.tokens[index];
    if (token === undefined) return null;
    if (token.usedAt === null) {
      const stays = rotation === 'never' || (rotation === 'sometimes' && this.#options.random() < 0.5);
      if (stays) return index;
      token.usedAt = at;
      token.successor = addToken(family);
      return token.successor;
    }
    const successor = token.successor === null ? undefined : family.tokens[token.successor];
    const isUnused = successor !== undefined && successor.usedAt === null;
    if (at - token.usedAt >= graceSeconds * 1_000 || !isUnused) {
      if (rotation === 'strict') end(family, 'reuse');
      return null;
    }
    if (graceAnswer === 'same') return token.successor;
    successor.usedAt = at;
    successor.successor = addToken(family);
    token.successor = successor.successor;
    return token.successor;
  }

  #addAccessToken(name: string, family: Family): { accessToken: string; expiresAt: number } {
    const expiresAt = Math.floor(this.#options.now() / 1_000) + this.#options.accessTokenSeconds;
    family.accessTokens.push(expiresAt * 1_000);
    return { accessToken: `at-${name}-${family.accessTokens.length - 1}`, expiresAt };
  }

  #find(token: string, prefix: 'rt' | 'at') {
    const [kind, name = '', index = ''] = token.split('-');
    const family = kind === prefix ? this.#families.get(name) : undefined;
    return { name, family, index: Number(index) };
  }
}

function addToken(family: Family): number {
  return family.tokens.push({ usedAt: null, successor: null }) - 1;
}

function end(family: Family, endedBy: 'reuse' | 'revocation'): void {
  family.endedBy ??= endedBy;
  family.isAlive = false;
}
