import type { ProviderProfile } from '@nexus/broker-api/providers';
import type { Field } from '../views/fields.js';
import { type Screen, styled } from '../views/screen.js';
import { timeText } from '../views/time.js';

export const providerColumns = [
  { title: 'NAME', keep: true },
  'TYPE',
  'DISPLAY NAME',
  'CLIENT',
  { title: 'CHANGED', keep: true, spare: true },
  { title: 'ID', keep: true, spare: true },
] as const;

export function providerRow(profile: ProviderProfile, screen: Screen): string[] {
  const { name, auth_type, display_name, client_id, updated_at, id } = profile;
  return [name, auth_type, display_name, client_id ?? '-', timeText(updated_at, screen), id];
}

/** All that is set: a profile has many fields, and most have nothing to say. */
export function providerFields(profile: ProviderProfile, screen: Screen): Field[] {
  const { name, id, client_id, client_secret_set, created_at, updated_at, ...rest } = profile;
  const fields = Object.entries(rest).map(([field, value]): Field => [field, describeValue(value)]);
  const secret = client_secret_set ? styled('green', 'set') : styled('dim', 'not set');
  return [
    ['name', name],
    ['id', id],
    ['client_id', client_id],
    ['client_secret', client_id === null ? null : secret],
    ...fields,
    ['created_at', timeText(created_at, screen)],
    ['updated_at', timeText(updated_at, screen)],
  ];
}

/** Members of members stand on lines of their own, `paths.scope: scope`. What is empty says nothing. */
function describeValue(value: unknown): string | readonly string[] | null {
  if (value === null || value === undefined || value === false || value === '') return null;
  if (Array.isArray(value)) return value.map(describeMember);
  return typeof value === 'object' ? listMembers(value, '') : describeMember(value);
}

function listMembers(value: object, prefix: string): string[] {
  return Object.entries(value).flatMap(([name, member]: [string, unknown]) => {
    if (member === null || member === undefined) return [];
    const isNested = typeof member === 'object' && !Array.isArray(member);
    return isNested ? listMembers(member, `${prefix}${name}.`) : [`${prefix}${name}: ${describeMember(member)}`];
  });
}

/** A text that would not be seen stands in quotes. */
function describeMember(value: unknown): string {
  return typeof value === 'string' && value.trim() !== '' ? value : JSON.stringify(value);
}
