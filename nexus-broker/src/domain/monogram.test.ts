import { describe, expect, it } from 'vitest';
import { drawMonogram } from './monogram.js';

const names = [
  ...[
    'Google',
    'Exact Online',
    'cal.com',
    '微信 支付',
    'Straße',
    'Ünïcode & <Söhne>',
    '1Password',
    '"><script>',
    '🚀',
    'ﬀ',
  ],
  ...Array.from({ length: 500 }, (_, at) => `Provider ${at}`),
];

function decode(url: string): string {
  const [head, data = ''] = url.split(',');
  expect(head).toBe('data:image/svg+xml;base64');
  return Buffer.from(data, 'base64').toString('utf8');
}

/** WCAG 2.2: of two colours, as their luminance. */
function contrastOf(left: number, right: number): number {
  return (Math.max(left, right) + 0.05) / (Math.min(left, right) + 0.05);
}

function luminanceOf(hex: string): number {
  const [red = 0, green = 0, blue = 0] = [1, 3, 5].map((at) => {
    const part = Number.parseInt(hex.slice(at, at + 2), 16) / 255;
    return part <= 0.04045 ? part / 12.92 : ((part + 0.055) / 1.055) ** 2.4;
  });
  return 0.2126 * red + 0.7152 * green + 0.0722 * blue;
}

describe('drawMonogram', () => {
  it('is small, the same every time, and nothing but a tile and letters', () => {
    for (const name of names) {
      const url = drawMonogram(name);
      expect(url.length).toBeLessThanOrEqual(600);
      expect(drawMonogram(name)).toBe(url);
      expect(decode(url)).toMatch(/^<svg [^<>]+><rect [^<>]+\/><text [^<>]+>[\p{L}\p{N}?]{1,2}<\/text><\/svg>$/u);
    }
  });

  it('can be read: white on the tile, and the tile on a white or a black page', () => {
    const colours = new Set<string>();
    for (const name of names) {
      const [, colour = ''] = /fill="(#[0-9a-f]{6})"/.exec(decode(drawMonogram(name))) ?? [];
      expect(contrastOf(luminanceOf(colour), 1)).toBeGreaterThanOrEqual(4.5);
      expect(contrastOf(luminanceOf(colour), 0)).toBeGreaterThanOrEqual(4.5);
      colours.add(colour);
    }
    expect(colours.size).toBeGreaterThan(100);
  });

  it.each([
    ['Google', 'GO'],
    ['Exact Online', 'EO'],
    ['cal.com', 'CC'],
    ['x', 'X'],
    ['微信', '微信'],
    ['🚀', '?'],
  ])('shows of %s the letters %s', (name, letters) => {
    expect(decode(drawMonogram(name))).toContain(`>${letters}<`);
  });
});
