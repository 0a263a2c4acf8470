import { describe, expect, it } from 'vitest';
import { type DatabaseReport, reportDamage } from '../backup/verify-database.js';
import { describeReport } from './describe-report.js';

describe('describeReport', () => {
  it('gives a terminal no commands that the database holds', () => {
    const hostile = 'provider a\u001b]0;b\u0007\r\n0: good\u202e\u2028 differs';
    const report: DatabaseReport = { ...reportDamage([hostile]), notices: [hostile] };
    const { findings, lines } = describeReport(report, false);
    for (const line of [...findings, ...lines]) expect(line).not.toMatch(/[\p{Cc}\p{Cf}\p{Zl}\p{Zp}]/u);
    expect(findings).toEqual(['3: provider a\ufffd]0;b\ufffd\ufffd\ufffd0: good\ufffd\ufffd differs']);
  });

  it('says how many findings are not listed', () => {
    const { findings } = describeReport({ ...reportDamage(['a page']), findingCount: 3 }, false);
    expect(findings).toEqual(['3: a page', 'and 2 findings more']);
  });

  it('says what was accepted only where nothing else is wrong', () => {
    const damage = { codes: [10, 14], count: 3 };
    const accepted = describeReport({ ...reportDamage([]), exitCode: 0, damage }, false).lines;
    expect(accepted).toContain('DAMAGE: 3 findings of the codes 10, 14 are accepted');
    expect(accepted).not.toContain('good');
    const refused = describeReport({ ...reportDamage([]), exitCode: 13, damage }, false).lines;
    expect(refused).toEqual(['NOT GOOD: exit code 13']);
  });
});
