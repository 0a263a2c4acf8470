/** Every column that holds sealed values, and what a value in it is bound to. */
import type { BlobContext, SealedBlob } from '@nexus/vault/vault';

export interface SealedTarget {
  readonly purpose: BlobContext['purpose'];
  readonly table: 'connection' | 'agent_session' | 'provider' | 'flow' | 'webhook';
  readonly column: 'sealed_credential' | 'sealed_token' | 'sealed_secrets' | 'sealed_result';
  /** Columns of the row's parts of the context; null where a part does not apply. */
  readonly row: string;
  readonly version: string | null;
  readonly workspace: string | null;
  readonly provider: 'provider_id' | null;
  readonly origin: string | null;
  /** Whether the audit log remembers its values, so that one put back from the past is found. */
  readonly isWitnessed: boolean;
}

/** A stored value with what its row says about it. */
export interface SealedRow {
  readonly row: string;
  readonly version: number;
  readonly workspaceId: string;
  readonly providerId: string;
  readonly origin: string;
  readonly blob: SealedBlob;
}

const flow = {
  purpose: 'flow',
  table: 'flow',
  row: 'flow_id',
  version: null,
  workspace: 'workspace_id',
  provider: 'provider_id',
  origin: null,
  isWitnessed: false,
} as const;

export const sealedTargets: readonly SealedTarget[] = [
  {
    purpose: 'cred',
    table: 'agent_session',
    column: 'sealed_token',
    row: 'session_id',
    version: 'token_version',
    workspace: 'workspace_id',
    provider: 'provider_id',
    origin: 'token_origin',
    isWitnessed: true,
  },
  {
    purpose: 'cred',
    table: 'connection',
    column: 'sealed_credential',
    row: 'connection_ref',
    version: 'version',
    workspace: 'workspace_id',
    provider: 'provider_id',
    origin: 'issued_origin',
    isWitnessed: true,
  },
  {
    purpose: 'provider',
    table: 'provider',
    column: 'sealed_secrets',
    row: 'provider_id',
    version: 'version',
    workspace: null,
    provider: 'provider_id',
    origin: null,
    isWitnessed: true,
  },
  { ...flow, column: 'sealed_secrets' },
  { ...flow, column: 'sealed_result' },
  {
    purpose: 'provider',
    table: 'webhook',
    column: 'sealed_secrets',
    row: 'webhook_id',
    version: 'version',
    workspace: null,
    provider: null,
    origin: null,
    isWitnessed: true,
  },
];

/** `table.column`. */
export function nameTarget(target: SealedTarget): string {
  return `${target.table}.${target.column}`;
}

export function toBlobContext(target: SealedTarget, sealed: Omit<SealedRow, 'blob'>): BlobContext {
  return {
    purpose: target.purpose,
    table: target.table,
    column: target.column,
    workspaceId: sealed.workspaceId,
    rowId: sealed.row,
    providerId: sealed.providerId,
    version: sealed.version,
    issuedOrigin: sealed.origin,
  };
}
