/** Rows in columns, fitted to the screen: cells are cut, never folded. */
import { type Line, type Piece, plain, type Screen, styled, textOf, withText } from './screen.js';
import { cut, pad, widthOf } from './width.js';

export interface Column {
  readonly title: string;
  /** Is cut only after everything else was: half of an id is of no use. */
  readonly keep?: true;
  /** Is left out, the last one first, where all cannot have the room they need. */
  readonly spare?: true;
}

interface Table {
  readonly columns: readonly (string | Column)[];
  readonly rows: readonly (readonly Piece[])[];
  /** Columns left free before each line. */
  readonly indent?: number;
}

const gap = 2;
/** As little as a cell is cut to before the columns that want to be kept lose anything. */
const leastWidth = 8;

/** A column with its cells, and the width they would like to have. */
interface Measured extends Column {
  readonly cells: readonly Piece[];
  readonly natural: number;
}

export function tableLines({ columns, rows, indent = 0 }: Table, screen: Screen): Line[] {
  const measured = columns.map((column, at) => {
    const declared = typeof column === 'string' ? { title: column } : column;
    return measure(
      declared,
      rows.map((row) => row[at] ?? ''),
    );
  });
  const room = screen.columns === null ? null : screen.columns - indent;
  const shown = room === null ? measured : leaveOut(measured, room);
  const widths = room === null ? shown.map(({ natural }) => natural) : shrink(shown, room);
  return [-1, ...rows.keys()].map((row) => {
    const cells = shown.map(({ title, cells }) => (row === -1 ? styled('bold', title) : (cells[row] ?? '')));
    return [' '.repeat(indent), ...layOut(cells, widths)];
  });
}

function measure(column: Column, cells: readonly Piece[]): Measured {
  const natural = Math.max(widthOf(column.title), ...cells.map((cell) => widthOf(plain(textOf(cell)))));
  return { ...column, cells, natural };
}

function leastOf({ title, keep, natural }: Measured): number {
  return keep ? natural : Math.min(natural, Math.max(leastWidth, widthOf(title)));
}

function leaveOut(columns: readonly Measured[], room: number): readonly Measured[] {
  const needed = columns.reduce((sum, column) => sum + leastOf(column) + gap, -gap);
  const spare = columns.findLastIndex((column) => column.spare);
  return needed <= room || spare === -1 ? columns : leaveOut(columns.toSpliced(spare, 1), room);
}

function layOut(cells: readonly Piece[], widths: readonly number[]): Piece[] {
  const last = cells.findLastIndex((cell) => textOf(cell) !== '');
  return cells.slice(0, last + 1).flatMap((cell, at) => {
    const width = widths[at] ?? 0;
    const text = cut(plain(textOf(cell)), width);
    const space = at === last ? '' : pad(text, width + gap).slice(text.length);
    return space === '' ? [withText(cell, text)] : [withText(cell, text), space];
  });
}

/** Takes from the widest column there is until all fit, first from those that need not be kept. */
function shrink(columns: readonly Measured[], room: number): number[] {
  const widths = columns.map(({ natural }) => natural);
  let excess = widths.reduce((sum, width) => sum + width + gap, -gap) - room;
  const widthAt = (at: number) => widths[at] ?? 0;
  for (const leasts of [columns.map(leastOf), columns.map(() => 1)]) {
    while (excess > 0) {
      const shrinkable = [...widths.keys()].filter((at) => widthAt(at) > (leasts[at] ?? 0));
      if (shrinkable.length === 0) break;
      const widest = shrinkable.reduce((best, at) => (widthAt(at) > widthAt(best) ? at : best));
      widths[widest] = widthAt(widest) - 1;
      excess -= 1;
    }
  }
  return widths;
}
