/** A link as a QR code for a terminal: two modules to a character, light ones drawn. */
import { renderUnicodeCompact } from 'uqr';

/** Modules of margin; readers manage with less than the four of the standard. */
const border = 2;

/** The lines, or null where they do not fit. Colour makes it dark on light whatever the terminal's own colours are. */
export function renderQrCode(link: string, { columns, colour }: { columns: number; colour: boolean }): string[] | null {
  const lines = renderUnicodeCompact(link, { ecc: 'L', border }).split('\n');
  const width = lines[0]?.length ?? 0;
  if (width > columns) return null;
  return colour ? lines.map((line) => `\u001b[97;40m${line}\u001b[0m`) : lines;
}
