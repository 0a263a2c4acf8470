import type { Instant } from '@nexus/core/clock';
import type { SealedBlob } from '@nexus/vault/vault';
import type { PlaceValues } from './placeholders.js';

export type CompletionMode = 'bound' | 'confirm';

/**
 * open: nobody has continued yet · claimed: a browser holds the cookie · exchanging: `state` is consumed ·
 * awaiting_completion: a bound result waits, sealed, for its verifier · discarding: that result is being revoked · done ·
 * failed
 */
export type FlowStatus = 'open' | 'claimed' | 'exchanging' | 'awaiting_completion' | 'discarding' | 'done' | 'failed';

/** One attempt to give a connection a credential. */
export interface Flow {
  /** ULID; its last eight characters name the flow's cookie. */
  readonly flowId: string;
  readonly ticketHash: string;
  readonly connectionRef: string;
  readonly providerId: string;
  readonly workspaceId: string;
  readonly kind: 'oauth' | 'static';
  readonly isReconnect: boolean;
  readonly status: FlowStatus;
  readonly completion: CompletionMode;
  /** base64url SHA-256 of the verifier the application keeps; only in bound flows. */
  readonly completionChallenge: string | null;
  readonly returnUrl: string;
  readonly appName: string;
  readonly scopes: readonly string[];
  readonly loginHint: string | null;
  readonly expectedSubject: string | null;
  readonly accountLabel: string | null;
  /** What its connection will have for the placeholders of the provider's URLs. */
  readonly inputs: PlaceValues;
  readonly requestedBy: string | null;
  /** Address of the caller that requested it; pending caps count by it. */
  readonly source: string;
  readonly cookieHash: string | null;
  readonly stateHash: string | null;
  readonly redirectUri: string | null;
  /** Sealed `FlowSecrets`. */
  readonly sealedSecrets: SealedBlob | null;
  readonly handleHash: string | null;
  readonly handleExpiresAt: Instant | null;
  /** Sealed `FlowResult` of a bound flow. */
  readonly sealedResult: SealedBlob | null;
  readonly refusals: number;
  readonly createdAt: Instant;
  /** By the database's clock. */
  readonly expiresAt: Instant;
}

export const flowLifetimeSeconds = 600;
export const handleLifetimeSeconds = 120;
export const maxRefusals = 10;
/** How long a discard that was begun keeps others from taking it up. */
export const discardSeconds = 60;

/** What one authorization request keeps secret until its callback (RFC 7636 verifier, OIDC nonce). */
export type FlowSecrets = {
  readonly codeVerifier: string;
  readonly nonce: string;
};

export function flowCookieSuffix(flowId: string): string {
  return flowId.slice(-8);
}
