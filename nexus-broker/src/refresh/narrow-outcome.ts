import type { AuditEvent } from '../domain/audit-event.js';
import type { Connection } from '../domain/connection.js';
import type { OauthCredential } from '../domain/credential.js';
import type { Provider } from '../domain/provider.js';
import type { RequestContext } from '../domain/request-context.js';
import type { Stores } from '../stores/database.js';

/** A token with fewer scopes than its connection's own. */
export interface NarrowedToken {
  /** `refreshToken` is one that came with a token exchange and stands for the narrow token alone, else null. */
  readonly credential: OauthCredential;
  /** Origin of the token endpoint that minted it. */
  readonly issuedOrigin: string;
}

export interface NarrowingRequest {
  readonly connection: Connection;
  readonly provider: Provider;
  readonly scopes: readonly string[];
  readonly context: RequestContext;
  /** For whom it is minted, as the audit entry says it. */
  readonly about: Pick<AuditEvent, 'agentId' | 'sessionId' | 'actingFor'>;
  /**
   * Stores the token in the same transaction that stores what the call did to the connection. False when nobody wants it
   * any more; the transaction commits all the same, because a rotated refresh token must not be lost.
   */
  readonly store: (stores: Stores, token: NarrowedToken) => Promise<boolean>;
}

/** What asking the provider for a narrower token came to. */
export type NarrowOutcome =
  | { readonly kind: 'narrowed'; readonly token: NarrowedToken }
  /** `store` declined: the token was taken back where the provider can do that without harm. */
  | { readonly kind: 'unwanted' }
  /** The provider refuses these scopes, or gives a token that can do more. */
  | { readonly kind: 'cannot_narrow' }
  /** The connection is not active any more; its row says why. */
  | { readonly kind: 'attention' }
  | { readonly kind: 'failed'; readonly retryAfterSeconds: number | null };
