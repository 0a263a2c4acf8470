import { createHash, createHmac } from 'node:crypto';
import { setHeader } from './header-map.js';
import type { AwsSigv4Config } from './strategy-config.js';

interface SignedRequest {
  readonly method: string;
  readonly url: string;
  readonly headers: { readonly [name: string]: string };
  readonly body: Uint8Array | string | null;
}

interface SignInput {
  readonly config: AwsSigv4Config;
  readonly credentials: { readonly [name: string]: string };
  readonly request: SignedRequest;
  readonly url: URL;
  readonly now: number;
}

const algorithm = 'AWS4-HMAC-SHA256';

/** Headers that a hop between us and the service may change, so that a signature over them would break. */
const unsignedHeaders = new Set([
  'accept-encoding',
  'authorization',
  'connection',
  'content-length',
  'expect',
  'te',
  'transfer-encoding',
  'user-agent',
  'x-amzn-trace-id',
]);

/** Signature Version 4 in the `Authorization` header. The query of the URL is rewritten to the form that was signed. */
export function signAwsRequest(input: SignInput): SignedRequest {
  const { config, credentials, request, url } = input;
  const stamp = new Date(input.now).toISOString().replace(/[-:]|\.\d{3}/g, '');
  const payloadHash = hash(request.body ?? '');
  const query = writeQuery(url.search);
  const headers = addAmazonHeaders(input, stamp, payloadHash);
  const lines = listSignedHeaders(headers, url.host);
  const signedNames = lines.map(([name]) => name).join(';');
  const canonicalRequest = [
    request.method.toUpperCase(),
    isObjectStore(config.service) ? writeObjectPath(url.pathname) : writePath(url.pathname),
    query,
    ...lines.map(([name, value]) => `${name}:${value}`),
    '',
    signedNames,
    payloadHash,
  ].join('\n');
  const day = stamp.slice(0, 8);
  const scope = `${day}/${config.region}/${config.service}/aws4_request`;
  const key = [day, config.region, config.service, 'aws4_request'].reduce<Buffer>(
    (parent, part) => mac(parent, part),
    Buffer.from(`AWS4${credentials['secret_key'] ?? ''}`, 'utf8'),
  );
  const signature = mac(key, [algorithm, stamp, scope, hash(canonicalRequest)].join('\n')).toString('hex');
  const authorization = [
    `${algorithm} Credential=${credentials['access_key'] ?? ''}/${scope}`,
    `SignedHeaders=${signedNames}`,
    `Signature=${signature}`,
  ].join(', ');
  return {
    ...request,
    url: `${url.origin}${url.pathname}${query === '' ? '' : `?${query}`}`,
    headers: setHeader(headers, 'Authorization', authorization),
  };
}

function addAmazonHeaders(input: SignInput, stamp: string, payloadHash: string): SignedRequest['headers'] {
  let headers = setHeader(input.request.headers, 'X-Amz-Date', stamp);
  const token = input.credentials['session_token'] ?? '';
  if (token !== '') headers = setHeader(headers, 'X-Amz-Security-Token', token);
  if (isObjectStore(input.config.service)) headers = setHeader(headers, 'X-Amz-Content-Sha256', payloadHash);
  return headers;
}

function listSignedHeaders(headers: SignedRequest['headers'], host: string): [string, string][] {
  const signed = Object.entries(headers)
    .map(([name, value]): [string, string] => [name.toLowerCase(), value.trim().replace(/ {2,}/g, ' ')])
    .filter(([name]) => !unsignedHeaders.has(name));
  return [...signed, ['host', host] satisfies [string, string]].sort(([a], [b]) => compare(a, b));
}

/** Every service but the object store normalises the path and encodes it once more, as it stands on the wire. */
function writePath(path: string): string {
  const segments = path.split('/').filter((segment) => segment !== '');
  const tail = path.endsWith('/') && segments.length > 0 ? '/' : '';
  return `/${segments.map(encodeStrictly).join('/')}${tail}`;
}

/** An object key is signed as it is, encoded once: two slashes in a row are part of it. */
function writeObjectPath(path: string): string {
  return path
    .split('/')
    .map((segment) => encodeStrictly(decodePercent(segment)))
    .join('/');
}

function writeQuery(search: string): string {
  const pairs = [...new URLSearchParams(search)].map(([name, value]): [string, string] => [
    encodeStrictly(name),
    encodeStrictly(value),
  ]);
  pairs.sort(([nameA, valueA], [nameB, valueB]) => compare(nameA, nameB) || compare(valueA, valueB));
  return pairs.map(([name, value]) => `${name}=${value}`).join('&');
}

function isObjectStore(service: string): boolean {
  return service === 's3' || service.startsWith('s3-') || service === 's3express';
}

/** RFC 3986 section 2.3: everything but the unreserved characters is encoded. */
function encodeStrictly(text: string): string {
  return encodeURIComponent(text).replace(/[!'()*]/g, (char) => `%${char.charCodeAt(0).toString(16).toUpperCase()}`);
}

function decodePercent(segment: string): string {
  try {
    return decodeURIComponent(segment);
  } catch {
    return segment;
  }
}

function compare(a: string, b: string): number {
  return a < b ? -1 : Number(a > b);
}

function hash(data: Uint8Array | string): string {
  return createHash('sha256').update(data).digest('hex');
}

function mac(key: Buffer, text: string): Buffer {
  return createHmac('sha256', key).update(text, 'utf8').digest();
}
