/** The provider of a run: families of refresh tokens behind a line that loses, delays and repeats what is sent over it. */
import type { GrantAnswer, GrantFamilies } from '@nexus/testkit/grant-families';
import { readTokenAnswer } from '../../domain/token-set.js';
import type { FailedCall, ProviderClient } from '../../oauth/provider-client.js';
import { createFailure } from '../../oauth/provider-error.js';
import type { CallMode } from './refresh-plan.js';
import type { Replica } from './replica.js';
import type { Timeline } from './timeline.js';

export const origin = 'https://provider.example';

/** One use of a refresh token, from the moment at which it leaves the Broker. */
export interface Call {
  readonly kind: 'refresh' | 'narrow';
  readonly family: string;
  readonly tokenIndex: number;
  readonly by: Replica;
  readonly sentAtMs: number;
  /** The intent in the row at that moment. */
  readonly intentId: string | null;
  /** The version in the row at that moment. */
  readonly version: number;
  isOpen: boolean;
  /** What the provider did about it; null until it does, or where the call never reaches it. */
  answer: { readonly status: number; readonly tokenIndex: number | null } | null;
  /** The Broker will never read the answer. */
  isLost: boolean;
  /** The line delivered the request twice. */
  wasRepeated: boolean;
}

export interface AuthorityInput {
  readonly families: GrantFamilies;
  readonly timeline: Timeline;
  /** Told before a call leaves; what it returns goes into the call. */
  readonly onSend: (call: Pick<Call, 'kind' | 'family' | 'tokenIndex' | 'by'>) => Pick<Call, 'intentId' | 'version'>;
}

interface Shown {
  readonly kind: Call['kind'];
  readonly token: string;
  readonly scope: string;
  readonly issuedOrigin: string;
}

interface Granted {
  readonly kind: 'granted';
  readonly body: GrantAnswer['body'];
}

/** The line outlives every Broker: what was sent arrives. */
const line = { isAlive: true };
const deadlineMs = 10_000;
const throttledSeconds = 20;

export class Authority {
  readonly families: GrantFamilies;
  readonly calls: Call[] = [];
  /** How the next calls go; then the standing mode counts. */
  readonly next: CallMode[] = [];
  standing: CallMode = 'fine';
  /** Refresh tokens that were sent to another origin than the one that issued them. */
  readonly strayed: string[] = [];
  readonly #input: AuthorityInput;

  constructor(input: AuthorityInput) {
    this.#input = input;
    this.families = input.families;
  }

  createClient(by: Replica): ProviderClient {
    const never = () => Promise.reject(new Error('a refresh engine does not ask for this'));
    return {
      describeServer: never,
      trustedOrigins: async () => [origin],
      knownTokenEndpointOrigin: () => origin,
      buildAuthorizationUrl: never,
      exchangeCode: never,
      probe: never,
      checkUrl: never,
      refreshGrant: async ({ refreshToken, scope, issuedOrigin }) => {
        const shown = await this.#show(by, { kind: 'refresh', token: refreshToken, scope, issuedOrigin });
        if (shown.kind === 'failed') return shown;
        const tokenSet = readTokenAnswer(shown.body, { impliedScope: scope, receivedMs: by.clock.now() });
        const isRotated = tokenSet.refreshToken !== null && tokenSet.refreshToken !== refreshToken;
        return { kind: 'refreshed', tokenSet, issuedOrigin: origin, isRotated };
      },
      narrowToken: async ({ token, scopes, issuedOrigin }) => {
        const scope = scopes.join(' ');
        const shown = await this.#show(by, { kind: 'narrow', token, scope, issuedOrigin });
        if (shown.kind === 'failed') return shown;
        const tokenSet = readTokenAnswer(shown.body, { impliedScope: scope, receivedMs: by.clock.now() });
        const rotatedRefreshToken = tokenSet.refreshToken;
        return { kind: 'minted', tokenSet: { ...tokenSet, refreshToken: null }, issuedOrigin, rotatedRefreshToken };
      },
      revokeToken: async ({ token }) => {
        await this.#input.timeline.step(by);
        if (this.standing !== 'fine') return { outcome: 'unreachable', mayPass: true };
        this.families.revoke(token);
        await this.#input.timeline.step(by);
        return { outcome: 'revoked', mayPass: false };
      },
    };
  }

  async #show(by: Replica, shown: Shown): Promise<FailedCall | Granted> {
    const { timeline, onSend } = this.#input;
    const [, family = '', index = ''] = shown.token.split('-');
    if (shown.issuedOrigin !== origin) this.strayed.push(shown.token);
    await timeline.step(by);
    const mode = this.next.shift() ?? this.standing;
    const about = { kind: shown.kind, family, tokenIndex: Number(index), by };
    const call: Call = {
      ...about,
      ...onSend(about),
      sentAtMs: timeline.nowMs,
      isOpen: true,
      answer: null,
      isLost: false,
      wasRepeated: false,
    };
    this.calls.push(call);
    try {
      return await this.#carry(call, mode, shown);
    } finally {
      call.isOpen = false;
    }
  }

  async #carry(call: Call, mode: CallMode, shown: Shown): Promise<FailedCall | Granted> {
    const { timeline } = this.#input;
    if (mode === 'refused' || mode === 'unavailable' || mode === 'throttled') {
      await timeline.step(call.by);
      return refuse(mode);
    }
    await timeline.step(line);
    const answer = this.families.refresh(shown.token, shown.scope);
    const next = answer.body['refresh_token'];
    call.answer = { status: answer.status, tokenIndex: typeof next === 'string' ? Number(next.split('-')[2]) : null };
    if (mode === 'twice') {
      this.families.refresh(shown.token, shown.scope);
      call.isLost = true;
      call.wasRepeated = true;
    }
    if (mode === 'lost' || mode === 'late') call.isLost = true;
    if (mode === 'slow') await timeline.sleep(deadlineMs - 2_000);
    if (mode === 'late') await timeline.sleep(deadlineMs);
    await timeline.step(call.by);
    if (mode === 'lost' || mode === 'late') return fail(createFailure('in_doubt'));
    if (answer.status === 200) return { kind: 'granted', body: answer.body };
    return fail({ ...createFailure('final', String(answer.body['error'])), upstreamStatus: answer.status });
  }
}

function fail(failure: FailedCall['failure']): FailedCall {
  return { kind: 'failed', failure };
}

function refuse(mode: 'refused' | 'unavailable' | 'throttled'): FailedCall {
  if (mode === 'refused') return fail(createFailure('transient'));
  if (mode === 'unavailable') return fail({ ...createFailure('transient'), upstreamStatus: 503 });
  return fail({ ...createFailure('throttled'), upstreamStatus: 429, retryAfterSeconds: throttledSeconds });
}
