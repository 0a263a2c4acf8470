import type { ConnectionState } from '@nexus/broker-api/connections';
import { CommandError, exits } from '../command.js';
import { fieldLines } from '../views/fields.js';
import { type Line, type Screen, styled } from '../views/screen.js';

export interface Connected extends ConnectionState {
  /** Only where it was asked to be revealed. */
  readonly connection_id?: string;
}

export function viewConnected(connected: Connected, screen: Screen): Line[] {
  const { account, connection_id: id } = connected;
  return fieldLines(
    [
      ['connection', connected.connection_ref],
      ['connection id', id ?? null],
      ['provider', connected.provider_name],
      ['status', styled(connected.status === 'active' ? 'green' : 'yellow', connected.status)],
      ['account', account === null ? 'not told by the provider' : (account.label ?? account.subject ?? 'not told')],
      ['scopes', connected.scopes.length === 0 ? 'none' : connected.scopes.join(' ')],
    ],
    screen,
  );
}

interface End {
  readonly state: ConnectionState;
  /** Whether the id opens something, or may yet. */
  readonly isUsable: boolean;
}

/** Why there is no connection. */
export function describeEnd({ state, isUsable }: End, waitSeconds: number): CommandError {
  const { status, reason, connection_ref: ref } = state;
  if (status === 'pending') {
    const advice = [
      isUsable ? 'The link can still be used.' : 'Start again for another link: only this run could complete it.',
    ];
    return new CommandError(exits.refused, `nobody finished within ${waitSeconds} s`, { advice });
  }
  const why = reason === null ? '' : `: ${reason.code}, ${reason.message}`;
  return new CommandError(exits.refused, `connection ${ref} is ${status}${why}`, {
    advice: ['Start again for another link.'],
  });
}
