/** What a manifest wants. Of its providers the Broker says what they would become, so that its rules stand in one place. */
import type { Api } from '../broker.js';
import { Refusal } from '../broker.js';
import { type Entry, type Manifest, referencesBelow } from '../manifest/entry.js';
import type { Path } from '../manifest/locate.js';
import type { Problem } from '../manifest/problem.js';
import type { Section, SectionValue } from '../manifest/schema.js';
import { chosenFields } from './read-live.js';
import { type Desired, type Fields, keyAddress, type SecretVerdict } from './resources.js';

interface ReadDesired {
  readonly desired: readonly Desired[];
  /** What the Broker has against providers. */
  readonly problems: readonly Problem[];
}

const atOnce = 4;

/** @throws CommandError where the Broker cannot be asked */
export async function readDesired(broker: Api, manifest: Manifest): Promise<ReadDesired> {
  const problems: Problem[] = [];
  const providers = await mapSome(manifest.providers ?? [], (entry) => previewProvider(broker, entry, problems));
  const desired = [
    ...(manifest.return_origins ?? []).map((entry) => describe(entry, toFields(entry.value))),
    ...(manifest.issuers ?? []).map((entry) => describe(entry, toFields(entry.value))),
    ...providers.flatMap((provider) => provider ?? []),
    ...(manifest.agents ?? []).flatMap(describeAgent),
    ...(manifest.keys ?? []).map((entry) => describeKey(entry, entry.value, null, [])),
    ...(manifest.webhooks ?? []).map(describeWebhook),
  ];
  return { desired: refuseSameNames(desired, problems), problems };
}

interface Preview {
  readonly profile: Fields & { readonly name: string; readonly client_secret_set: boolean };
  readonly client_secret: SecretVerdict;
}

/** A secret that the manifest does not name is one that it takes away: the Broker would keep it. */
async function askPreview(broker: Api, body: Fields): Promise<Preview & { readonly body: Fields }> {
  const ask = (asked: Fields) => broker.post<Preview>('/admin/v1/providers/preview', asked);
  const preview = await ask(body);
  if (body['client_secret'] !== undefined || !preview.profile.client_secret_set) return { ...preview, body };
  const without = { ...body, client_secret: null };
  return { ...(await ask(without)), body: without };
}

async function previewProvider(broker: Api, entry: Entry<'providers'>, problems: Problem[]): Promise<Desired | null> {
  try {
    const { profile, client_secret, body } = await askPreview(broker, toFields(entry.value));
    const { name } = profile;
    const fields = chosenFields(profile);
    return { ...describe(entry, body), address: `providers/${name}`, name, fields, secret: client_secret };
  } catch (error) {
    if (!(error instanceof Refusal) || error.status >= 500 || [401, 403].includes(error.status)) throw error;
    const { details } = error;
    if (details.length === 0) problems.push({ place: entry.place(), message: `${entry.name}: ${error.message}` });
    for (const { path, message } of details) {
      problems.push({ place: entry.place(toPath(path)), message: `${entry.name}: ${path} ${message}` });
    }
    return null;
  }
}

/** `scopes[0]` and `params.prompt` as steps. */
function toPath(text: string): Path {
  return text.split(/[.[\]]+/).filter((step) => step !== '');
}

/** The name of a template may be an alias, so that two providers turn out to be one only now. */
function refuseSameNames(desired: readonly Desired[], problems: Problem[]): readonly Desired[] {
  return desired.filter((one, at) => {
    const isFirst = desired.findIndex(({ address }) => address === one.address) === at;
    if (!isFirst) problems.push({ place: one.place(), message: `${one.address} is there already` });
    return isFirst;
  });
}

function describe<S extends Section>({ section, name, folder, references, place }: Entry<S>, body: Fields): Desired {
  return {
    section,
    address: `${section}/${name}`,
    name,
    agentId: null,
    fields: body,
    body,
    secret: 'unchanged',
    sink: null,
    isRevoked: false,
    folder,
    references,
    place,
  };
}

function describeAgent(entry: Entry<'agents'>): Desired[] {
  const { keys = [], ...agent } = entry.value;
  return [
    describe(entry, toFields(agent)),
    ...keys.map((key, at) => describeKey(entry, key, agent.agent_id, ['keys', at])),
  ];
}

type KeyValue = SectionValue<'keys'> | NonNullable<SectionValue<'agents'>['keys']>[number];

function describeKey(entry: Entry, key: KeyValue, agentId: string | null, at: Path): Desired {
  const { name, expires_at } = key;
  const prefix = at.map((step) => `${String(step)}.`).join('');
  const role = 'role' in key ? (key.role ?? null) : null;
  return {
    ...describe(entry, {}),
    section: 'keys',
    address: keyAddress(agentId, name),
    name,
    agentId,
    fields: agentId === null ? { role, expires_at } : { expires_at },
    body: agentId === null ? { name, role, expires_at } : { name, expires_at },
    sink: key.write_to ?? null,
    isRevoked: key.revoked === true,
    references: referencesBelow(entry.references, prefix),
    place: (path = []) => entry.place([...at, ...path]),
  };
}

function describeWebhook(entry: Entry<'webhooks'>): Desired {
  const { write_to, ...webhook } = entry.value;
  return { ...describe(entry, toFields(webhook)), sink: write_to };
}

/** Without what was left out. */
function toFields(value: object): Fields {
  return Object.fromEntries(Object.entries(value).filter(([, member]) => member !== undefined));
}

async function mapSome<T, R>(items: readonly T[], map: (item: T) => Promise<R>): Promise<R[]> {
  const results: R[] = [];
  for (let at = 0; at < items.length; at += atOnce) {
    results.push(...(await Promise.all(items.slice(at, at + atOnce).map(map))));
  }
  return results;
}
