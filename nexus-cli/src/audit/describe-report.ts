import type { Report } from '@nexus/audit-chain/verify-report';

/** The findings of a verification for people. */
export function describeReport(report: Report): string[] {
  const { range, entries, problems, problemCount, checkpoints, checkpointed, unsealed, stored, period } = report;
  const verdict =
    problemCount === 0
      ? 'good: everything that was compared agrees'
      : `BAD: ${problemCount} problem${problemCount === 1 ? '' : 's'}, exit code ${report.exitCode}`;
  const read =
    range === null ? 'the log has no sealed entry' : `entries ${range.first} to ${range.last} (${entries} read)`;
  return [
    verdict,
    ...problems.map(({ code, message }) => `  ${code}  ${message}`),
    ...(problemCount > problems.length ? [`      and ${problemCount - problems.length} more`] : []),
    `read: ${read}, ${unsealed} not sealed yet`,
    `checkpoints: ${checkpoints}, verified up to entry ${checkpointed}`,
    ...(stored === null ? [] : [`stored values: ${stored} compared`]),
    ...(period === null ? [] : [describePeriod(period)]),
    ...report.notices.map((notice) => `notice: ${notice}`),
  ];
}

function describePeriod({ entries, first_seq, last_seq }: NonNullable<Report['period']>): string {
  return entries === 0 ? 'period: no entry' : `period: ${entries} entries, between ${first_seq} and ${last_seq}`;
}
