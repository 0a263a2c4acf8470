import { createHash } from 'node:crypto';
import { StartError } from './failure.js';
import type { SendJson } from './json-client.js';
import { includesJson, isJsonObject, type JsonObject, readText } from './json-object.js';
import { readJsonFile, writeJsonFile } from './private-file.js';

export interface BrokerAccess {
  readonly url: string;
  readonly adminKey: string;
  readonly adminKeyFile: string;
}

export type Registration = 'created' | 'changed' | 'unchanged';

function hashSecret(providerId: string, secret: string): string {
  return createHash('sha256').update(`${providerId}\n${secret}`, 'utf8').digest('hex');
}

function explain(access: BrokerAccess, name: string, status: number, body: unknown): StartError {
  if (status === 401) {
    return new StartError(
      `The Broker does not accept the admin key in ${access.adminKeyFile}. ` +
        'The key file and the database belong to different installations; name the right file in ADMIN_API_KEY_FILE.',
    );
  }
  const message = readText(body, 'message') ?? 'no explanation';
  return new StartError(`The Broker refused provider "${name}" (${status}): ${message}`);
}

async function findProvider(
  send: SendJson,
  access: BrokerAccess,
  name: string,
  signal: AbortSignal,
): Promise<JsonObject | null> {
  const answer = await send({ url: `${access.url}/admin/v1/providers`, apiKey: access.adminKey, signal });
  if (answer.status !== 200 || !Array.isArray(answer.body)) throw explain(access, name, answer.status, answer.body);
  return answer.body.filter(isJsonObject).find((provider) => provider['name'] === name) ?? null;
}

/** The fields whose value at the Broker is another one; a secret counts when it is not the one registered before. */
function listChanges(current: JsonObject, wanted: JsonObject, secretIsKnown: boolean): JsonObject {
  return Object.fromEntries(
    Object.entries(wanted).filter(([name, value]) => {
      if (name === 'client_secret') return !secretIsKnown || current['client_secret_set'] !== true;
      return !includesJson(current[name], value);
    }),
  );
}

/**
 * Creates a provider at the Broker, or changes of an existing one only what differs. A client secret cannot be read back,
 * so `memoryFile` keeps a digest of the one that was registered last.
 *
 * @throws StartError with the Broker's own explanation when it refuses.
 */
export async function registerProvider(
  deps: { readonly send: SendJson; readonly access: BrokerAccess; readonly memoryFile: string },
  input: { readonly profile: JsonObject & { readonly name: string }; readonly signal: AbortSignal },
): Promise<Registration> {
  const { send, access, memoryFile } = deps;
  const { profile, signal } = input;
  const secret = readText(profile, 'client_secret');
  const remember = (providerId: string): void => {
    if (secret !== null) writeJsonFile(memoryFile, { secret_digest: hashSecret(providerId, secret) });
  };

  const current = await findProvider(send, access, profile.name, signal);
  const id = current === null ? null : readText(current, 'id');
  if (current === null || id === null) {
    const url = `${access.url}/admin/v1/providers`;
    const answer = await send({ method: 'POST', url, apiKey: access.adminKey, body: profile, signal });
    if (answer.status !== 201) throw explain(access, profile.name, answer.status, answer.body);
    remember(readText(answer.body, 'id') ?? '');
    return 'created';
  }
  const secretIsKnown =
    secret !== null && readText(readJsonFile(memoryFile), 'secret_digest') === hashSecret(id, secret);
  const changes = listChanges(current, profile, secretIsKnown);
  if (Object.keys(changes).length === 0) return 'unchanged';
  const url = `${access.url}/admin/v1/providers/${encodeURIComponent(id)}`;
  const answer = await send({ method: 'PATCH', url, apiKey: access.adminKey, body: changes, signal });
  if (answer.status !== 200) throw explain(access, profile.name, answer.status, answer.body);
  remember(id);
  return 'changed';
}
