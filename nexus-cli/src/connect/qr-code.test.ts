import { encode } from 'uqr';
import { expect, it } from 'vitest';
import { renderQrCode } from './qr-code.js';

const link = `https://connect.example.com/connect/nxt_${'EXAMPLE'.padEnd(49, 'x')}`;
const screen = { columns: 80, colour: false };
/** Which of the two modules of a character are light. */
const halves: Readonly<Record<string, readonly [boolean, boolean]>> = {
  '█': [true, true],
  '▀': [true, false],
  '▄': [false, true],
  ' ': [false, false],
};

it('draws every module, two to a character', () => {
  const lines = renderQrCode(link, screen) ?? [];
  const isLight = (x: number, y: number) => halves[lines[Math.floor(y / 2)]?.[x] ?? '']?.[y % 2];
  const { data, size } = encode(link, { ecc: 'L', border: 2 });
  const drawn = data.map((row, y) => row.map((_dark, x) => isLight(x, y)));
  expect(drawn).toEqual(data.map((row) => row.map((dark) => !dark)));
  expect(lines).toHaveLength(Math.ceil(size / 2));
});

it('is not drawn where it does not fit', () => {
  const width = renderQrCode(link, screen)?.[0]?.length ?? 0;
  expect(renderQrCode(link, { ...screen, columns: width })).toHaveLength(Math.ceil(width / 2));
  expect(renderQrCode(link, { ...screen, columns: width - 1 })).toBeNull();
});

it('names its own colours where there are any, since readers want it dark on light', () => {
  for (const line of renderQrCode(link, { ...screen, colour: true }) ?? []) {
    expect(line.replaceAll('\u001b', '␛')).toMatch(/^␛\[97;40m[█▀▄ ]+␛\[0m$/);
  }
});
