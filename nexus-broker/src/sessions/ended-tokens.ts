/** What becomes of tokens that were minted for a session, once it is over. */
import type { Clock } from '@nexus/core/clock';
import type { Vault } from '@nexus/vault/vault';
import { getProviderOf } from '../disclosure/active-connection.js';
import type { AgentSession } from '../domain/agent-session.js';
import { revokeTokens } from '../grants/revoke-grant.js';
import type { ProviderClient } from '../oauth/provider-client.js';
import type { Database } from '../stores/database.js';
import { openSessionToken } from './session-token-custody.js';

interface EndedTokensDeps {
  readonly database: Database;
  readonly vault: Vault;
  readonly clock: Clock;
  readonly providerClient: ProviderClient;
  readonly onBackgroundError: (error: unknown) => void;
}

const batch = 100;
/** A provider that could not take a token back is left alone this long, and each time twice as long. */
const firstPauseMs = 4_000;
const longestPauseMs = 300_000;
const maxRefusals = 3;
/** One that takes a token back for this long is not asked any more. */
const giveUpMs = 24 * 3_600_000;

/** Erases the tokens of sessions that are over, revoked first where that kills nothing else. */
export class EndedTokens {
  readonly #deps: EndedTokensDeps;
  /** By provider, when it may be asked again, and how long it has been left alone. */
  readonly #pauses = new Map<string, { readonly until: number; readonly ms: number }>();
  #running: Promise<void> | null = null;
  #isDue = false;

  constructor(deps: EndedTokensDeps) {
    this.#deps = deps;
  }

  /** Without anybody waiting: a session is over whether or not its provider takes the token back. */
  discardSoon(): void {
    this.discard().catch(this.#deps.onBackgroundError);
  }

  /** @throws AggregateError of what should not have failed. */
  discard(): Promise<void> {
    this.#isDue = true;
    this.#running ??= this.#workOff().finally(() => {
      this.#running = null;
    });
    return this.#running;
  }

  /** Whoever ends a session while others are worked off wants another look after that. */
  async #workOff(): Promise<void> {
    while (this.#isDue) {
      this.#isDue = false;
      await this.#discardAll();
    }
  }

  /** Providers side by side, the tokens of each one after the other: a slow one delays only its own. */
  async #discardAll(): Promise<void> {
    const byProvider = new Map<string, AgentSession[]>();
    for (let after = ''; ; ) {
      const ended = await this.#deps.database.stores.sessions.listEndedWithToken({ after, limit: batch });
      for (const session of ended) {
        const others = byProvider.get(session.providerId);
        if (others === undefined) byProvider.set(session.providerId, [session]);
        else others.push(session);
      }
      const last = ended.at(-1);
      if (last === undefined || ended.length < batch) break;
      after = last.sessionId;
    }
    const settled = await Promise.allSettled([...byProvider].map(([id, sessions]) => this.#discardOf(id, sessions)));
    const failures = settled.flatMap((outcome) => (outcome.status === 'rejected' ? [outcome.reason as unknown] : []));
    if (failures.length > 0) throw new AggregateError(failures, 'some tokens of ended sessions remain');
  }

  async #discardOf(providerId: string, sessions: readonly AgentSession[]): Promise<void> {
    const { clock, database } = this.#deps;
    const pause = this.#pauses.get(providerId);
    if (pause !== undefined && pause.until > clock.now()) return;
    let refusals = 0;
    for (const session of sessions) {
      if (await this.#isDone(session)) {
        await database.transaction((stores) => stores.sessions.eraseToken(session.sessionId));
      } else {
        refusals += 1;
        // One token that is refused for ever must not hold up the others; several tell of the provider.
        if (refusals === maxRefusals) break;
      }
    }
    if (refusals === 0) {
      this.#pauses.delete(providerId);
    } else {
      const ms = pause === undefined ? firstPauseMs : Math.min(pause.ms * 2, longestPauseMs);
      this.#pauses.set(providerId, { until: clock.now() + ms, ms });
    }
  }

  /** Whether nothing remains to be done with the token at its provider. */
  async #isDone(session: AgentSession): Promise<boolean> {
    const { database, vault, clock } = this.#deps;
    const now = clock.now();
    const { credential } = await openSessionToken(vault, session, now);
    const connection = await database.stores.connections.findByRef(session.connectionRef);
    if (connection === null) return true;
    const provider = await getProviderOf(database, connection);
    if (credential === null || provider.profile.revoke.kills !== 'token') return true;
    const { mayPass } = await revokeTokens(this.#deps, { provider, credential, issuedOrigin: session.tokenOrigin });
    return !mayPass || now - Date.parse(session.closedAt ?? session.expiresAt) > giveUpMs;
  }
}
