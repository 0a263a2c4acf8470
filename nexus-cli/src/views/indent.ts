import type { Line, Screen } from './screen.js';

const step = 2;

/** Lines made for what is left of the screen, moved in. */
export function indented(screen: Screen, make: (inner: Screen) => readonly Line[]): Line[] {
  const columns = screen.columns === null ? null : screen.columns - step;
  return make({ ...screen, columns }).map((line): Line => [' '.repeat(step), line].flat());
}
