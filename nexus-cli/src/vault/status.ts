import type { KeyRing } from '@nexus/broker-api/vault';
import { Broker } from '../broker.js';
import { type Command, exits, print, printJson, readArgs } from '../command.js';
import { readSettings, settingsHelp } from '../settings.js';
import { formatTable } from '../table.js';

export const vaultStatus: Command = {
  name: 'vault status',
  summary: 'Show the key ring: keys, what they seal, the Brokers that know them, re-sealing under way.',
  help: `Usage: nexus-cli vault status [--json]

Example:
  NEXUS_API_KEY_FILE=data/admin.key nexus-cli vault status

Roles: admin, auditor.

${settingsHelp}`,
  async run(args, { env, stdout }) {
    const { values } = readArgs(args, { json: { type: 'boolean', default: false } });
    const ring = await new Broker(readSettings(env)).get<KeyRing>('/admin/v1/vault');
    if (values.json) printJson(stdout, ring);
    else for (const line of describe(ring)) print(stdout, line);
    return exits.done;
  },
};

function describe({ keks, keys, replicas, resealing }: KeyRing): string[] {
  return [
    'Key-encryption keys',
    ...formatTable([['ID', 'STATE', 'WRAPS'], ...keks.map((kek) => [kek.id, kek.state, `${kek.data_keys}`])]),
    '',
    'Data keys',
    ...formatTable([
      ['ID', 'PURPOSE', 'STATE', 'WRAPPED BY', 'VALUES', 'CREATED'],
      ...keys.map((key) => [
        `${key.id}`,
        key.purpose,
        key.state,
        key.wrapped_by,
        key.rows === null ? '-' : `${key.rows}`,
        key.created_at,
      ]),
    ]),
    '',
    'Brokers',
    ...formatTable([
      ['ID', 'VERSION', 'SEEN', 'HOLDS'],
      ...replicas.map(({ id, version, seen_at, keks: held }) => [id, version, seen_at, held.join(' ')]),
    ]),
    ...(resealing.length === 0 ? [] : ['', 'Re-sealing']),
    ...(resealing.length === 0 ? [] : formatTable(describeResealing(resealing))),
  ];
}

function describeResealing(resealing: KeyRing['resealing']): string[][] {
  return [
    ['KEY', 'OF', 'DONE', 'LEFT', 'FAILED', 'FINISHED'],
    ...resealing.map((one) => [
      `${one.key_id}`,
      one.target,
      `${one.resealed}`,
      `${one.remaining}`,
      `${one.failed}`,
      one.finished_at ?? '-',
    ]),
  ];
}
