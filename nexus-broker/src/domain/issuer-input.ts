import { type TextCheck, throwIfAny } from './field-reader.js';
import { isClaimText } from './user-claims-values.js';
import { defaultUserTokenAlgorithms, type UserIssuer, type UserTokenAlgorithm } from './user-issuer.js';
import { type Environment, findUrlProblem } from './web-url.js';

/** An admin's issuer; null stands for the default. */
export interface IssuerInput {
  readonly issuer: string;
  readonly jwksUri: string | null;
  readonly audience: string;
  readonly algorithms: readonly UserTokenAlgorithm[] | null;
  readonly scopeClaim: string | null;
  readonly tenantClaim: string | null;
  readonly clearanceClaim: string | null;
  readonly workspaceFrom: 'sub' | 'tenant' | null;
  readonly workspacePrefix: string | null;
  readonly maxLifetimeSeconds: number | null;
}

export type ParsedIssuer = Omit<UserIssuer, 'issuerId' | 'createdAt'>;

/** Throws `invalid_request` with details under the names of the wire. */
export function parseIssuer(input: IssuerInput, environment: Environment): ParsedIssuer {
  const ifGiven = (text: string | null, check: TextCheck) => (text === null ? null : check(text));
  const problems: readonly (readonly [string, string | null])[] = [
    ['issuer', findIssuerProblem(input.issuer, environment)],
    ['jwks_uri', ifGiven(input.jwksUri, (text) => findUrlProblem(text, environment))],
    ['audience', findTextProblem(input.audience)],
    ['scope_claim', ifGiven(input.scopeClaim, findTextProblem)],
    ['tenant_claim', ifGiven(input.tenantClaim, findTextProblem)],
    ['clearance_claim', ifGiven(input.clearanceClaim, findTextProblem)],
    ['workspace_prefix', ifGiven(input.workspacePrefix || null, findTextProblem)],
  ];
  const details = problems.flatMap(([path, message]) => (message === null ? [] : [{ path, message }]));
  throwIfAny('The issuer is not valid', details);
  return {
    issuer: input.issuer,
    jwksUri: input.jwksUri,
    audience: input.audience,
    algorithms: [...new Set(input.algorithms ?? defaultUserTokenAlgorithms)],
    scopeClaim: input.scopeClaim,
    tenantClaim: input.tenantClaim ?? 'tenant_id',
    clearanceClaim: input.clearanceClaim ?? 'clearance_level',
    workspaceFrom: input.workspaceFrom ?? 'sub',
    workspacePrefix: input.workspacePrefix ?? '',
    maxLifetimeSeconds: input.maxLifetimeSeconds ?? 3_600,
  };
}

/** OpenID Connect Core, section 1.2 and RFC 8414, section 2: an issuer identifier has neither query nor fragment. */
function findIssuerProblem(text: string, environment: Environment): string | null {
  return findUrlProblem(text, environment) ?? (text.includes('?') ? 'must not have a query' : null);
}

const findTextProblem: TextCheck = (text) =>
  isClaimText(text, 512) ? null : 'must not be empty or hold control characters';
