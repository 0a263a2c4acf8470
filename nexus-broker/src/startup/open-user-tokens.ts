import type { Clock } from '@nexus/core/clock';
import type { Logger } from '@nexus/http/logger';
import type { BrokerConfig } from '../config.js';
import type { GuardedFetch } from '../oauth/guarded-fetch.js';
import { createUserTokenVerifier, type UserTokenVerifier } from '../oauth/user-token-verifier.js';
import type { Database } from '../stores/database.js';

interface OpenInput {
  readonly database: Database;
  readonly guardedFetch: GuardedFetch;
  readonly clock: Clock;
  readonly config: BrokerConfig;
  readonly logger: Logger;
}

/** Proves users by the registered issuers and, where the configuration names one, by the verification endpoint. */
export async function openUserTokens({
  database,
  guardedFetch,
  clock,
  config,
  logger,
}: OpenInput): Promise<UserTokenVerifier> {
  const { userIssuers } = database.stores;
  const verification = readVerification(config);
  if (verification !== null && (await userIssuers.listPrefixes()).includes(verification.workspacePrefix)) {
    logger.warn(
      'USER_VERIFICATION_WORKSPACE_PREFIX is the workspace_prefix of a registered issuer: neither reaches its workspaces.',
    );
  }
  return createUserTokenVerifier({
    guardedFetch,
    clock,
    findIssuer: (issuer) => userIssuers.findByIssuer(issuer),
    listWorkspacePrefixes: () => userIssuers.listPrefixes(),
    publicUrl: config.publicUrl,
    verification,
  });
}

function readVerification(config: BrokerConfig) {
  if (config.userVerificationUrl === null) return null;
  return {
    url: config.userVerificationUrl,
    workspaceFrom: config.userVerificationWorkspaceFrom,
    workspacePrefix: config.userVerificationWorkspacePrefix,
  };
}
