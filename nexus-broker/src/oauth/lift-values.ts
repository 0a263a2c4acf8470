/** Values that a provider tells once: they are kept with the connection, and fill placeholders of the profile's URLs. */
import type { PlaceValues } from '../domain/placeholders.js';
import { findLiftedProblem, unplacedProfile } from '../domain/profile-places.js';
import type { Located } from '../domain/profile-quirks.js';
import type { Provider } from '../domain/provider.js';
import { readPath } from './answer-path.js';
import { createFailure, ProviderCallError } from './provider-error.js';
import { tellsSecret } from './withheld-texts.js';

const maxLength = 512;

interface LiftInput {
  readonly from: Located['from'];
  /** The answer, or the callback's parameters. */
  readonly answer: unknown;
  /** What must not leave the sealed credential: values are kept in the clear. */
  readonly secrets: readonly string[];
}

/**
 * The values that are to be found in an answer. One that is not allowed to be what it is, or tells a secret, counts as
 * not told. Throws ProviderCallError where one that is required was not told.
 */
export function liftValues(provider: Provider, { from, answer, secrets }: LiftInput): PlaceValues {
  const profile = unplacedProfile(provider);
  const lifted: [string, string][] = [];
  for (const [name, rules] of Object.entries(profile.account.values)) {
    if (rules.from !== from) continue;
    const value = toText(readPath(answer, rules.path));
    const isTold = value !== null && !tellsSecret(value, secrets);
    if (isTold && findLiftedProblem(profile, name, value) === null) lifted.push([name, value]);
    else if (rules.isRequired) {
      const cause = new Error(`the provider did not tell ${name}`);
      throw new ProviderCallError('exchange', { failure: createFailure('transient'), cause });
    }
  }
  return Object.fromEntries(lifted);
}

/** The callback's parameters by name; what was sent twice is nothing that could be relied on. */
export function readCallback(parameters: Iterable<readonly [string, string]>): Readonly<Record<string, string>> {
  const values = new Map<string, string>();
  const repeated = new Set<string>();
  for (const [name, value] of parameters) {
    if (values.has(name)) repeated.add(name);
    values.set(name, value);
  }
  return Object.fromEntries([...values].filter(([name]) => !repeated.has(name)));
}

function toText(value: unknown): string | null {
  const text = typeof value === 'number' && Number.isFinite(value) ? String(value) : value;
  return typeof text === 'string' && text !== '' && text.length <= maxLength ? text : null;
}
