/** What text is shown on, and how a line gets there. */

export interface Screen {
  /** Null where nothing limits a line: text is neither cut nor folded. */
  readonly columns: number | null;
  readonly colour: boolean;
  readonly isTerminal: boolean;
}

export type Style = 'bold' | 'dim' | 'red' | 'green' | 'yellow' | 'cyan';

/** Text with a style, which shows where there is colour. */
export type Piece = string | { readonly text: string; readonly style: Style };

/** Without line breaks. */
export type Line = Piece | readonly Piece[];

/** What data looks like to people. */
export type View<T> = (data: T, screen: Screen) => readonly Line[];

const codes: Readonly<Record<Style, number>> = { bold: 1, dim: 2, red: 31, green: 32, yellow: 33, cyan: 36 };

interface Shown {
  readonly isTTY?: boolean | undefined;
  readonly columns?: number | undefined;
}

interface ScreenInput {
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly stream: Shown;
  readonly noColour: boolean;
}

/** NO_COLOR as no-color.org has it: any value but the empty one. */
export function readScreen({ env, stream, noColour }: ScreenInput): Screen {
  const isTerminal = stream.isTTY === true;
  const refusesColour = noColour || (env['NO_COLOR'] ?? '') !== '' || env['TERM'] === 'dumb';
  return { columns: columnsOf(stream), colour: isTerminal && !refusesColour, isTerminal };
}

/** Null where it is no terminal. Some that do not know their width say that it is 0. */
export function columnsOf({ isTTY, columns }: Shown): number | null {
  return isTTY === true ? columns || 80 : null;
}

export function styled(style: Style, text: string): Piece {
  return { text, style };
}

export function textOf(piece: Piece): string {
  return typeof piece === 'string' ? piece : piece.text;
}

export function withText(piece: Piece, text: string): Piece {
  return typeof piece === 'string' ? text : { text, style: piece.style };
}

/**
 * What moves a terminal's cursor, turns its text around, or makes two names look like one: control and format characters,
 * but for those that join letters of a script and parts of a picture, and those of Arabic that one sees.
 */
export const deceptive = /(?![\u0600-\u0605\u06dd\u070f\u200c\u200d])[\p{Cc}\p{Cf}\p{Zl}\p{Zp}]/gu;

/** Without what deceives: messages and names come from elsewhere. */
export function plain(text: string): string {
  return text.replaceAll(deceptive, '\u{fffd}');
}

export function renderLine(line: Line, { colour }: Screen): string {
  const pieces = typeof line === 'string' || 'text' in line ? [line] : line;
  return pieces
    .map((piece) => {
      const text = plain(textOf(piece));
      return typeof piece === 'string' || !colour ? text : `\u001b[${codes[piece.style]}m${text}\u001b[0m`;
    })
    .join('');
}
