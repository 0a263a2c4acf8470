/** An authorization server that rotates refresh tokens as strictly as it is told to, and fails as often. */
import { GrantFamilies, type GrantFamiliesOptions } from './grant-families.js';
import { hasActed, type RefreshFault, spoil } from './refresh-faults.js';
import {
  type ScriptedAnswer,
  type ScriptedProvider,
  type ScriptedRequest,
  startScriptedProvider,
} from './scripted-provider.js';

export interface FaultyProviderOptions
  extends Partial<Pick<GrantFamiliesOptions, 'graceSeconds' | 'graceAnswer' | 'accessTokenSeconds' | 'random'>> {
  readonly rotation: GrantFamiliesOptions['rotation'];
  /** Asked for each request of a refresh; null lets it go well. */
  readonly faults?: (refreshToken: string) => RefreshFault | null;
  /** How far the provider's clock is ahead. */
  readonly clockSkewSeconds?: number;
}

/** What one family's refresh tokens went through. */
export interface FamilyCounts {
  readonly calls: number;
  /** The most requests that were open at once with one and the same refresh token. */
  readonly openAtOnce: number;
  /** Calls with a refresh token that had been used before. */
  readonly reuses: number;
  readonly isAlive: boolean;
}

/**
 * Endpoints `/token`, `/userinfo` and `/revoke`. The code `code-<family>-<n>` starts the family; tokens are those of
 * `GrantFamilies`.
 */
export interface FaultyProvider {
  readonly server: ScriptedProvider;
  readonly families: GrantFamilies;
  /** Replaces the choice of faults. */
  setFaults(choose: (refreshToken: string) => RefreshFault | null): void;
  count(family: string): FamilyCounts;
  /** Requests of refreshes that are open now. */
  openCalls(): number;
  close(): Promise<void>;
  [Symbol.asyncDispose](): Promise<void>;
}

export async function startFaultyProvider(options: FaultyProviderOptions): Promise<FaultyProvider> {
  const server = await startScriptedProvider();
  const now = () => Date.now() + (options.clockSkewSeconds ?? 0) * 1_000;
  const families = new GrantFamilies({
    rotation: options.rotation,
    graceSeconds: options.graceSeconds ?? 0,
    accessTokenSeconds: options.accessTokenSeconds ?? 3_600,
    now,
    random: options.random ?? Math.random,
    ...(options.graceAnswer === undefined ? {} : { graceAnswer: options.graceAnswer }),
  });
  const open = new OpenCalls();
  let choose = options.faults ?? (() => null);
  const answerToken = (request: ScriptedRequest): ScriptedAnswer => {
    const refreshToken = request.form.get('refresh_token');
    if (refreshToken === null) return exchange(families, request.form.get('code') ?? '', now());
    open.track(refreshToken, request.over);
    const fault = choose(refreshToken);
    const answer: ScriptedAnswer = fault === null || hasActed(fault) ? families.refresh(refreshToken) : {};
    // A refusal is told as it is: what goes wrong with answers that grant something is what counts here.
    const isGrant = answer.status === undefined || answer.status === 200;
    const told = fault !== null && (isGrant || fault.kind === 'slow') ? spoil(answer, fault, now()) : answer;
    return { ...told, headers: { date: new Date(now()).toUTCString(), ...told.headers } };
  };
  server.answer('/token', answerToken);
  server.answer('/userinfo', (request) => ({
    body: { id: String(request.headers['authorization'] ?? '').split('-')[1] ?? 'nobody' },
  }));
  server.answer('/revoke', ({ form }) => {
    families.revoke(form.get('token') ?? '');
    return { status: 200 };
  });
  return {
    server,
    families,
    setFaults: (next) => {
      choose = next;
    },
    count: (family) => {
      const calls = families.log.filter((call) => call.family === family);
      return {
        calls: server.requests('/token').filter(({ form }) => form.get('refresh_token')?.split('-')[1] === family)
          .length,
        openAtOnce: open.most(family),
        reuses: calls.filter((call) => call.reuse).length,
        isAlive: families.isAlive(family),
      };
    },
    openCalls: () => open.size(),
    close: () => server.close(),
    [Symbol.asyncDispose]: () => server.close(),
  };
}

function exchange(families: GrantFamilies, code: string, nowMs: number): ScriptedAnswer {
  const family = code.split('-')[1] ?? '';
  try {
    const { accessToken, refreshToken, expiresAt } = families.issue(family);
    const expiresIn = expiresAt - Math.floor(nowMs / 1_000);
    const body = {
      access_token: accessToken,
      refresh_token: refreshToken,
      token_type: 'bearer',
      expires_in: expiresIn,
    };
    return { body };
  } catch {
    return { status: 400, body: { error: 'invalid_grant' } };
  }
}

class OpenCalls {
  readonly #open = new Map<string, number>();
  readonly #most = new Map<string, number>();

  track(refreshToken: string, over: Promise<void>): void {
    const family = refreshToken.split('-')[1] ?? '';
    const now = (this.#open.get(refreshToken) ?? 0) + 1;
    this.#open.set(refreshToken, now);
    this.#most.set(family, Math.max(this.most(family), now));
    void over.then(() => {
      const left = (this.#open.get(refreshToken) ?? 1) - 1;
      if (left === 0) this.#open.delete(refreshToken);
      else this.#open.set(refreshToken, left);
    });
  }

  most(family: string): number {
    return this.#most.get(family) ?? 0;
  }

  size(): number {
    return [...this.#open.values()].reduce((sum, count) => sum + count, 0);
  }
}
