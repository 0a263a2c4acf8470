/** The worlds a run may begin in, as plain data: fast-check shrinks them, and prints the one that broke a promise. */
import fc, { type Arbitrary } from 'fast-check';

export const scopeNames = ['read', 'write', 'send', 'offline_access'] as const;
export const providerNames = ['exact', 'wide', 'static'] as const;
export type ProviderName = (typeof providerNames)[number];
/** Each begins with the one before, so that one issuer's users could be named like another's workspaces. */
export const workspacePrefixes = ['', 'a:', 'a:b:'] as const;
/** What a claim of a user's token may say, before it is made unique to the run. */
export const claimNames = ['1', '2', 'a:1', 'b:1'] as const;
/** What the connections of a run belong to: every prefix has a workspace behind it. */
export const workspaceNames = ['1', '2', 'a:1', 'a:b:1'] as const;

export interface AgentPlan {
  readonly scopes: readonly string[];
  /** Null allows all. */
  readonly providers: readonly ProviderName[] | null;
  readonly keyLifeSeconds: number | null;
}

export interface KeyPlan {
  readonly role: 'app' | 'operator' | 'admin' | 'auditor';
  readonly lifeSeconds: number | null;
}

export interface ConnectionPlan {
  readonly provider: ProviderName;
  readonly workspace: number;
  /** A key of the plan, or after those one of an agent's own; null for an anonymous caller. */
  readonly startedBy: number | null;
  readonly asksForScopes: boolean;
  /** Null: the provider named none. */
  readonly granted: readonly string[] | null;
  readonly status: 'active' | 'pending' | 'attention';
}

export interface IssuerPlan {
  readonly workspaceFrom: 'sub' | 'tenant';
  readonly prefix: (typeof workspacePrefixes)[number];
}

export interface WorldPlan {
  readonly agents: readonly AgentPlan[];
  readonly keys: readonly KeyPlan[];
  readonly connections: readonly ConnectionPlan[];
  readonly issuers: readonly IssuerPlan[];
}

export const scopeSet = fc.oneof(
  { weight: 3, arbitrary: fc.constant([...scopeNames]) },
  { weight: 3, arbitrary: fc.subarray([...scopeNames], { minLength: 1 }) },
  { weight: 1, arbitrary: fc.constant<string[]>([]) },
);

export const providerSet: Arbitrary<ProviderName[] | null> = fc.oneof(
  { weight: 3, arbitrary: fc.constant(null) },
  { weight: 1, arbitrary: fc.subarray([...providerNames]) },
);

export const grantedScopes: Arbitrary<string[] | null> = fc.oneof(
  { weight: 5, arbitrary: fc.subarray([...scopeNames]) },
  { weight: 1, arbitrary: fc.constant(null) },
);

/** Most keys outlive their run, some end in the middle of it. */
const lifeSeconds = fc.oneof(
  { weight: 3, arbitrary: fc.constant(null) },
  { weight: 1, arbitrary: fc.constantFrom(60, 600, 3_000) },
);

const agent: Arbitrary<AgentPlan> = fc.record({
  scopes: scopeSet,
  providers: providerSet,
  keyLifeSeconds: lifeSeconds,
});

/** Two applications, one operator, and one of any role. */
const keys: Arbitrary<readonly KeyPlan[]> = fc.tuple(
  ...(['app', 'app', 'operator'] as const).map((role) => fc.record({ role: fc.constant(role), lifeSeconds })),
  fc.record({ role: fc.constantFrom('app', 'admin', 'auditor'), lifeSeconds }),
);

const connection: Arbitrary<ConnectionPlan> = fc.record({
  provider: fc.constantFrom(...providerNames),
  workspace: fc.nat({ max: workspaceNames.length - 1 }),
  startedBy: fc.oneof(
    { weight: 5, arbitrary: fc.nat({ max: 3 }) },
    { weight: 1, arbitrary: fc.constantFrom(null, 4, 5) },
  ),
  asksForScopes: fc.boolean(),
  granted: grantedScopes,
  status: fc.oneof(
    { weight: 8, arbitrary: fc.constant('active' as const) },
    { weight: 1, arbitrary: fc.constantFrom('pending' as const, 'attention' as const) },
  ),
});

const issuers: Arbitrary<readonly IssuerPlan[]> = fc
  .tuple(
    fc.shuffledSubarray([...workspacePrefixes], { minLength: 2, maxLength: 2 }),
    fc.array(fc.constantFrom('sub' as const, 'tenant' as const), { minLength: 2, maxLength: 2 }),
  )
  .map(([prefixes, sources]) => prefixes.map((prefix, index) => ({ prefix, workspaceFrom: sources[index] ?? 'sub' })));

export const worldPlans: Arbitrary<WorldPlan> = fc.record({
  agents: fc.array(agent, { minLength: 2, maxLength: 4 }),
  keys,
  connections: fc.array(connection, { minLength: 3, maxLength: 6 }),
  issuers,
});
