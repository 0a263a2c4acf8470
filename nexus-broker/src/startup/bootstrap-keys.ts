/** The first admin key and the first gateway key: taken from the configuration, or made once and written to files. */
import { randomUUID } from 'node:crypto';
import { chmod, link, open, readFile, rm } from 'node:fs/promises';
import { join } from 'node:path';
import type { Secret } from '@nexus/core/secret';
import { createToken, hashToken, isToken } from '@nexus/core/tokens';
import type { Role } from '../domain/api-key.js';
import { systemOrigin } from '../domain/request-context.js';
import { type KeyDeps, storeKey } from '../services/keys/create-key.js';

interface BootstrapInput {
  readonly dataDir: string;
  readonly adminKey: Secret<string> | null;
  readonly gatewayKey: Secret<string> | null;
}

/** A key file this start wrote; its path may be logged, its content never. */
export interface WrittenKeyFile {
  readonly role: Role;
  readonly path: string;
}

export async function bootstrapKeys(deps: KeyDeps, input: BootstrapInput): Promise<readonly WrittenKeyFile[]> {
  // By role, since an earlier first start may have died between the two; a key that was revoked is not made again.
  const known = new Set((await deps.database.stores.keys.list()).map((key) => key.role));
  const written: WrittenKeyFile[] = [];
  for (const { role, provided } of [
    { role: 'admin' as const, provided: input.adminKey },
    { role: 'gateway' as const, provided: input.gatewayKey },
  ]) {
    if (provided !== null) await adopt(deps, role, provided.reveal());
    else if (!known.has(role)) written.push(await create(deps, role, join(input.dataDir, `${role}.key`)));
  }
  return written;
}

/** A configured key that is not stored yet is added; one that was revoked stays revoked. */
async function adopt(deps: KeyDeps, role: Role, value: string): Promise<void> {
  if ((await deps.database.stores.keys.findByHash(hashToken(value))) !== null) return;
  await storeKey(
    deps,
    { name: `${role} from configuration`, role, expiresAt: null, agentId: null },
    value,
    systemOrigin('startup'),
  );
}

/** The file comes first: a key whose only copy was lost in a crash could never be used. */
async function create(deps: KeyDeps, role: 'admin' | 'gateway', path: string): Promise<WrittenKeyFile> {
  const value = await writeKeyFile(path, createToken(role === 'admin' ? 'nxa' : 'nxg'));
  await storeKey(
    deps,
    { name: `first ${role} key`, role, expiresAt: null, agentId: null },
    value,
    systemOrigin('startup'),
  );
  return { role, path };
}

/** Returns the key the file holds: an earlier first start may have written it before it died. It appears whole. */
async function writeKeyFile(path: string, value: string): Promise<string> {
  const draft = `${path}.${randomUUID()}.new`;
  try {
    const file = await open(draft, 'wx', 0o600);
    try {
      await file.writeFile(`${value}\n`);
      await file.sync();
    } finally {
      await file.close();
    }
    await link(draft, path);
    return value;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error;
  } finally {
    await rm(draft, { force: true });
  }
  const existing = (await readFile(path, 'utf8')).trim();
  if (!isToken(existing, value.startsWith('nxa') ? 'nxa' : 'nxg')) {
    throw new Error(`${path} exists and holds no key; remove it and start again`);
  }
  await chmod(path, 0o600);
  return existing;
}
