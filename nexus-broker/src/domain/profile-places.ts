/** Where a profile's URLs have placeholders, what may fill them, and the profile of one connection once they are filled. */
import { NexusError } from '@nexus/core/errors';
import { findPlaceProblem, type PlaceRules, type PlaceUse } from './place-rules.js';
import { listPlacedUrls, listUses, type Placed, type PlacedUrl } from './placed-urls.js';
import { fillKnown, fillPlaces, fillText, findPlaces, isAbsolute, type PlaceValues } from './placeholders.js';
import type { ProfileContext } from './profile-context.js';
import type { InputDeclaration } from './profile-quirks.js';
import type { Provider, ProviderProfile } from './provider.js';

/** Adds what is wrong with the placeholders of a profile to its findings. */
export function checkPlaces(context: ProfileContext, profile: Placed): void {
  const { fields } = context;
  const { inputs, account } = profile;
  checkAccountRequest(context, profile);
  const uses = listUses(profile);
  for (const { field, url, needed } of listPlacedUrls(profile)) {
    for (const { name, use } of findPlaces(url)) {
      const problem = findUndeclared(profile, { name, use }, { field, needed });
      if (problem !== null) fields.refuse(field, problem);
    }
  }
  for (const [name, rules] of Object.entries(account.values)) {
    if (Object.hasOwn(inputs, name)) fields.refuse(`account.values.${name}`, 'is an input too');
    checkRules(fields, `account.values.${name}`, { rules, uses: uses.get(name), absent: rules.default });
  }
  for (const [name, rules] of Object.entries(inputs)) {
    checkRules(fields, `inputs.${name}`, { rules, uses: uses.get(name), absent: rules.default });
  }
}

function findUndeclared(
  profile: Placed,
  { name, use }: ReturnType<typeof findPlaces>[number],
  at: Pick<PlacedUrl, 'field' | 'needed'>,
): string | null {
  if (Object.hasOwn(profile.inputs, name)) return null;
  if (name === 'client_id' && (at.field === 'auth_url' || at.field === 'revoke.request.url')) return null;
  if (name === 'token' && at.field === 'revoke.request.url') return null;
  // The path strategy fills it with a field of the credential, whose host is no matter of a credential.
  if (at.field === 'probe.path' && use === 'text') return null;
  const lifted = Object.hasOwn(profile.account.values, name) ? profile.account.values[name] : undefined;
  if (lifted === undefined) return `names {${name}}, which is declared neither in inputs nor in account.values`;
  // What the account request tells comes after the origins of the credential are sealed with it.
  if (lifted.from === 'userinfo' && at.field !== 'api_base_url') {
    return `names {${name}}, which the account request tells: it may stand in api_base_url only`;
  }
  if (at.needed === 'token') return null;
  if (at.needed !== 'exchange' || lifted.from !== 'callback') return `needs {${name}} before the provider has told it`;
  const isSure = lifted.isRequired || lifted.default !== null;
  return isSure ? null : `needs {${name}}, which must then be required or have a default`;
}

/** An account request below a base that its own answer tells could never be made. */
function checkAccountRequest({ fields }: ProfileContext, profile: Placed): void {
  const { apiBaseUrl, account, userInfoEndpoint } = profile;
  const url = account.request?.url ?? userInfoEndpoint;
  if (apiBaseUrl === null || url === null || isAbsolute(url)) return;
  const isOwn = ({ name }: { readonly name: string }) =>
    Object.hasOwn(account.values, name) && account.values[name]?.from === 'userinfo';
  if (!findPlaces(apiBaseUrl).some(isOwn)) return;
  const field = account.request === null ? 'user_info_endpoint' : 'account.request.url';
  fields.refuse(field, 'must be absolute where api_base_url needs what it tells');
}

interface CheckedRules {
  readonly rules: PlaceRules;
  readonly uses: ReadonlySet<PlaceUse> | undefined;
  readonly absent: string | null;
}

function checkRules(fields: ProfileContext['fields'], path: string, { rules, uses, absent }: CheckedRules): void {
  const isHost = uses?.has('host') === true || uses?.has('origin') === true;
  if (isHost && rules.allowedHosts.length === 0) {
    fields.refuse(`${path}.allowed_hosts`, 'is required where the value names a host');
    return;
  }
  const problem = absent === null ? null : findPlaceProblem(rules, uses ?? new Set(), absent);
  if (problem !== null) fields.refuse(`${path}.default`, problem);
}

/**
 * The inputs of a new connection, defaults filled in.
 *
 * @throws NexusError `invalid_request` with every input that is missing, unknown or not as declared.
 */
