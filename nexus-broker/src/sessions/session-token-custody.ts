/** The two doors between a token minted for a session and its sealed form in the session's row. */
import { VaultError } from '@nexus/vault/key-provider';
import { openJson, type SealedBlob, sealJson, type Vault } from '@nexus/vault/vault';
import type { AgentSession } from '../domain/agent-session.js';
import { sessionTokenContext } from '../domain/blob-context.js';
import type { OauthCredential } from '../domain/credential.js';
import type { NarrowedToken } from '../refresh/narrow-outcome.js';

/** A token with less life than this is replaced rather than handed out. */
const minLifeMs = 10_000;

export function sealSessionToken(
  vault: Vault,
  session: AgentSession,
  { credential, issuedOrigin }: NarrowedToken,
): SealedBlob {
  return sealJson(vault, { ...credential }, sessionTokenContext(session, session.tokenVersion + 1, issuedOrigin));
}

interface HeldToken {
  /** Null without a token that still lives. */
  readonly credential: OauthCredential | null;
  /** Whether the stored value does not authenticate. It is worth nothing then: another is minted in its place. */
  readonly isDamaged: boolean;
}

export async function openSessionToken(vault: Vault, session: AgentSession, nowMs: number): Promise<HeldToken> {
  if (session.sealedToken === null) return { credential: null, isDamaged: false };
  const context = sessionTokenContext(session, session.tokenVersion, session.tokenOrigin);
  try {
    const credential = (await openJson(vault, session.sealedToken, context)) as unknown as OauthCredential;
    const isAlive = credential.expiresAt === null || credential.expiresAt * 1_000 - nowMs > minLifeMs;
    return { credential: isAlive ? credential : null, isDamaged: false };
  } catch (error) {
    if (error instanceof VaultError && error.code === 'integrity') return { credential: null, isDamaged: true };
    throw error;
  }
}
