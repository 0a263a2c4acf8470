/** Tokens minted for one session: sealed under it and used until it or they end. */
import type { Clock } from '@nexus/core/clock';
import { NexusError } from '@nexus/core/errors';
import type { Vault } from '@nexus/vault/vault';
import type { AuditLog } from '../audit/audit-log.js';
import { requireActive } from '../disclosure/active-connection.js';
import { providerUnavailable } from '../disclosure/disclose-credential.js';
import { type AgentSession, describeSession } from '../domain/agent-session.js';
import type { OauthCredential } from '../domain/credential.js';
import { InFlightLimiter } from '../domain/in-flight-limiter.js';
import { type RequestContext, toAuditOrigin } from '../domain/request-context.js';
import { witness } from '../domain/store-witness.js';
import type { NarrowedToken, NarrowOutcome } from '../refresh/narrow-outcome.js';
import type { RefreshEngine } from '../refresh/refresh-engine.js';
import type { Database, Stores } from '../stores/database.js';
import { sessionIsOver, type UsableSession } from './session-gate.js';
import { openSessionToken, sealSessionToken } from './session-token-custody.js';

interface SessionTokenDeps {
  readonly database: Database;
  readonly vault: Vault;
  readonly audit: AuditLog;
  readonly clock: Clock;
  readonly refresh: RefreshEngine;
}

/** As rarely as a refresh may be forced. */
const refusalMemoryMs = 30_000;

export class SessionTokens {
  readonly #deps: SessionTokenDeps;
  /** Readers of one session in this process share one call to the provider. */
  readonly #minting = new Map<string, Promise<OauthCredential | null>>();
  /** A reader that waits keeps a request of the Gateway waiting. */
  readonly #readers = new InFlightLimiter({ perKey: 32, total: 256 });
  /** Until when a provider is not asked for these scopes of a connection again, having refused to narrow. */
  readonly #refusedUntil = new Map<string, number>();

  constructor(deps: SessionTokenDeps) {
    this.#deps = deps;
  }

  /** The token minted for the session, where one still lives. */
  async find(session: AgentSession): Promise<OauthCredential | null> {
    const { credential } = await this.#open(session);
    return credential;
  }

  #open(session: AgentSession) {
    return openSessionToken(this.#deps.vault, session, this.#deps.clock.now());
  }

  /**
   * A token that can do no more than the session, minted by the provider; null where the provider cannot narrow.
   *
   * @throws NexusError `provider_unavailable`, `attention_required`, `invalid_session_token` for a session closed
   * meanwhile, `rate_limited`, `audit_unavailable`.
   */
  async obtain(usable: UsableSession, context: RequestContext): Promise<OauthCredential | null> {
    const { sessionId } = usable.session;
    if (this.#wasRefused(usable.session)) return null;
    const leave = this.#readers.enter(sessionId);
    if (leave === null) {
      throw new NexusError('rate_limited', 'Too many readers wait for the token of this session; try again shortly.');
    }
    try {
      return await this.#mintOnce(usable, context);
    } finally {
      leave();
    }
  }

  #mintOnce(usable: UsableSession, context: RequestContext): Promise<OauthCredential | null> {
    const { sessionId } = usable.session;
    const running = this.#minting.get(sessionId);
    if (running !== undefined) return running;
    const started = this.#mint(usable, context).finally(() => this.#minting.delete(sessionId));
    this.#minting.set(sessionId, started);
    return started;
  }

  async #mint({ connection, provider, session: seen }: UsableSession, context: RequestContext) {
    // The reader's copy may be older than a token that was minted while it waited.
    const current = await this.#deps.database.stores.sessions.findById(seen.sessionId);
    if (current === null || current.session.closedAt !== null) throw sessionIsOver();
    const { session } = current;
    const held = await this.#open(session);
    if (held.credential !== null) return held.credential;
    if (held.isDamaged) await this.#noteDamage(session, context);
    const scopes = session.scopes.filter((scope) => scope !== 'offline_access');
    // A request without any scope would be answered with all of them (RFC 6749, section 3.3).
    if (provider.profile.downscope === null || scopes.length === 0) return null;
    const outcome = await this.#deps.refresh.narrow({
      connection,
      provider,
      scopes,
      context,
      about: describeSession(session),
      store: (stores, token) => this.#store(stores, session, token, context),
    });
    return this.#settle(session, outcome);
  }

  async #store(stores: Stores, session: AgentSession, token: NarrowedToken, context: RequestContext): Promise<boolean> {
    const { audit, vault } = this.#deps;
    const { sessionId, tokenVersion: expectedVersion } = session;
    const sealed = sealSessionToken(vault, session, token);
    const tokenOrigin = token.issuedOrigin;
    if (!(await stores.sessions.storeToken({ sessionId, expectedVersion, sealed, tokenOrigin }))) return false;
    const version = expectedVersion + 1;
    const event = {
      ...describeTokenOf(session),
      eventType: 'session.token_stored' as const,
      outcome: 'success' as const,
      data: { version },
      store: witness('agent_session', sessionId, version, sealed),
    };
    await stores.audit.insert([audit.entry(event, toAuditOrigin(context))]);
    return true;
  }

  #noteDamage(session: AgentSession, context: RequestContext): Promise<void> {
    const event = {
      ...describeTokenOf(session),
      eventType: 'session.token_damaged' as const,
      outcome: 'failure' as const,
      data: { version: session.tokenVersion },
    };
    return this.#deps.audit.note(event, toAuditOrigin(context));
  }

  async #settle(session: AgentSession, outcome: NarrowOutcome): Promise<OauthCredential | null> {
    switch (outcome.kind) {
      case 'narrowed':
        return outcome.token.credential;
      case 'cannot_narrow':
        this.#rememberRefusal(session);
        return null;
      case 'failed':
        throw providerUnavailable(
          'The provider cannot mint a token for this session right now; try again shortly.',
          outcome.retryAfterSeconds,
        );
      case 'attention':
        return this.#explainAttention(session);
      case 'unwanted':
        return this.#readAgain(session);
    }
  }

  /** Another replica was faster, or the session is over. */
  async #readAgain(session: AgentSession): Promise<OauthCredential> {
    const current = await this.#deps.database.stores.sessions.findById(session.sessionId);
    const held = current === null || current.session.closedAt !== null ? null : await this.find(current.session);
    if (held === null) throw sessionIsOver();
    return held;
  }

  async #explainAttention(session: AgentSession): Promise<never> {
    const { database } = this.#deps;
    const connection = await database.stores.connections.findByRef(session.connectionRef);
    if (connection !== null) await requireActive(database, connection);
    throw providerUnavailable('The credential changed while a token was minted; try again.', null);
  }

  #wasRefused(session: AgentSession): boolean {
    return (this.#refusedUntil.get(nameRequest(session)) ?? 0) > this.#deps.clock.now();
  }

  #rememberRefusal(session: AgentSession): void {
    const now = this.#deps.clock.now();
    for (const [request, until] of this.#refusedUntil) if (until <= now) this.#refusedUntil.delete(request);
    this.#refusedUntil.set(nameRequest(session), now + refusalMemoryMs);
  }
}

function describeTokenOf(session: AgentSession) {
  return {
    ...describeSession(session),
    connectionRef: session.connectionRef,
    workspaceId: session.workspaceId,
  };
}

function nameRequest({ connectionRef, scopes }: AgentSession): string {
  return [connectionRef, ...[...scopes].sort()].join(' ');
}
