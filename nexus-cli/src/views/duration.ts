const units = [
  ['d', 86_400],
  ['h', 3_600],
  ['min', 60],
] as const;

/** The two largest units that matter: `3 d 4 h`, `5 min 7 s`, `0 s`. */
export function formatDuration(seconds: number): string {
  const parts: string[] = [];
  let rest = Math.floor(seconds);
  for (const [unit, length] of units) {
    const count = Math.floor(rest / length);
    rest -= count * length;
    if (count > 0 || parts.length > 0) parts.push(`${count} ${unit}`);
  }
  parts.push(`${rest} s`);
  return parts
    .slice(0, 2)
    .filter((part, at) => at === 0 || !part.startsWith('0 '))
    .join(' ');
}
