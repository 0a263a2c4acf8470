/** One step of a plan, in as many requests as it takes; what is left when it ends anywhere between them, the next plan sees. */
import type { KeyCreated } from '@nexus/broker-api/administration';
import type { Api } from '../broker.js';
import { CommandError, exits } from '../command.js';
import type { Step } from '../plan/changes.js';
import type { Desired, Fields, Live } from '../plan/resources.js';
import { deliverNew, type Made } from './deliver-new.js';
import { requireUnmoved } from './require-unmoved.js';
import type { Undelivered } from './undelivered.js';

export interface PerformDeps {
  readonly broker: Api;
  readonly undelivered: Undelivered;
  /** Whether live connections may end with their provider. */
  readonly force: boolean;
}

/** @throws CommandError */
export async function performStep(deps: PerformDeps, step: Step): Promise<void> {
  await requireUnmoved(deps.broker, step);
  if (step.section === 'keys') return performKey(deps, step);
  const { desired, live, action } = step;
  const [current] = live;
  if (desired === null) return current && remove(deps, current);
  if (current === undefined) return create(deps, desired);
  if (action === 'replace') return replace(deps, desired, current);
  return update(deps, desired, current, step);
}

const paths: { readonly [S in Exclude<Step['section'], 'keys'>]: string } = {
  return_origins: '/admin/v1/return-origins',
  issuers: '/admin/v1/issuers',
  providers: '/admin/v1/providers',
  agents: '/admin/v1/agents',
  webhooks: '/admin/v1/webhooks',
};

function pathOf(section: Step['section'], id?: string): string {
  if (section === 'keys') throw new Error('Keys have paths of their own.');
  return id === undefined ? paths[section] : `${paths[section]}/${encodeURIComponent(id)}`;
}

async function remove({ broker, force }: PerformDeps, { section, id }: Live): Promise<void> {
  await broker.delete(pathOf(section, id), section === 'providers' && force ? { force: true } : {});
}

/** Two of them cannot be there at once, so that only what takes its place could tell whether it may. */
async function replace(deps: PerformDeps, desired: Desired, current: Live): Promise<void> {
  await remove(deps, current);
  try {
    await create(deps, desired);
  } catch (error) {
    // The secret of a provider that is gone is gone with it; what it would become, the Broker said beforehand.
    if (!(error instanceof CommandError) || current.section === 'providers') throw error;
    throw await restore(deps, current, error);
  }
}

async function restore({ broker }: PerformDeps, { section, fields }: Live, cause: CommandError): Promise<CommandError> {
  const isBack = await broker.post(pathOf(section), fields).then(
    () => true,
    () => false,
  );
  const told = isBack
    ? 'what was there before is there again'
    : 'what was there before is gone: mend it and apply again';
  return new CommandError(isBack ? exits.refused : cause.exitCode, cause.message, {
    cause: cause.cause,
    advice: [...cause.advice, told],
  });
}

async function create(deps: PerformDeps, desired: Desired): Promise<void> {
  const { broker } = deps;
  const { section, body, name } = desired;
  if (section === 'webhooks') {
    return deliverNew(deps.undelivered, desired, {
      async listBefore() {
        const { webhooks } = await broker.get<{ webhooks: readonly { id: string; url: string }[] }>(pathOf(section));
        return webhooks.filter(({ url }) => url === name).map(({ id }) => id);
      },
      make: () => broker.post<Made>(pathOf(section), body),
    });
  }
  if (section !== 'agents') {
    await broker.post(pathOf(section), body);
    return;
  }
  // Only a change can deactivate an agent.
  const { active, ...registered } = body;
  await broker.post(pathOf(section), registered);
  if (active === false) await broker.patch(pathOf(section, name), { active });
}

/** Sends what differs and nothing else, so that it cannot undo what somebody else changes meanwhile. */
async function update(deps: PerformDeps, desired: Desired, { id, state }: Live, { fields }: Step): Promise<void> {
  const { broker } = deps;
  const { section, body } = desired;
  if (section === 'providers') {
    await broker.put(pathOf(section, id), body, { expected_version: state['version'] as number });
    return;
  }
  const names = new Set(fields.map(({ path }) => path.split('.')[0] ?? ''));
  const isRotated = section === 'webhooks' && names.delete('secret');
  const patch = Object.fromEntries(Object.entries(body).filter(([name]) => names.has(name)));
  if (names.size > 0) await broker.patch(pathOf(section, id), patch);
  if (!isRotated) return;
  await deliverNew(deps.undelivered, desired, {
    listBefore: () => Promise.resolve([]),
    async make() {
      const { secret } = await broker.post<{ secret: string }>(`${pathOf(section, id)}/rotate-secret`, {});
      return { id, secret };
    },
  });
}

/** The new key has arrived before the ones whose place it takes are revoked. */
async function performKey({ broker, undelivered }: PerformDeps, { desired, live }: Step): Promise<void> {
  if (desired !== null) {
    const path = keysPath(desired.agentId);
    await deliverNew(undelivered, desired, {
      async listBefore() {
        const { keys } = await broker.get<{ keys: readonly { id: string; name: string }[] }>(path);
        return keys.filter(({ name }) => name === desired.name).map(({ id }) => id);
      },
      async make() {
        const { id, key } = await broker.post<KeyCreated>(path, withoutNulls(desired.body));
        return { id, secret: key };
      },
      takeBack: async (id) => void (await broker.delete(`${path}/${id}`)),
    });
  }
  for (const { agentId, id } of live) await broker.delete(`${keysPath(agentId)}/${id}`);
}

function keysPath(agentId: string | null): string {
  return agentId === null ? '/admin/v1/keys' : `${pathOf('agents', agentId)}/keys`;
}

function withoutNulls(fields: Fields): Fields {
  return Object.fromEntries(Object.entries(fields).filter(([, value]) => value !== null));
}