export function readInputs(profile: ProviderProfile, given: PlaceValues): PlaceValues {
  const uses = listUses(profile);
  const details = Object.keys(given)
    .filter((name) => !Object.hasOwn(profile.inputs, name))
    .map((name) => ({ path: `inputs.${name.slice(0, 64)}`, message: 'is not an input of this provider' }));
  const values: [string, string][] = [];
  for (const [name, declared] of Object.entries(profile.inputs)) {
    const value = Object.hasOwn(given, name) ? given[name] : declared.default;
    const problem = findInputProblem(declared, uses.get(name), value ?? null);
    if (problem !== null) details.push({ path: `inputs.${name}`, message: problem });
    else if (typeof value === 'string') values.push([name, value]);
  }
  if (details.length === 0) return Object.fromEntries(values);
  const names = details.map(({ path }) => path).join(', ');
  throw new NexusError('invalid_request', `The inputs are not as this provider needs them: ${names}.`, { details });
}

function findInputProblem(
  declared: InputDeclaration,
  uses: ReadonlySet<PlaceUse> | undefined,
  value: string | null,
): string | null {
  if (value === null) return `is required: ${declared.title}`;
  return value.length > 253 ? 'must be at most 253 characters' : findPlaceProblem(declared, uses ?? new Set(), value);
}

/** Why a value that the provider told may not be kept; null when it may. */
export function findLiftedProblem(profile: ProviderProfile, name: string, value: string): string | null {
  const rules = profile.account.values[name];
  return rules === undefined
    ? 'is not declared'
    : findPlaceProblem(rules, listUses(profile).get(name) ?? new Set(), value);
}

/**
 * The provider as one connection has it: placeholders filled with the connection's values, those it was placed with
 * before included. A URL for which a value is
 * missing, or no longer allowed, is null where it may be, and else stays a text that the outgoing guard refuses.
 */
export function placeProvider(provider: Provider, values: PlaceValues): Provider {
  const profile = unplacedProfile(provider);
  if (Object.keys(profile.inputs).length === 0 && Object.keys(profile.account.values).length === 0) return provider;
  const all = { ...provider.placed?.values, ...values };
  const known = keepAllowed(profile, all);
  const fill = (url: string | null) => (url === null ? null : fillPlaces(url, known));
  const fillNeeded = (url: string | null) => fill(url) ?? url;
  const { upgrade, revoke, account, probe } = profile;
  const request = revoke.request;
  return {
    ...provider,
    placed: { from: profile, values: all },
    profile: {
      ...profile,
      issuer: fillNeeded(profile.issuer),
      authUrl: profile.authUrl === null ? null : fillKnown(profile.authUrl, known),
      tokenUrl: fillNeeded(profile.tokenUrl),
      refreshUrl: fillNeeded(profile.refreshUrl),
      userInfoEndpoint: fill(profile.userInfoEndpoint),
      revocationEndpoint: fill(profile.revocationEndpoint),
      introspectionEndpoint: fill(profile.introspectionEndpoint),
      apiBaseUrl: fill(profile.apiBaseUrl),
      params: fillAll(profile.params, known),
      tokenRequest: { ...profile.tokenRequest, params: fillAll(profile.tokenRequest.params, known) },
      upgrade:
        upgrade === null
          ? null
          : { ...upgrade, url: fillKnown(upgrade.url, known), params: fillAll(upgrade.params, known) },
      revoke: request === null ? revoke : { ...revoke, request: { ...request, url: fillKnown(request.url, known) } },
      account:
        account.request === null
          ? account
          : { ...account, request: { ...account.request, url: fillNeeded(account.request.url) ?? '' } },
      probe: probe === null ? null : { ...probe, path: fillKnown(probe.path, known) },
    },
  };
}

/** The profile with its placeholders: what tells of which form a value must be. */
export function unplacedProfile({ placed, profile }: Provider): ProviderProfile {
  return placed?.from ?? profile;
}

/** As `placeProvider`, for what a connection or a flow has. */
export function placeFor(
  provider: Provider,
  { inputs, accountData = {} }: { readonly inputs: PlaceValues; readonly accountData?: PlaceValues },
): Provider {
  return placeProvider(provider, { ...inputs, ...accountData });
}

/** Which values distinguish the endpoints of one connection from those of another. */
export function placeKey(provider: Provider): string {
  const { issuer, authUrl, tokenUrl, revocationEndpoint, introspectionEndpoint } = provider.profile;
  if (provider.placed === undefined) return '';
  return [issuer, authUrl, tokenUrl, revocationEndpoint, introspectionEndpoint].join(' ');
}

function keepAllowed(profile: ProviderProfile, values: PlaceValues): PlaceValues {
  const uses = listUses(profile);
  const declared = [...Object.entries(profile.inputs), ...Object.entries(profile.account.values)];
  const known = declared.flatMap(([name, rules]): [string, string][] => {
    // A default stands for a value nobody gave, not for one that is no longer allowed: that belongs to another tenant.
    const value = Object.hasOwn(values, name) ? values[name] : rules.default;
    const isAllowed = typeof value === 'string' && findPlaceProblem(rules, uses.get(name) ?? new Set(), value) === null;
    return isAllowed ? [[name, value]] : [];
  });
  return Object.fromEntries(known);
}

function fillAll(
  params: { readonly [name: string]: string },
  values: PlaceValues,
): { readonly [name: string]: string } {
  return Object.fromEntries(Object.entries(params).map(([name, value]) => [name, fillText(value, values)]));
}
