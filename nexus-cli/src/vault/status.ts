import type { KeyRing } from '@nexus/broker-api/vault';
import { jsonOption } from '../arguments.js';
import { openBroker } from '../broker.js';
import { defineCommand, exits } from '../command.js';
import { present } from '../print.js';
import { type Line, type Screen, styled } from '../views/screen.js';
import { type Column, tableLines } from '../views/table.js';
import { timeText } from '../views/time.js';

export const vaultStatus = defineCommand({
  options: { json: jsonOption },
  args: {},
  examples: ['vault status'],
  roles: ['admin', 'auditor'],
  async run({ options }, context) {
    const data = await (await openBroker(context)).get<KeyRing>('/admin/v1/vault');
    present({ data, view: viewKeyRing, isJson: options.json }, context);
    return exits.done;
  },
});

function viewKeyRing(ring: KeyRing, screen: Screen): Line[] {
  const section = (title: string, columns: readonly (string | Column)[], rows: readonly string[][]): Line[] => [
    styled('bold', title),
    ...tableLines({ columns, rows, indent: 2 }, screen),
  ];
  const { resealing } = ring;
  const id = { title: 'ID', keep: true } as const;
  return [
    ...section('Key-encryption keys', [id, 'STATE', 'WRAPS'], ring.keks.map(rowOfKek)),
    '',
    ...section(
      'Data keys',
      [id, 'PURPOSE', 'STATE', 'WRAPPED BY', 'VALUES', { title: 'CREATED', keep: true, spare: true }],
      ring.keys.map((key) => rowOfKey(key, screen)),
    ),
    '',
    ...section(
      'Brokers',
      [{ title: 'ID' }, 'VERSION', { title: 'SEEN', keep: true }, 'HOLDS'],
      ring.replicas.map((replica) => rowOfReplica(replica, screen)),
    ),
    ...(resealing.length === 0
      ? []
      : [
          '',
          ...section(
            'Re-sealing',
            ['KEY', 'OF', 'DONE', 'LEFT', 'FAILED', 'FINISHED'],
            resealing.map((work) => rowOfWork(work, screen)),
          ),
        ]),
  ];
}

function rowOfKek({ id, state, data_keys }: KeyRing['keks'][number]): string[] {
  return [id, state, `${data_keys}`];
}

function rowOfKey(
  { id, purpose, state, wrapped_by, rows, created_at }: KeyRing['keys'][number],
  screen: Screen,
): string[] {
  return [`${id}`, purpose, state, wrapped_by, rows === null ? '-' : `${rows}`, timeText(created_at, screen)];
}

function rowOfReplica({ id, version, seen_at, keks }: KeyRing['replicas'][number], screen: Screen): string[] {
  return [id, version, timeText(seen_at, screen), keks.join(' ')];
}

function rowOfWork(
  { key_id, target, resealed, remaining, failed, finished_at }: KeyRing['resealing'][number],
  screen: Screen,
): string[] {
  return [`${key_id}`, target, `${resealed}`, `${remaining}`, `${failed}`, timeText(finished_at, screen)];
}
