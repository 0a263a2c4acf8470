/**
 * A key provider whose KEKs are behind a helper program, protocol version 1: this is how a KMS or an HSM is attached
 * without its client library in this process. The helper is started once for every question, gets one JSON object as a
 * line on stdin and answers one on stdout; bytes are base64.
 *
 * - `{"v":1,"op":"keys"}` → `{"primary":ID,"keys":[{"id":ID,"created_at":RFC 3339}]}`
 * - `{"v":1,"op":"wrap","key":ID,"data_key":32 BYTES,"context":{NAME:TEXT}}` → `{"wrapped":BYTES}`
 * - `{"v":1,"op":"unwrap","key":ID,"wrapped":BYTES,"context":{NAME:TEXT}}` → `{"data_key":32 BYTES}`
 * - any of them → `{"error":"missing_key"|"wrong_key"|"integrity"|"unavailable","message":TEXT}`
 *
 * The helper authenticates `context` together with the wrapped key. A `message` is for people who run it by hand.
 */
import { toEpochMs, toInstant } from '@nexus/core/clock';
import { decodeBase64 } from './key-encoding.js';
import { askKeyHelper, type KeyHelper } from './key-helper.js';
import { type KekInfo, type KeyProvider, VaultError, type VaultErrorCode, type WrapContext } from './key-provider.js';
import { keyLength } from './xchacha20-poly1305.js';

const maxKeks = 64;
const maxWrappedLength = 8 * 1024;
/** Wide enough for the resource names of a KMS. */
const idPattern = /^[A-Za-z0-9][A-Za-z0-9._:/-]{0,255}$/;
const createdPattern = /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d{1,9})?Z$/;

const reports: Readonly<Record<string, readonly [VaultErrorCode, string]>> = {
  missing_key: ['missing_key', 'does not hold this key'],
  wrong_key: ['wrong_key', 'holds another key under this id than the one that wrapped the data key'],
  integrity: ['integrity', 'refuses the wrapped key: it is altered or belongs to another row'],
  unavailable: ['provider_failed', 'cannot reach the keys at the moment'],
};

interface KnownKeks {
  readonly primary: string;
  readonly infos: readonly KekInfo[];
}

function malformed(what: string): VaultError {
  return new VaultError('provider_failed', `The key helper answered with ${what}.`);
}

async function ask(
  helper: KeyHelper,
  question: Readonly<Record<string, unknown>>,
): Promise<Readonly<Record<string, unknown>>> {
  const answer = await askKeyHelper(helper, { v: 1, ...question });
  const { error } = answer;
  if (error === undefined) return answer;
  const report = typeof error === 'string' && Object.hasOwn(reports, error) ? reports[error] : undefined;
  if (report === undefined) throw malformed('an unknown error');
  const [code, reason] = report;
  throw new VaultError(code, `The key helper ${reason}.`);
}

/** @throws VaultError `provider_failed` for what is no base64 of that many bytes. */
function readBytes(value: unknown, minLength: number, maxLength: number): Uint8Array {
  const bytes = typeof value === 'string' ? decodeBase64(value) : null;
  if (bytes === null || bytes.length < minLength || bytes.length > maxLength) throw malformed('no key in base64');
  return bytes;
}

function readKek(value: unknown): KekInfo {
  const { id, created_at: createdAt } = (value ?? {}) as { readonly id?: unknown; readonly created_at?: unknown };
  const createdMs = typeof createdAt === 'string' && createdPattern.test(createdAt) ? toEpochMs(createdAt) : Number.NaN;
  if (typeof id !== 'string' || !idPattern.test(id) || Number.isNaN(createdMs)) throw malformed('a malformed key');
  return { id, createdAt: toInstant(createdMs) };
}

async function listKeks(helper: KeyHelper): Promise<KnownKeks> {
  const { primary, keys } = await ask(helper, { op: 'keys' });
  if (!Array.isArray(keys) || keys.length > maxKeks) throw malformed('no list of keys');
  const infos = keys.map(readKek);
  if (infos.length === 0) throw new VaultError('missing_key', 'The key helper holds no key.');
  if (new Set(infos.map(({ id }) => id)).size !== infos.length) throw malformed('two keys of one id');
  if (typeof primary !== 'string' || !infos.some(({ id }) => id === primary)) throw malformed('no primary key');
  return { primary, infos };
}

/** Keeps its state in private fields. It holds no key, only ids. */
class ExecKeyProvider implements KeyProvider {
  readonly id = 'exec';
  readonly #helper: KeyHelper;
  #known: KnownKeks;

  constructor(helper: KeyHelper, known: KnownKeks) {
    this.#helper = helper;
    this.#known = known;
  }

  async keys(): Promise<readonly KekInfo[]> {
    return this.#known.infos;
  }

  primary(): string {
    return this.#known.primary;
  }

  async reload(): Promise<void> {
    this.#known = await listKeks(this.#helper);
  }

  async wrap(kekId: string, dek: Uint8Array, context: WrapContext): Promise<Uint8Array> {
    if (dek.length !== keyLength) throw new VaultError('invalid_input', `A data key has ${keyLength} bytes.`);
    const dataKey = Buffer.from(dek).toString('base64');
    const { wrapped } = await ask(this.#helper, { op: 'wrap', key: kekId, data_key: dataKey, context });
    return readBytes(wrapped, 1, maxWrappedLength);
  }

  async unwrap(kekId: string, wrapped: Uint8Array, context: WrapContext): Promise<Uint8Array> {
    const question = { op: 'unwrap', key: kekId, wrapped: Buffer.from(wrapped).toString('base64'), context };
    const { data_key: dataKey } = await ask(this.#helper, question);
    return readBytes(dataKey, keyLength, keyLength);
  }
}

/**
 * Asks the helper once which keys there are; `reload` asks again.
 *
 * @throws VaultError `invalid_input` for an empty command, `missing_key` when the helper holds no key,
 * `provider_failed` when it cannot be started, fails, is late or answers nonsense.
 */
export async function openExecKeys(helper: KeyHelper): Promise<KeyProvider> {
  if (helper.command.length === 0 || helper.command[0] === '') {
    throw new VaultError('invalid_input', 'The command of the key helper is empty.');
  }
  return new ExecKeyProvider(helper, await listKeks(helper));
}
