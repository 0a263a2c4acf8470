import { exitCodes } from '@nexus/audit-chain/verify-report';

/** Exit codes of the commands: those of a verification, and 1 for what went wrong outside of what is verified. */
export const commandExits = { ...exitCodes, failed: 1 } as const;

/** Why a command, or a start, is refused; the message is for the operator. */
export class BackupError extends Error {
  override readonly name = 'BackupError';
  readonly exitCode: number;

  constructor(exitCode: number, message: string) {
    super(message);
    this.exitCode = exitCode;
  }
}
