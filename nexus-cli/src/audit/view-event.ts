/** One entry of the log on one line, so that entries can be shown as they come. */
import type { AuditPage } from '@nexus/broker-api/audit';
import { type Line, type Piece, plain, type Screen, styled, textOf, withText } from '../views/screen.js';
import { cut, pad, widthOf } from '../views/width.js';

export type AuditEvent = AuditPage['events'][number];

const outcomeStyles = { success: 'green', failure: 'red', refused: 'yellow' } as const;
const widths = { seq: 6, type: 25, outcome: 7 };
/** Below this a terminal has no room for the year and fractions of a second. */
const wideColumns = 120;

/** What it was about, in the order in which it narrows. */
const subjects = ['provider_name', 'workspace_id', 'connection_ref', 'agent_id', 'session_id', 'acting_for'] as const;

export function viewEvent(event: AuditEvent, screen: Screen): Line {
  const { outcome, created_at: time } = event;
  const isNarrow = screen.columns !== null && screen.columns < wideColumns;
  const data = Object.entries(event.data).map(([name, value]) => `${name}=${tell(value)}`);
  const cells: readonly Piece[] = [
    styled('dim', isNarrow ? `${time.slice(5, 10)} ${time.slice(11, 19)}` : time),
    pad(event.seq === null ? '-' : `${event.seq}`, widths.seq),
    pad(event.event_type, widths.type),
    styled(outcomeStyles[outcome], pad(outcome, widths.outcome)),
    [...subjects.flatMap((name) => event[name] ?? []), `by ${describeActor(event)}`, ...data].join(' '),
  ];
  const pieces = cells.flatMap((cell, at) => (at === 0 ? [cell] : [' ', cell]));
  return screen.columns === null ? pieces : cutLine(pieces, screen.columns);
}

function describeActor({ actor: { type, id, key_hint: hint } }: AuditEvent): string {
  const named = hint ?? id;
  return named === null ? type : `${type} ${named}`;
}

function tell(value: unknown): string {
  return typeof value === 'string' ? value : JSON.stringify(value);
}

/** Ends with the piece that did not fit. */
function cutLine(pieces: readonly Piece[], columns: number): Piece[] {
  let room = columns;
  return pieces.flatMap((piece) => {
    const whole = plain(textOf(piece));
    const text = cut(whole, room);
    room = text === whole ? room - widthOf(whole) : 0;
    return text === '' ? [] : [withText(piece, text)];
  });
}
