import type { UserIssuer } from '../../domain/user-issuer.js';

export function toWireIssuer(issuer: UserIssuer) {
  return {
    id: issuer.issuerId,
    issuer: issuer.issuer,
    jwks_uri: issuer.jwksUri,
    audience: issuer.audience,
    algorithms: [...issuer.algorithms],
    scope_claim: issuer.scopeClaim,
    tenant_claim: issuer.tenantClaim,
    clearance_claim: issuer.clearanceClaim,
    workspace_from: issuer.workspaceFrom,
    workspace_prefix: issuer.workspacePrefix,
    max_lifetime_seconds: issuer.maxLifetimeSeconds,
    created_at: issuer.createdAt,
  };
}
