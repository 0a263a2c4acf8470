import type { Clock } from '@nexus/core/clock';
import { toInstant } from '@nexus/core/clock';
import { NexusError } from '@nexus/core/errors';
import { createUlid } from '@nexus/core/ids';
import type { AuditLog } from '../../audit/audit-log.js';
import { type IssuerInput, type ParsedIssuer, parseIssuer } from '../../domain/issuer-input.js';
import { type RequestContext, toAuditOrigin } from '../../domain/request-context.js';
import type { UserIssuer } from '../../domain/user-issuer.js';
import type { ProviderClient } from '../../oauth/provider-client.js';
import type { Database } from '../../stores/database.js';

export interface IssuerDeps {
  readonly database: Database;
  readonly audit: AuditLog;
  readonly clock: Clock;
  readonly environment: 'production' | 'development';
  readonly providerClient: Pick<ProviderClient, 'checkUrl'>;
  readonly config: {
    /** Null: there is no verification endpoint. */
    readonly userVerificationUrl: string | null;
    readonly userVerificationWorkspacePrefix: string;
  };
}

/**
 * Lets an identity provider vouch for users. Whose keys these are decides who may act for whom, so what is called for
 * them passes the outgoing guard, and neither the issuer nor its part of the workspaces may be another's.
 *
 * @throws NexusError `invalid_request`, `issuer_unsafe`, `issuer_exists`.
 */
export async function createIssuer(deps: IssuerDeps, input: IssuerInput, context: RequestContext): Promise<UserIssuer> {
  const parsed = parseIssuer(input, deps.environment);
  // Only what will be called: with a key set of its own the issuer is a name.
  if (parsed.jwksUri === null) await checkAddress(deps, 'issuer', parsed.issuer);
  else await checkAddress(deps, 'jwks_uri', parsed.jwksUri);
  if (isTaken(deps.config, parsed)) throw createExistsError();
  const now = deps.clock.now();
  const issuer: UserIssuer = { issuerId: createUlid(now), ...parsed, createdAt: toInstant(now) };
  await deps.database.transaction(async (stores) => {
    if (!(await stores.userIssuers.insert(issuer))) throw createExistsError();
    await stores.audit.insert([
      deps.audit.entry(
        {
          eventType: 'issuer.created',
          outcome: 'success',
          resourceId: issuer.issuerId,
          data: {
            issuer_id: issuer.issuerId,
            issuer: issuer.issuer,
            audience: issuer.audience,
            algorithms: [...issuer.algorithms],
            workspace_from: issuer.workspaceFrom,
            workspace_prefix: issuer.workspacePrefix,
          },
        },
        toAuditOrigin(context),
      ),
    ]);
  });
  return issuer;
}

async function checkAddress({ providerClient }: IssuerDeps, path: string, url: string): Promise<void> {
  await providerClient.checkUrl(url).catch((cause: unknown) => {
    if (!(cause instanceof NexusError) || cause.code !== 'provider_unsafe') throw cause;
    const message = 'may not be called: it must be public https, or be named in EGRESS_ALLOW';
    throw new NexusError('issuer_unsafe', `${path} ${message}.`, { cause, details: [{ path, message }] });
  });
}

/** The verification endpoint is an issuer too, though no row holds it. */
function isTaken(config: IssuerDeps['config'], { issuer, workspacePrefix }: ParsedIssuer): boolean {
  if (config.userVerificationUrl === null) return false;
  return issuer === config.userVerificationUrl || workspacePrefix === config.userVerificationWorkspacePrefix;
}

function createExistsError(): NexusError {
  return new NexusError('issuer_exists', 'This issuer is registered already, or its workspace prefix is taken.');
}
