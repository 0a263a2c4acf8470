/** Says in lines what a verification found. */
import type { Manifest } from '../backup/manifest.js';
import type { DatabaseReport } from '../backup/verify-database.js';

export function describeManifest(folder: string, { created_at, bytes, chain }: Manifest): string {
  return `backup ${folder}: made ${created_at}, ${bytes} bytes, audit log of ${chain.size} sealed entries`;
}

export interface DescribedReport {
  readonly findings: readonly string[];
  readonly lines: readonly string[];
}

export function describeReport(report: DatabaseReport, isAccepted: boolean): DescribedReport {
  const { exitCode, findings, notices, log, opened, rollback } = report;
  const lines = notices.map((notice) => `note: ${notice}`);
  if (log !== null) {
    const counts = [
      `${log.entries} sealed entries`,
      `${log.unsealed} waiting to be sealed`,
      `${log.checkpoints} checkpoints up to entry ${log.checkpointed}`,
    ];
    lines.push(`audit log: ${counts.join(', ')}`);
    lines.push(`sealed values: ${opened} open, ${log.stored ?? 0} compared with the log`);
  }
  if (rollback !== null && isAccepted) {
    lines.push(
      `ROLLBACK: what came after entry ${rollback.size} in another history, of ${rollback.abandonedSize} entries and ` +
        `signed until ${rollback.abandonedAt}, is given up`,
    );
  }
  lines.push(exitCode === 0 ? 'good' : `NOT GOOD: exit code ${exitCode}`);
  return { findings: findings.map(({ code, message }) => `${code}: ${message}`), lines };
}
