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

/** Null without a token that still lives. One that does not authenticate is worth nothing: another is minted in its place. */
export function openSessionToken(vault: Vault, session: AgentSession, nowMs: number): OauthCredential | null {
  if (session.sealedToken === null) return null;
  const context = sessionTokenContext(session, session.tokenVersion, session.tokenOrigin);
  try {
    const credential = openJson(vault, session.sealedToken, context) as unknown as OauthCredential;
    const isAlive = credential.expiresAt === null || credential.expiresAt * 1_000 - nowMs > minLifeMs;
    return isAlive ? credential : null;
  } catch (error) {
    if (error instanceof VaultError && error.code === 'integrity') return null;
    throw error;
  }
}
