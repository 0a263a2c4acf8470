/** A plan as people read it. */
import type { JsonValue } from '@nexus/core/canonical-json';
import { type Line, type Piece, plain, type Screen, type Style, styled } from '../views/screen.js';
import { fold, pad, widthOf } from '../views/width.js';
import type { Action, Change, FieldChange, Impact, Untouched } from './changes.js';
import { countConnections } from './read-impact.js';

interface ShownPlan {
  readonly changes: readonly Change[];
  readonly untouched: readonly Untouched[];
}

const signs: { readonly [A in Action]: { readonly sign: string; readonly style: Style; readonly done: string } } = {
  create: { sign: '+', style: 'green', done: 'created' },
  update: { sign: '~', style: 'yellow', done: 'changed' },
  replace: { sign: '±', style: 'yellow', done: 'replaced' },
  delete: { sign: '-', style: 'red', done: 'deleted' },
};

export function viewPlan({ changes, untouched }: ShownPlan, screen: Screen): Line[] {
  const lines = changes.flatMap((change): Line[] => [...viewChange(change, screen), '']);
  const room = screen.columns === null ? null : Math.max(leastRoom, screen.columns - 2);
  const notes = untouched.flatMap(({ address, note }) =>
    fold(`${address}: ${note}`, room).map((line): Line => [styled('dim', `  ${line}`)]),
  );
  return [...lines, ...notes, ...(notes.length > 0 ? [''] : []), summarize(changes)];
}

export function viewChanges(changes: readonly Change[], screen: Screen): Line[] {
  return changes.flatMap((change) => viewChange(change, screen));
}

/** Such as `2 to create, 1 to change`. */
function summarize(changes: readonly Change[]): Line {
  const verbs = { create: 'to create', update: 'to change', replace: 'to replace', delete: 'to delete' };
  const counted = Object.entries(verbs).flatMap(([action, verb]) => {
    const count = changes.filter((change) => change.action === action).length;
    return count === 0 ? [] : [`${count} ${verb}`];
  });
  const refused = changes.filter((change) => change.refused !== null).length;
  if (counted.length === 0) return 'Nothing to do: the Broker has what the manifest says.';
  return styled('bold', `${[...counted, ...(refused > 0 ? [`${refused} refused`] : [])].join(', ')}.`);
}

export function headLine({ action, address }: Pick<Change, 'action' | 'address'>, note = ''): Piece[] {
  const { sign, style } = signs[action];
  return [styled(style, `${sign} ${address}`), note];
}

export function describeDone({ action }: Pick<Change, 'action'>): string {
  return signs[action].done;
}

function viewChange(change: Change, screen: Screen): Line[] {
  const { fields, notes, impact, refused, action } = change;
  const width = Math.max(0, ...fields.map(({ path }) => widthOf(path)));
  const paragraph = (text: string, style?: Style) =>
    fold(text, screen.columns === null ? null : Math.max(leastRoom, screen.columns - 4)).map((line): Line => {
      return style === undefined ? `    ${line}` : [styled(style, `    ${line}`)];
    });
  return [
    headLine(change),
    ...fields.flatMap((field) => viewField(field, action, width, screen)),
    ...notes.flatMap((note) => paragraph(note)),
    ...(impact === null ? [] : paragraph(`concerns ${describeImpact(impact)}`, 'yellow')),
    ...(refused === null ? [] : paragraph(`refused: ${refused}`, 'red')),
  ];
}

const leastRoom = 16;

/** Nothing is cut: what a person agrees to has to be what is there. */
function viewField(field: FieldChange, action: Action, width: number, { columns }: Screen): Line[] {
  const name = `    ${pad(field.path, width)}  `;
  const why = field.template ? '  (the template changed)' : '';
  const whole = columns === null ? Number.POSITIVE_INFINITY : columns;
  if (field.secret) return [[name, describeSecret(field, action)]];
  const after = describeValue(field.after);
  if (action === 'create') {
    if (widthOf(name) + widthOf(after) <= whole) return [[name, styled('green', after)]];
    return [name.trimEnd(), ...viewValue('', after, 'green', whole)];
  }
  const before = describeValue(field.before);
  if (widthOf(name) + widthOf(before) + 3 + widthOf(after) + widthOf(why) <= whole) {
    const told = [name, styled('red', before), ' → ', styled('green', after)];
    return [why === '' ? told : [...told, styled('dim', why)]];
  }
  return [
    name.trimEnd(),
    ...(why === '' ? [] : [styled('dim', `    ${why}`)]),
    ...viewValue('- ', before, 'red', whole),
    ...viewValue('+ ', after, 'green', whole),
  ];
}

function viewValue(sign: string, text: string, style: Style, columns: number): Line[] {
  const indent = 6 + sign.length;
  return breakText(text, Math.max(leastRoom, columns - indent)).map(
    (part, at): Line => [`      ${at === 0 ? sign : ' '.repeat(sign.length)}`, styled(style, part)],
  );
}

/** In parts of at most `width` columns, wherever that is: a value has no better places. */
function breakText(text: string, width: number): string[] {
  const parts: string[] = [];
  let part = '';
  for (const character of plain(text)) {
    if (widthOf(part + character) > width) {
      parts.push(part);
      part = '';
    }
    part += character;
  }
  return [...parts, part];
}

function describeSecret({ from }: FieldChange, action: Action): string {
  const words = [from === undefined ? 'secret' : `from ${from}`, ...(action === 'create' ? [] : ['changed'])];
  return `(${words.join(', ')})`;
}

function describeValue(value: JsonValue | undefined): string {
  return value === undefined ? 'nothing' : JSON.stringify(value);
}

function describeImpact({ connections, pending, agents, keys, sessions }: Impact): string {
  const parts = [
    connections + pending === 0 ? null : countConnections(connections, pending),
    count(agents.length, 'agent', agents),
    count(keys, 'live key'),
    count(sessions, 'open session'),
  ];
  return parts.filter((part) => part !== null).join(', ');
}

function count(number: number, what: string, names: readonly string[] = []): string | null {
  if (number === 0) return null;
  const shown = names.slice(0, 5).join(', ');
  const more = names.length > 5 ? ', …' : '';
  return `${number} ${what}${number === 1 ? '' : 's'}${shown === '' ? '' : ` (${shown}${more})`}`;
}
