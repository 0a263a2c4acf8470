/** What happens in a run, as plain data. Every number is an index that wraps around whatever there is to choose from. */
import fc, { type Arbitrary } from 'fast-check';
import { claimNames, grantedScopes, type ProviderName, providerSet, scopeNames, scopeSet } from './world-plan.js';

/** How a request names its connection; the last ones name none, or none that there is. */
export const selectorForms = [
  'id',
  'names',
  'names and ref',
  'names of another workspace',
  'provider only',
  'id and provider',
  'id and another workspace',
  'unknown id',
  'nothing',
] as const;
export type SelectorForm = (typeof selectorForms)[number];

export interface UserPlan {
  readonly issuer: number;
  /** An index of `claimNames`; null: whatever leads to the workspace of the connection asked for. */
  readonly claim: number | null;
  readonly permissions: readonly string[];
  readonly permissionsAs: 'scope' | 'permissions';
  /** Negative: it has expired. */
  readonly lifeSeconds: number;
  readonly mayAct: 'anyone' | 'this agent' | 'another agent';
  readonly flaw: 'none' | 'foreign signature' | 'other audience' | 'no tenant';
  readonly hasId: boolean;
  /** One that was made before is shown instead, if there is one; null: a new one. */
  readonly repeats: number | null;
}

export interface OpenPlan {
  /** Bent towards something that is allowed. */
  readonly isAimed: boolean;
  readonly agent: number;
  /** Of a key of the world; the agent's own, or that of the agent after it. */
  readonly key: number | 'own' | 'own of another' | 'none';
  readonly connection: number;
  readonly selector: SelectorForm;
  readonly scopes: readonly string[];
  readonly ttlSeconds: number | null;
  /** Null: the agent acts for itself. */
  readonly user: UserPlan | null;
}

export const endings = ['deactivate', 'deregister', 'revoke key', 'delete connection', 'delete issuer'] as const;
export type Ending = (typeof endings)[number];

/** An agent, key, connection or issuer: one that a session rests on, or any. */
export interface Target {
  readonly of: 'a session' | 'the world';
  readonly index: number;
}

export type Command =
  | { readonly do: 'open'; readonly plan: OpenPlan }
  /** Opens a session while something that it rests on ends. */
  | { readonly do: 'race'; readonly plan: OpenPlan; readonly ending: Ending; readonly headStart: number }
  /** Shows one user token twice at the same moment. */
  | { readonly do: 'open twice'; readonly plan: OpenPlan }
  | { readonly do: 'read'; readonly session: number; readonly asAnother: boolean }
  | { readonly do: 'ask'; readonly session: number; readonly key: number }
  | { readonly do: 'introspect'; readonly session: number; readonly byAnother: boolean }
  | { readonly do: 'close'; readonly session: number; readonly key: number }
  | { readonly do: 'revoke token'; readonly session: number; readonly byAnother: boolean }
  | {
      readonly do: 'change agent';
      readonly target: Target;
      readonly scopes?: readonly string[] | undefined;
      readonly providers?: readonly ProviderName[] | null | undefined;
      readonly active?: boolean | undefined;
    }
  /** What was deregistered or deleted may come back under its old name. */
  | { readonly do: 'end'; readonly ending: Ending; readonly target: Target; readonly returns: boolean }
  | { readonly do: 'reconnect'; readonly target: Target; readonly granted: readonly string[] | null }
  | { readonly do: 'mark attention'; readonly target: Target }
  | { readonly do: 'close many'; readonly by: CloseFilter; readonly session: number }
  | { readonly do: 'wait'; readonly seconds: number };

export type CommandOf<Name extends Command['do']> = Extract<Command, { readonly do: Name }>;

export const closeFilters = ['agent', 'connection', 'key', 'issuer', 'user', 'agent and connection'] as const;
export type CloseFilter = (typeof closeFilters)[number];

const index = fc.nat({ max: 11 });
const rarely = fc.oneof({ weight: 5, arbitrary: fc.constant(false) }, { weight: 1, arbitrary: fc.constant(true) });

function mostly<T>(usual: T, others: readonly T[], weight = 6): Arbitrary<T> {
  return fc.oneof(
    { weight, arbitrary: fc.constant(usual) },
    { weight: 1, arbitrary: fc.constantFrom(usual, ...others) },
  );
}

const user: Arbitrary<UserPlan> = fc.record({
  issuer: fc.nat({ max: 1 }),
  claim: fc.oneof(
    { weight: 3, arbitrary: fc.constant(null) },
    { weight: 1, arbitrary: fc.nat({ max: claimNames.length - 1 }) },
  ),
  permissions: scopeSet,
  permissionsAs: fc.constantFrom('scope' as const, 'permissions' as const),
  lifeSeconds: mostly(300, [30, 600, 1_500, 3_600, 7_200, -60], 1),
  mayAct: mostly<UserPlan['mayAct']>('anyone', ['this agent', 'another agent']),
  flaw: mostly<UserPlan['flaw']>('none', ['foreign signature', 'other audience', 'no tenant']),
  hasId: fc.boolean(),
  repeats: fc.oneof({ weight: 5, arbitrary: fc.constant(null) }, { weight: 1, arbitrary: index }),
});

