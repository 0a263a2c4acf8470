import type { Selectable } from 'kysely';
import type { UserIssuer } from '../domain/user-issuer.js';
import { decodeJson, encodeJson } from './codecs.js';
import { UniqueViolation } from './engines/session.js';
import type { UserIssuerTable } from './schema.js';
import type { StoreContext } from './store-context.js';

export function createUserIssuerStore({ db }: StoreContext) {
  const select = () => db.selectFrom('user_issuer').selectAll();
  return {
    /** False while another one has the issuer or the workspace prefix; the transaction is lost then. */
    async insert(issuer: UserIssuer): Promise<boolean> {
      try {
        await db
          .insertInto('user_issuer')
          .values({
            issuer_id: issuer.issuerId,
            issuer: issuer.issuer,
            jwks_uri: issuer.jwksUri,
            audience: issuer.audience,
            algorithms: encodeJson(issuer.algorithms),
            scope_claim: issuer.scopeClaim,
            tenant_claim: issuer.tenantClaim,
            clearance_claim: issuer.clearanceClaim,
            workspace_from: issuer.workspaceFrom,
            workspace_prefix: issuer.workspacePrefix,
            max_lifetime_seconds: issuer.maxLifetimeSeconds,
            created_at: issuer.createdAt,
          })
          .execute();
        return true;
      } catch (error) {
        if (error instanceof UniqueViolation) return false;
        throw error;
      }
    },

    async findByIssuer(issuer: string): Promise<UserIssuer | null> {
      const row = await select().where('issuer', '=', issuer).executeTakeFirst();
      return row === undefined ? null : toIssuer(row);
    },

    async findById(issuerId: string): Promise<UserIssuer | null> {
      const row = await select().where('issuer_id', '=', issuerId).executeTakeFirst();
      return row === undefined ? null : toIssuer(row);
    },

    /**
     * The issuer, kept until the transaction ends, so that a deletion waits. Written as an update because that is the one
     * lock both databases spell alike.
     */
    async hold(issuerId: string): Promise<boolean> {
      const row = await db
        .updateTable('user_issuer')
        .set((table) => ({ audience: table.ref('audience') }))
        .where('issuer_id', '=', issuerId)
        .returning('issuer_id')
        .executeTakeFirst();
      return row !== undefined;
    },

    async list(): Promise<UserIssuer[]> {
      return (await select().orderBy('issuer').execute()).map(toIssuer);
    },

    async listPrefixes(): Promise<string[]> {
      const rows = await db.selectFrom('user_issuer').select('workspace_prefix').execute();
      return rows.map((row) => row.workspace_prefix);
    },

    async delete(issuerId: string): Promise<boolean> {
      const result = await db.deleteFrom('user_issuer').where('issuer_id', '=', issuerId).executeTakeFirst();
      return result.numDeletedRows > 0n;
    },
  };
}

function toIssuer(row: Selectable<UserIssuerTable>): UserIssuer {
  return {
    issuerId: row.issuer_id,
    issuer: row.issuer,
    jwksUri: row.jwks_uri,
    audience: row.audience,
    algorithms: decodeJson(row.algorithms),
    scopeClaim: row.scope_claim,
    tenantClaim: row.tenant_claim,
    clearanceClaim: row.clearance_claim,
    workspaceFrom: row.workspace_from,
    workspacePrefix: row.workspace_prefix,
    maxLifetimeSeconds: row.max_lifetime_seconds,
    createdAt: row.created_at,
  };
}
