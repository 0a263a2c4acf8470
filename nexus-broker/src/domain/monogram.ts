import { createHash } from 'node:crypto';

/** Half way between black and white: both have a contrast of 4.58 to it (WCAG 2.2, relative luminance). */
const middleLuminance = Math.sqrt(1.05 * 0.05) - 0.05;
const saturation = 0.6;

/**
 * A picture for a provider that has no logo: its initials on a colour of its own, as a `data:` URL below 600 bytes. The
 * same name always gives the same picture. It can be read on a light page and on a dark one.
 */
export function drawMonogram(name: string): string {
  const svg =
    '<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 48 48">' +
    `<rect width="48" height="48" rx="10" fill="${chooseColour(name)}"/>` +
    '<text x="24" y="31" font-family="sans-serif" font-size="20" fill="#fff" text-anchor="middle">' +
    `${pickLetters(name)}</text></svg>`;
  return `data:image/svg+xml;base64,${Buffer.from(svg).toString('base64')}`;
}

/** The initials of two words, or the first two letters of one. Letters and digits need no escaping. */
function pickLetters(name: string): string {
  const words = (name.normalize('NFC').match(/[\p{L}\p{N}]+/gu) ?? []).map((word) => Array.from(word));
  const [first = [], second] = words;
  const letters = second === undefined ? first.slice(0, 2) : [...first.slice(0, 1), ...second.slice(0, 1)];
  const text = letters.join('').toUpperCase();
  return text === '' ? '?' : Array.from(text).slice(0, 2).join('');
}

function chooseColour(name: string): string {
  const hue = createHash('sha256').update(name).digest().readUInt16BE() % 360;
  let [dark, light] = [0, 1];
  for (let step = 0; step < 16; step += 1) {
    const middle = (dark + light) / 2;
    if (luminance(toRgb(hue, middle)) < middleLuminance) dark = middle;
    else light = middle;
  }
  const hex = toRgb(hue, dark).map((part) =>
    Math.round(part * 255)
      .toString(16)
      .padStart(2, '0'),
  );
  return `#${hex.join('')}`;
}

/** CSS Color 4, section 7.1, hsl to sRGB; parts from 0 to 1. */
function toRgb(hue: number, lightness: number): readonly number[] {
  const chroma = saturation * Math.min(lightness, 1 - lightness);
  return [0, 8, 4].map((offset) => {
    const turn = (offset + hue / 30) % 12;
    return lightness - chroma * Math.max(-1, Math.min(turn - 3, 9 - turn, 1));
  });
}

function luminance(rgb: readonly number[]): number {
  const [red = 0, green = 0, blue = 0] = rgb.map((part) =>
    part <= 0.04045 ? part / 12.92 : ((part + 0.055) / 1.055) ** 2.4,
  );
  return 0.2126 * red + 0.7152 * green + 0.0722 * blue;
}