/** Narrow requests are the ones that succeed. `root` is a scope nobody has. */
const requestedScopes = fc.oneof(
  { weight: 6, arbitrary: fc.subarray([...scopeNames], { minLength: 1, maxLength: 2 }) },
  { weight: 2, arbitrary: fc.array(fc.constantFrom(...scopeNames), { minLength: 1, maxLength: 5 }) },
  { weight: 1, arbitrary: fc.constant(['read', 'root']) },
);

function openPlan(actingFor: Arbitrary<UserPlan | null>, isAimed: Arbitrary<boolean>): Arbitrary<OpenPlan> {
  return fc.record({
    isAimed,
    agent: index,
    key: fc.oneof(
      { weight: 3, arbitrary: fc.constant('own' as const) },
      { weight: 4, arbitrary: index },
      { weight: 1, arbitrary: fc.constantFrom('own of another' as const, 'none' as const) },
    ),
    connection: index,
    selector: fc.oneof(
      { weight: 4, arbitrary: fc.constant('id' as const) },
      { weight: 2, arbitrary: fc.constantFrom('names' as const, 'names and ref' as const) },
      { weight: 2, arbitrary: fc.constantFrom(...selectorForms) },
    ),
    scopes: requestedScopes,
    ttlSeconds: fc.constantFrom(null, 30, 120, 900, 3_600),
    user: actingFor,
  });
}

const anybody = fc.oneof({ weight: 1, arbitrary: fc.constant(null) }, { weight: 1, arbitrary: user });
const anyOpening = openPlan(anybody, fc.constantFrom(true, true, true, false, false));

const endingInRace: Arbitrary<CommandOf<'race'>> = fc.constantFrom(...endings).chain((ending) =>
  fc.record({
    do: fc.constant('race' as const),
    plan: openPlan(ending === 'delete issuer' ? user : anybody, mostly(true, [false])),
    ending: fc.constant(ending),
    headStart: fc.integer({ min: 0, max: 12 }),
  }),
);

const target: Arbitrary<Target> = fc.record({
  of: fc.constantFrom('a session' as const, 'a session' as const, 'the world' as const),
  index,
});

const agentChange: Arbitrary<Command> = fc.record({
  do: fc.constant('change agent' as const),
  target,
  scopes: fc.option(scopeSet, { nil: undefined, freq: 2 }),
  providers: fc.option(providerSet, { nil: undefined, freq: 2 }),
  active: fc.constantFrom(undefined, undefined, true, true, false),
});

const waitSeconds = fc.oneof(
  { weight: 2, arbitrary: fc.integer({ min: 1, max: 150 }) },
  { weight: 1, arbitrary: fc.integer({ min: 1, max: 4_200 }) },
);

/** Half of all commands open sessions and use them; the rest takes away what they rest on, or gives it back. */
const command: Arbitrary<Command> = fc.oneof(
  { weight: 12, arbitrary: fc.record({ do: fc.constant('open' as const), plan: anyOpening }) },
  { weight: 4, arbitrary: endingInRace },
  {
    weight: 1,
    arbitrary: fc.record({ do: fc.constant('open twice' as const), plan: openPlan(user, fc.constant(true)) }),
  },
  { weight: 6, arbitrary: fc.record({ do: fc.constant('read' as const), session: index, asAnother: rarely }) },
  { weight: 2, arbitrary: fc.record({ do: fc.constant('ask' as const), session: index, key: index }) },
  { weight: 2, arbitrary: fc.record({ do: fc.constant('introspect' as const), session: index, byAnother: rarely }) },
  { weight: 2, arbitrary: fc.record({ do: fc.constant('close' as const), session: index, key: index }) },
  { weight: 1, arbitrary: fc.record({ do: fc.constant('revoke token' as const), session: index, byAnother: rarely }) },
  { weight: 4, arbitrary: agentChange },
  {
    weight: 4,
    arbitrary: fc.record({
      do: fc.constant('end' as const),
      ending: fc.constantFrom(...endings),
      target,
      returns: fc.boolean(),
    }),
  },
  { weight: 2, arbitrary: fc.record({ do: fc.constant('reconnect' as const), target, granted: grantedScopes }) },
  { weight: 1, arbitrary: fc.record({ do: fc.constant('mark attention' as const), target }) },
  {
    weight: 2,
    arbitrary: fc.record({
      do: fc.constant('close many' as const),
      by: fc.constantFrom(...closeFilters),
      session: index,
    }),
  },
  { weight: 3, arbitrary: fc.record({ do: fc.constant('wait' as const), seconds: waitSeconds }) },
);

export const commandPlans = fc.array(command, { minLength: 8, maxLength: 20, size: 'max' });
