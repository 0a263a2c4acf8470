import { expect, it } from 'vitest';
import { formatDuration } from './duration.js';

it.each([
  [0, '0 s'],
  [59.9, '59 s'],
  [60, '1 min'],
  [307, '5 min 7 s'],
  [7_200, '2 h'],
  [273_600, '3 d 4 h'],
  [259_230, '3 d'],
])('%s s is %s', (seconds, text) => {
  expect(formatDuration(seconds)).toBe(text);
});
