/** A plan: the manifest as it is, the Broker as it is, and what is between them. */
import { systemClock } from '@nexus/core/clock';
import { readDelivery } from '../apply/deliver-secret.js';
import { openUndelivered, type Undelivered } from '../apply/undelivered.js';
import { Api } from '../broker.js';
import { type CommandContext, usageError } from '../command.js';
import type { Manifest } from '../manifest/entry.js';
import { refuseProblems } from '../manifest/require-manifest.js';
import { sections } from '../manifest/schema.js';
import { readBrokerSettings } from '../settings.js';
import type { Delivery, Impact, Step, Untouched } from './changes.js';
import { diffManifest } from './diff.js';
import { readDesired } from './read-desired.js';
import { countConnections, movesProvider, readImpact } from './read-impact.js';
import { readLive } from './read-live.js';
import type { Desired, Live } from './resources.js';

export interface PlanOptions {
  /** What is not in the manifest goes, of the sections that it has. */
  readonly prune: boolean;
  /** Also what leaves others without their connections. */
  readonly force: boolean;
  /** Addresses of keys and webhooks that shall have another secret. */
  readonly rotate: readonly string[];
}

export interface MadePlan {
  readonly broker: Api;
  readonly address: URL;
  readonly undelivered: Undelivered;
  readonly options: PlanOptions;
  readonly steps: readonly Step[];
  readonly untouched: readonly Untouched[];
  readonly desired: readonly Desired[];
  /** What the manifest is about, and what goes. */
  readonly live: readonly Live[];
}

/** @throws CommandError, with every problem the Broker has with the manifest. */
export async function makePlan(manifest: Manifest, options: PlanOptions, context: CommandContext): Promise<MadePlan> {
  const settings = await readBrokerSettings(context);
  const broker = new Api(settings);
  const undelivered = openUndelivered(settings.url, context.env);
  const { desired, problems } = await readDesired(broker, manifest);
  refuseProblems(problems);
  const rotate = readRotate(options, desired);
  const keyed = new Set(desired.flatMap(({ section, agentId }) => (section === 'keys' && agentId ? [agentId] : [])));
  const present = sections.filter((section) => manifest[section] !== undefined);
  const now = systemClock.now();
  const live = await readLive(broker, { sections: present, keyedAgents: (id) => keyed.has(id), now });
  const deliveries = await readDeliveries(desired, undelivered);
  const isInUse = (one: Live) => isSameKey(settings.apiKey, one);
  const { steps, untouched } = diffManifest({ desired, live, prune: options.prune, deliveries, rotate, now, isInUse });
  const concerned = new Set([...desired, ...steps.flatMap((step) => step.live)].map(({ address }) => address));
  return {
    broker,
    address: settings.url,
    undelivered,
    options,
    steps: await describeImpacts(broker, steps, options),
    untouched,
    desired,
    live: live.filter(({ address }) => concerned.has(address)),
  };
}

/** @throws CommandError for what has no secret of its own */
function readRotate({ rotate }: PlanOptions, desired: readonly Desired[]): ReadonlySet<string> {
  const known = desired.filter(({ sink }) => sink !== null).map(({ address }) => address);
  const unknown = rotate.find((address) => !known.includes(address));
  if (unknown !== undefined) throw usageError(`${unknown} is no key and no webhook of the manifest`);
  return new Set(rotate);
}

async function describeImpacts(broker: Api, steps: readonly Step[], options: PlanOptions): Promise<Step[]> {
  const described: Step[] = [];
  for (const step of steps) described.push(describeImpact(step, await readImpact(broker, step), options));
  return described;
}

async function readDeliveries(desired: readonly Desired[], undelivered: Undelivered): Promise<Map<string, Delivery>> {
  const deliveries = new Map<string, Delivery>();
  for (const one of desired) {
    const delivery = await readDelivery(one, undelivered);
    if (delivery !== null) deliveries.set(one.address, delivery);
  }
  return deliveries;
}

/** The prefix tells some roles apart, the last four characters nearly all keys: more than these a read does not show. */
export function isSameKey(apiKey: string | null, { key }: Live): boolean {
  if (key === null) return false;
  const prefixes: Readonly<Record<string, string>> = {
    admin: 'nxa_',
    operator: 'nxa_',
    auditor: 'nxu_',
    gateway: 'nxg_',
    app: 'nxp_',
    agent: 'nxk_',
  };
  return apiKey?.endsWith(key.lastFour) === true && apiKey.startsWith(prefixes[key.role] ?? 'nx');
}

function describeImpact(step: Step, impact: Impact | null, { force }: PlanOptions): Step {
  const { connections = 0, pending = 0 } = impact ?? {};
  if (connections + pending > 0 && movesProvider(step)) {
    const note = 'connections stay bound to the origin they were made at: connect them again, or rebind the provider';
    return { ...step, impact, notes: [...step.notes, note] };
  }
  const isRefused = step.refused === null && connections + pending > 0 && !force;
  const refused = isRefused ? `${countConnections(connections, pending)} would end; --force ends them` : step.refused;
  return { ...step, impact, refused };
}
