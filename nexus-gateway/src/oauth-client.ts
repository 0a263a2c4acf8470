/**
 * The client of the standard door: an agent by HTTP Basic, id and key form-encoded first (RFC 6749, section 2.3.1). Whether
 * the key is good, and is this agent's, the Broker judges.
 */
import type { CallerContext } from '@nexus/broker-api/client';
import { NexusError } from '@nexus/core/errors';
import { isToken } from '@nexus/core/tokens';
import { describeCaller, type RequestSource } from './caller.js';

interface OAuthClient {
  readonly agentId: string;
  readonly caller: CallerContext;
}

/** @throws NexusError missing_api_key, invalid_api_key: both are `invalid_client` here. */
function requireClient(source: RequestSource): OAuthClient {
  const header = source.req.header('authorization');
  if (header === undefined) {
    throw new NexusError('missing_api_key', 'The client authenticates by HTTP Basic with its agent id and agent key.');
  }
  const [, encoded = ''] = /^basic +([0-9A-Za-z+/]+={0,2}) *$/i.exec(header) ?? [];
  const pair = decodeBase64(encoded);
  const colon = pair.indexOf(':');
  const agentId = decodeForm(pair.slice(0, Math.max(colon, 0)));
  const key = decodeForm(pair.slice(colon + 1));
  // No agent id has other characters, and not every text would survive the way to the Broker.
  if (!/^[\x21-\x7E]{1,128}$/.test(agentId) || !isToken(key, 'nxk')) throw refuseClient();
  return { agentId, caller: describeCaller(source, key) };
}

function refuseClient(): NexusError {
  return new NexusError('invalid_api_key', 'The client is not authenticated by its agent id and agent key.');
}

/** Empty for what is not base64 of UTF-8. */
function decodeBase64(text: string): string {
  const bytes = Buffer.from(text, 'base64');
  const isExact = bytes.toString('base64').replaceAll('=', '') === text.replaceAll('=', '');
  return isExact ? bytes.toString('utf8') : '';
}

/** Empty for what is not form-encoded. */
function decodeForm(text: string): string {
  try {
    return decodeURIComponent(text.replaceAll('+', ' '));
  } catch {
    return '';
  }
}

/** Refuses who is no client before the form is judged. */
export async function demandClient(source: RequestSource, next: () => Promise<void>): Promise<void> {
  requireClient(source);
  await next();
}

interface ClientRequest extends OAuthClient {
  /** The parameters that have a value; one without counts as absent (RFC 6749, section 3.2). */
  readonly form: ReadonlyMap<string, string>;
}

interface FormSource extends RequestSource {
  readonly req: RequestSource['req'] & { text(): Promise<string> };
}

/**
 * Client and form of a request whose body was vetted.
 *
 * @throws NexusError invalid_api_key also when the form claims another client or authenticates in a second way.
 */
export async function readClientRequest(source: FormSource): Promise<ClientRequest> {
  const client = requireClient(source);
  const parameters = new URLSearchParams(await source.req.text());
  const form = new Map([...parameters].filter(([, value]) => value !== ''));
  const claimedId = form.get('client_id') ?? client.agentId;
  const hasSecondWay = ['client_secret', 'client_assertion', 'client_assertion_type'].some((name) => form.has(name));
  if (claimedId !== client.agentId || hasSecondWay) throw refuseClient();
  return { ...client, form };
}
