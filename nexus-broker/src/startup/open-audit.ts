/** Opens what writes, seals and signs the audit log, with the files it keeps beside the database. */
import { join } from 'node:path';
import type { Clock } from '@nexus/core/clock';
import type { Logger } from '@nexus/http/logger';
import type { Vault } from '@nexus/vault/vault';
import { AppendOnlyFile } from '../audit/append-only-file.js';
import { AuditLog } from '../audit/audit-log.js';
import { AuditSealer } from '../audit/audit-sealer.js';
import type { Database } from '../stores/database.js';

interface OpenAuditInput {
  readonly database: Database;
  readonly vault: Vault;
  readonly clock: Clock;
  readonly logger: Logger;
  readonly config: { readonly dataDir: string; readonly auditFile: string | null; readonly checkpointSeconds: number };
  readonly onLostWrite: (error: unknown) => void;
  readonly onError: (error: unknown) => void;
}

export interface OpenedAudit {
  readonly audit: AuditLog;
  readonly auditSealer: AuditSealer;
  /** Writes, seals and signs what is left, and closes the files. */
  close(): Promise<void>;
}

/** @throws the error of the database or of the file system. */
export async function openAudit(input: OpenAuditInput): Promise<OpenedAudit> {
  const { database, vault, clock, logger, config, onLostWrite, onError } = input;
  const file = config.auditFile === null ? null : await AppendOnlyFile.open({ path: config.auditFile, onLostWrite });
  const checkpointFile = await AppendOnlyFile.open({ path: join(config.dataDir, 'checkpoints.log'), onLostWrite });
  const audit = new AuditLog({ database, vault, clock, file, onError });
  const auditSealer = new AuditSealer({
    database,
    vault,
    clock,
    checkpointFile,
    checkpointSeconds: config.checkpointSeconds,
    onLead: () => logger.info('this Broker seals the audit log', { job: 'audit-sealer' }),
    onCheckpoint: ({ size, note }) => logger.info('audit.checkpoint', { sequence: size, note }),
    onRefused: (entryId, reason) => logger.error('an audit entry is not sealed', { entryId, reason }),
    onError,
  });
  return {
    audit,
    auditSealer,
    async close() {
      await audit.close();
      await auditSealer.close();
      await file?.close();
      await checkpointFile.close();
    },
  };
}
