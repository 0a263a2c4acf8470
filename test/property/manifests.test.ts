/** Whatever a manifest says: an export of what it made, applied to an empty Broker, makes the same. */
import { readFile } from 'node:fs/promises';
import fc from 'fast-check';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { parse, stringify } from 'yaml';
import { type ManifestWorld, startManifestWorld } from '../cli/manifest-world.js';
import { type RandomManifest, randomManifest } from '../support/random-manifest.js';

/** `npm run property:manifests -- --runs N --seed N` sets these. */
const { NEXUS_MANIFESTS_RUNS: runs = '3', NEXUS_MANIFESTS_SEED: seed } = process.env;
const numRuns = Number(runs);
const usedSeed = seed === undefined ? Math.floor(Math.random() * 2 ** 31) : Number(seed);

let worlds: readonly [ManifestWorld, ManifestWorld];
let round = 0;
beforeAll(async () => {
  worlds = await Promise.all([startManifestWorld(), startManifestWorld()]);
});
afterAll(() => Promise.all((worlds ?? []).map((world) => world.close())));

it(
  `an export applied to an empty Broker leaves no difference (seed ${usedSeed})`,
  async () => {
    await fc.assert(fc.asyncProperty(randomManifest, checkManifest), {
      seed: usedSeed,
      numRuns,
      endOnFailure: numRuns > 50,
    });
    process.stdout.write(`manifests: seed ${usedSeed}, ${numRuns} runs\n`);
  },
  60_000 + numRuns * 10_000,
);

async function checkManifest(manifest: RandomManifest): Promise<void> {
  const [first, second] = worlds;
  await Promise.all(worlds.map(empty));
  round += 1;
  // A dollar sign of a value is written as two.
  const source = stringify(manifest).replaceAll('$', '$$$$');
  const file = await first.write(`${round}/source.yaml`, source);
  await expectApplied(first, file);
  const exported = await exportTo(first, `${round}/exported.yaml`);
  const copy = await second.write(`${round}/exported.yaml`, await readFile(exported, 'utf8'));
  await expectApplied(second, copy);
  expect(await readAll(second)).toEqual(await readAll(first));
  const again = await exportTo(second, `${round}/again.yaml`);
  expect(sorted(parse(await readFile(again, 'utf8')))).toEqual(sorted(parse(await readFile(exported, 'utf8'))));
}

async function expectApplied(world: ManifestWorld, file: string): Promise<void> {
  const env = await secretsOf(file);
  const applied = await world.runWith(env, 'apply', '-f', file, '--auto-approve');
  expect({ ...applied, stdout: '' }).toEqual({ code: 0, stdout: '', stderr: '' });
  const planned = await world.runWith(env, 'plan', '-f', file, '--prune', '--json');
  expect({ ...JSON.parse(planned.stdout).changes }).toEqual({});
}

/** Every placeholder of an export has the secret of the original. */
async function secretsOf(file: string): Promise<Record<string, string>> {
  const names = (await readFile(file, 'utf8')).matchAll(/^# {3}(\w+_CLIENT_SECRET)$/gm);
  return Object.fromEntries([...names].map(([, name = '']) => [name, 'fixture-client-secret']));
}

/** All that a manifest decides, as the Broker itself tells it. */
async function readAll({ read }: ManifestWorld) {
  const { agents } = await read('/admin/v1/agents');
  const ofAgents = agents.map(async ({ agent_id }: { agent_id: string }) => read(`/admin/v1/agents/${agent_id}/keys`));
  const lists = await Promise.all([
    read('/admin/v1/providers'),
    agents,
    ...['return-origins', 'issuers', 'webhooks', 'keys'].map((name) => read(`/admin/v1/${name}`)),
    ...ofAgents,
  ]);
  const own = ['id', 'version', 'created_at', 'updated_at', 'last_four', 'last_used_at'];
  const chosen = (one: object) => Object.fromEntries(Object.entries(one).filter(([name]) => !own.includes(name)));
  const items = lists.flatMap((list) => (Array.isArray(list) ? list : Object.values(list)[0]) as object[]);
  const live = items.filter((one) => (one as { revoked_at?: string | null }).revoked_at == null);
  return live.map((one) => JSON.stringify(chosen(one), (_key, value) => sortMembers(value))).sort();
}

function sortMembers(value: unknown): unknown {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return value;
  return Object.fromEntries(Object.entries(value).sort(([a], [b]) => (a < b ? -1 : 1)));
}

async function exportTo(world: ManifestWorld, name: string): Promise<string> {
  const { code, stderr } = await world.run('export', '--out', world.at(name));
  expect({ code, stderr }).toEqual({ code: 0, stderr: `wrote ${world.at(name)}\n` });
  return world.at(name);
}

/** Keys are left alone by --prune, so they are taken away as an administrator would. */
async function empty(world: ManifestWorld): Promise<void> {
  const nothing = 'providers: []\nagents: []\nreturn_origins: []\nissuers: []\nwebhooks: []\n';
  const file = await world.write('nothing.yaml', nothing);
  const pruned = await world.run('apply', '-f', file, '--prune', '--force', '--auto-approve');
  expect({ ...pruned, stdout: '' }).toEqual({ code: 0, stdout: '', stderr: '' });
  const { keys } = await world.read('/admin/v1/keys');
  for (const { id, name, revoked_at } of keys) {
    if (revoked_at !== null || name.startsWith('first ')) continue;
    await world.stack.broker('DELETE', `/admin/v1/keys/${id}`);
  }
}

/** In whatever order a Broker lists them. */
function sorted(manifest: Readonly<Record<string, readonly unknown[]>>) {
  const text = (value: unknown) => JSON.stringify(value);
  const withoutFiles = (value: unknown) => JSON.parse(text(value).replaceAll(/"file":"[^"]*"/g, '"file":""'));
  return Object.fromEntries(
    Object.entries(manifest).map(([name, items]) => [
      name,
      items.map(withoutFiles).sort((a, b) => (text(a) < text(b) ? -1 : 1)),
    ]),
  );
}
