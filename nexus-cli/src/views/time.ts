import type { Screen } from './screen.js';

/** On a terminal to the minute, in UTC; elsewhere as the Broker says it. */
export function timeText(instant: string | null, { isTerminal }: Screen): string {
  if (instant === null) return '-';
  const match = /^(\d{4}-\d\d-\d\d)T(\d\d:\d\d):\d\d(?:\.\d+)?Z$/.exec(instant);
  return isTerminal && match !== null ? `${match[1]} ${match[2]}` : instant;
}
