/** What happens in one run: a provider of some kind, Brokers that use it, and a list of events. */
import fc, { type Arbitrary } from 'fast-check';

export interface SetupPlan {
  readonly rotation: 'never' | 'always' | 'sometimes' | 'strict';
  /** Whether the provider's profile tells how it rotates. */
  readonly isKnown: boolean;
  readonly graceSeconds: number;
  readonly graceAnswer: 'same' | 'new';
  readonly accessTokenSeconds: number;
  readonly replicas: number;
}

/** How the provider treats a call; `refused`, `unavailable` and `throttled` do not reach its refresh tokens. */
export type CallMode = 'fine' | 'slow' | 'lost' | 'late' | 'twice' | 'refused' | 'unavailable' | 'throttled';

export type Event =
  | { readonly do: 'read'; readonly replica: number; readonly minValidity: number }
  | { readonly do: 'force' | 'narrow' | 'tick' | 'delete' | 'store unsaved' | 'reseal'; readonly replica: number }
  | { readonly do: 'reconnect' | 'revoke' | 'hide a commit' }
  | { readonly do: 'wait'; readonly seconds: number }
  | { readonly do: 'calls'; readonly modes: readonly CallMode[] }
  | { readonly do: 'outage'; readonly mode: 'fine' | 'refused' | 'unavailable' | 'throttled' }
  | { readonly do: 'crash'; readonly replica: number }
  | { readonly do: 'database'; readonly isDown: boolean }
  | { readonly do: 'jump'; readonly replica: number; readonly ms: number };

/** An event, and how many turns are taken before the next one. */
export type Happening = Event & { readonly turns: number };

export interface RefreshPlan {
  readonly setup: SetupPlan;
  readonly happenings: readonly Happening[];
  /** Who of those who could go on does; over and over. */
  readonly choices: readonly number[];
}

const setup: Arbitrary<SetupPlan> = fc.record({
  rotation: fc.constantFrom('strict' as const, 'always' as const, 'never' as const, 'sometimes' as const),
  isKnown: fc.boolean(),
  graceSeconds: fc.constantFrom(0, 60),
  graceAnswer: fc.constantFrom('same' as const, 'new' as const),
  accessTokenSeconds: fc.constantFrom(3_600, 300),
  replicas: fc.constantFrom(3, 2, 1),
});

const replica = fc.nat({ max: 2 });
const callModes = fc.constantFrom<CallMode[]>(
  'fine',
  'slow',
  'lost',
  'late',
  'refused',
  'unavailable',
  'throttled',
  'twice',
);

const uses: readonly { readonly weight: number; readonly arbitrary: Arbitrary<Event> }[] = [
  {
    weight: 8,
    arbitrary: fc.record({
      do: fc.constant('read' as const),
      replica,
      minValidity: fc.constantFrom(0, 0, 60, 3_700),
    }),
  },
  { weight: 4, arbitrary: fc.record({ do: fc.constant('force' as const), replica }) },
  { weight: 2, arbitrary: fc.record({ do: fc.constantFrom('tick' as const, 'narrow' as const), replica }) },
  { weight: 1, arbitrary: fc.record({ do: fc.constantFrom('reseal' as const, 'store unsaved' as const), replica }) },
  { weight: 1, arbitrary: fc.record({ do: fc.constant('reconnect' as const) }) },
  {
    weight: 6,
    arbitrary: fc.record({
      do: fc.constant('wait' as const),
      seconds: fc.constantFrom(1, 10, 31, 240, 290, 3_000, 3_595),
    }),
  },
];

const endings: typeof uses = [
  { weight: 1, arbitrary: fc.record({ do: fc.constant('delete' as const), replica }) },
  { weight: 1, arbitrary: fc.record({ do: fc.constant('revoke' as const) }) },
];

const faults: typeof uses = [
  {
    weight: 4,
    arbitrary: fc.record({
      do: fc.constant('calls' as const),
      modes: fc.array(callModes, { minLength: 1, maxLength: 3 }),
    }),
  },
  { weight: 4, arbitrary: fc.record({ do: fc.constant('crash' as const), replica }) },
  {
    weight: 2,
    arbitrary: fc.record({
      do: fc.constant('outage' as const),
      mode: fc.constantFrom('unavailable' as const, 'refused' as const, 'throttled' as const, 'fine' as const),
    }),
  },
  { weight: 2, arbitrary: fc.record({ do: fc.constant('database' as const), isDown: fc.boolean() }) },
  { weight: 1, arbitrary: fc.record({ do: fc.constant('hide a commit' as const) }) },
  {
    weight: 1,
    arbitrary: fc.record({
      do: fc.constant('jump' as const),
      replica,
      ms: fc.constantFrom(3_600_000, -3_600_000, 400 * 86_400_000, 0),
    }),
  },
];

function plansOf(events: Arbitrary<Event>): Arbitrary<RefreshPlan> {
  const happening: Arbitrary<Happening> = fc
    .tuple(events, fc.nat({ max: 9 }))
    .map(([event, turns]) => ({ ...event, turns }));
  return fc.record({
    setup,
    happenings: fc.array(happening, { minLength: 2, maxLength: 14 }),
    choices: fc.array(fc.nat({ max: 5 }), { minLength: 1, maxLength: 12 }),
  });
}

/** Nothing goes wrong in these. */
export const calmPlans = plansOf(fc.oneof(...uses));
export const roughPlans = plansOf(fc.oneof(...uses, ...uses, ...endings, ...faults));
