import type { Key } from '@nexus/broker-api/administration';
import { type Piece, type Screen, styled } from '../views/screen.js';
import { timeText } from '../views/time.js';

/** For the keys of people and applications, and for those of agents. */
export const keyColumns = [
  { title: 'ID', keep: true },
  'NAME',
  'ROLE',
  { title: 'ENDS IN', keep: true, spare: true },
  { title: 'STATE', keep: true },
  { title: 'EXPIRES', keep: true, spare: true },
  { title: 'LAST USED', keep: true, spare: true },
  { title: 'CREATED', keep: true, spare: true },
] as const;

export function keyRow(key: Key, screen: Screen): Piece[] {
  return [
    key.id,
    key.name,
    key.role,
    `…${key.last_four}`,
    key.revoked_at === null ? styled('green', 'live') : styled('dim', 'revoked'),
    timeText(key.expires_at, screen),
    timeText(key.last_used_at, screen),
    timeText(key.created_at, screen),
  ];
}

/** Revoked keys are history, and shown to whoever asks for it. */
export const allKeysOption = { all: { kind: 'flag', help: 'revoked keys, too' } } as const;

export function isShown({ revoked_at }: Key, { options }: { readonly options: { readonly all: boolean } }): boolean {
  return options.all || revoked_at === null;
}
