/** One thing as its fields: names in a column, values folded beside it and never cut. */
import { type Line, type Piece, plain, type Screen, styled, textOf, withText } from './screen.js';
import { fold, pad, widthOf } from './width.js';

/** Several values stand below each other. A field without any is left out. */
export type Field = readonly [name: string, value: Piece | readonly Piece[] | null];

const gap = 2;
const leastWidth = 20;

export function fieldLines(fields: readonly Field[], screen: Screen): Line[] {
  const shown = fields.map(([name, value]) => [name, toList(value)] as const).filter(([, values]) => values.length > 0);
  const nameWidth = Math.max(0, ...shown.map(([name]) => widthOf(name))) + gap;
  const room = screen.columns === null ? null : Math.max(leastWidth, screen.columns - nameWidth);
  return shown.flatMap(([name, values]) => {
    const lines = values.flatMap((value) => fold(plain(textOf(value)), room).map((text) => withText(value, text)));
    return lines.map(
      (line, at): Line => [at === 0 ? styled('dim', pad(name, nameWidth)) : ' '.repeat(nameWidth), line],
    );
  });
}

function toList(value: Field[1]): readonly Piece[] {
  if (value === null) return [];
  return typeof value === 'string' || 'text' in value ? [value] : value;
}
