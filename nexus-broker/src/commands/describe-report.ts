/** Says in lines what a verification found. */
import type { Manifest } from '../backup/manifest.js';
import type { DatabaseReport } from '../backup/verify-database.js';

export function describeManifest(folder: string, { created_at, bytes, chain }: Manifest): string {
  return `backup ${folder}: made ${created_at}, ${bytes} bytes, audit log of ${chain.size} sealed entries`;
}

/** Text of a database may hold what a terminal takes for a command. */
export function toPrintable(text: string): string {
  return text.replaceAll(/[\p{Cc}\p{Cf}\p{Zl}\p{Zp}]/gu, '\ufffd');
}

export interface DescribedReport {
  readonly findings: readonly string[];
  readonly lines: readonly string[];
}

export function describeReport(report: DatabaseReport, isAccepted: boolean): DescribedReport {
  const { exitCode, findings, findingCount, notices, log, opened, rollback, damage } = report;
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
  if (damage !== null && exitCode === 0) {
    lines.push(`DAMAGE: ${damage.count} findings of the codes ${damage.codes.join(', ')} are accepted`);
  }
  lines.push(exitCode === 0 ? (damage === null ? 'good' : 'good but for that') : `NOT GOOD: exit code ${exitCode}`);
  const listed = findings.map(({ code, message }) => `${code}: ${message}`);
  const unlisted = findingCount - findings.length;
  return {
    findings: [...listed, ...(unlisted > 0 ? [`and ${unlisted} findings more`] : [])].map(toPrintable),
    lines: lines.map(toPrintable),
  };
}
