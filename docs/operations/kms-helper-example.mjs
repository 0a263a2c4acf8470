/**
 * AN EXAMPLE OF A KEY HELPER, for KEY_PROVIDER=exec: it gives the Broker the keys of a KMS, here the stand-in of
 * docs/operations/kms-stand-in.mjs. The Broker starts it anew for every question, writes one line of JSON to its stdin
 * and reads one line of JSON from its stdout (packages/vault/src/exec-key-provider.ts has the protocol).
 *
 *     KEY_COMMAND='["node","/etc/nexus/kms-helper.mjs","/etc/nexus/kms.json"]'
 *     /etc/nexus/kms.json: { "url": "http://127.0.0.1:8070", "token": "…", "keys": ["kek-1"] }   (mode 0400)
 *
 * `keys` are the keys this installation may use; the first one wraps the keys of a first start. The file is read at
 * every question, so a key added to it is known without a restart of the Broker.
 *
 * For a real KMS, change `callKms` and what is sent and read around it:
 * - AWS KMS: Encrypt, Decrypt and DescribeKey are called by these names, with these members. Sign the request (SigV4),
 *   or let the AWS CLI or SDK send it; with the CLI, hand the key over by stdin (`--plaintext fileb:///dev/stdin`),
 *   because anybody on the machine can read the arguments of a program.
 * - Vault Transit: POST /v1/transit/encrypt/KEY with { plaintext, associated_data } and /v1/transit/decrypt/KEY with
 *   { ciphertext, associated_data }; associated_data is the base64 of a text made of the context in a fixed order.
 * - An HSM (PKCS #11): wrap with an authenticated mechanism such as CKM_AES_GCM, with that text as associated data.
 * Whatever it is, the context must be authenticated together with the key, or wrapped keys can be exchanged.
 */
import { readFileSync } from 'node:fs';

const timeoutMs = 3000;
const [configFile = ''] = process.argv.slice(2);

/** What the errors of the KMS mean in the protocol; anything else is `unavailable`. */
const reports = {
  NotFoundException: 'missing_key',
  IncorrectKeyException: 'wrong_key',
  InvalidCiphertextException: 'integrity',
};

class ReportedError extends Error {}

async function callKms(config, operation, parameters) {
  const response = await fetch(config.url, {
    method: 'POST',
    headers: { 'x-amz-target': `TrentService.${operation}`, authorization: `Bearer ${config.token}` },
    body: JSON.stringify(parameters),
    signal: AbortSignal.timeout(timeoutMs),
  });
  const body = await response.json();
  if (!response.ok) throw new ReportedError(reports[body.__type] ?? 'unavailable');
  return body;
}

/** Nothing for a key the KMS does not know: the Broker says by name which one it misses. */
async function describeKey(config, id) {
  try {
    const { KeyMetadata } = await callKms(config, 'DescribeKey', { KeyId: id });
    return [{ id, created_at: new Date(KeyMetadata.CreationDate * 1000).toISOString() }];
  } catch (error) {
    if (error instanceof ReportedError && error.message === 'missing_key') return [];
    throw error;
  }
}

const answers = {
  async keys(config) {
    const keys = (await Promise.all(config.keys.map((id) => describeKey(config, id)))).flat();
    return { primary: keys[0]?.id ?? null, keys };
  },

  async wrap(config, { key: KeyId, data_key: Plaintext, context: EncryptionContext }) {
    const { CiphertextBlob } = await callKms(config, 'Encrypt', { KeyId, Plaintext, EncryptionContext });
    return { wrapped: CiphertextBlob };
  },

  async unwrap(config, { key: KeyId, wrapped: CiphertextBlob, context: EncryptionContext }) {
    const { Plaintext } = await callKms(config, 'Decrypt', { KeyId, CiphertextBlob, EncryptionContext });
    return { data_key: Plaintext };
  },
};

async function answer(question) {
  if (question.v !== 1 || !Object.hasOwn(answers, question.op)) throw new Error('unknown question');
  const config = JSON.parse(readFileSync(configFile, 'utf8'));
  if (question.op !== 'keys' && !config.keys.includes(question.key)) throw new ReportedError('missing_key');
  return answers[question.op](config, question);
}

async function report(question) {
  try {
    return await answer(question);
  } catch (error) {
    // A refusal of the KMS has its own word; a KMS that cannot be reached is worth another try.
    return { error: error instanceof ReportedError ? error.message : 'unavailable' };
  }
}

process.stdout.write(`${JSON.stringify(await report(JSON.parse(readFileSync(0, 'utf8'))))}\n`);
