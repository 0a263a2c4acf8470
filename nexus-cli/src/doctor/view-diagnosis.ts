import { type Line, type Screen, type Style, styled } from '../views/screen.js';
import { fold, pad, widthOf } from '../views/width.js';
import type { Finding } from './finding.js';

export interface Diagnosis {
  readonly healthy: boolean;
  readonly findings: readonly Finding[];
}

const styles: Readonly<Record<Finding['state'], Style>> = { ok: 'green', warn: 'yellow', fail: 'red', skipped: 'dim' };
const stateWidth = 9;
const leastWidth = 24;

export function viewDiagnosis({ findings }: Diagnosis, screen: Screen): Line[] {
  const checkWidth = Math.max(...findings.map(({ check }) => widthOf(check))) + 2;
  const indent = stateWidth + checkWidth;
  const room = screen.columns === null ? null : Math.max(leastWidth, screen.columns - indent);
  const lines = findings.flatMap(({ check, state, found, mend }): Line[] => {
    const [first = '', ...rest] = fold(found, room);
    const advice = mend === null ? [] : fold(mend, room);
    return [
      [styled(styles[state], pad(state, stateWidth)), pad(check, checkWidth), first],
      ...rest.map((text): Line => ' '.repeat(indent) + text),
      ...advice.map((text): Line => [' '.repeat(indent), styled('cyan', text)]),
    ];
  });
  return [...lines, '', summarize(findings)];
}

function summarize(findings: readonly Finding[]): Line {
  const count = (state: Finding['state']): number => findings.filter((finding) => finding.state === state).length;
  const [failed, warned] = [count('fail'), count('warn')];
  const warnings = warned === 0 ? '' : `, ${warned} ${warned === 1 ? 'warning' : 'warnings'}`;
  if (failed > 0) return styled('red', `${failed} ${failed === 1 ? 'problem' : 'problems'}${warnings}`);
  return warned === 0 ? styled('green', 'all is well') : styled('yellow', `nothing failed${warnings}`);
}
