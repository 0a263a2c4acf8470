/** Which workspace a user's token leads to, and that no issuer leads into the workspaces of another. */
import { isClaimText } from './user-claims-values.js';
import { UserTokenError } from './user-token-error.js';
import type { VerifiedUser } from './verified-user.js';

/** How an issuer, or the verification endpoint, speaks of workspaces. */
export interface WorkspaceSource {
  readonly workspaceFrom: 'sub' | 'tenant';
  readonly workspacePrefix: string;
}

/**
 * `prefixes` holds those of all sources, this one's included.
 *
 * @throws UserTokenError `bad_claim` without a tenant where it is needed, `foreign_workspace`.
 */
export function resolveWorkspace(
  user: Pick<VerifiedUser, 'subject' | 'tenantId'>,
  source: WorkspaceSource,
  prefixes: readonly string[],
): string {
  const claim = source.workspaceFrom === 'sub' ? user.subject : user.tenantId;
  const workspaceId = source.workspacePrefix + (claim ?? '');
  if (claim === null || !isClaimText(workspaceId)) throw new UserTokenError('bad_claim');
  if (!ownsWorkspace(source.workspacePrefix, { workspaceId, prefixes })) throw new UserTokenError('foreign_workspace');
  return workspaceId;
}

/**
 * A workspace belongs to the source with the longest prefix it begins with. A prefix that two sources share, which only a
 * change of the configuration can bring about, gives it to neither.
 */
export function ownsWorkspace(
  prefix: string,
  { workspaceId, prefixes }: { readonly workspaceId: string; readonly prefixes: readonly string[] },
): boolean {
  const matching = prefixes.filter((candidate) => workspaceId.startsWith(candidate));
  const longest = Math.max(...matching.map((candidate) => candidate.length));
  const owners = matching.filter((candidate) => candidate.length === longest);
  return owners.length === 1 && owners[0] === prefix;
}
