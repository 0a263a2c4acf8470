/**
 * A STAND-IN FOR A KMS, for docs/operations/kms-helper-example.mjs and its test only: it protects its keys with nothing
 * but a file mode. It answers `CreateKey`, `DescribeKey`, `Encrypt` and `Decrypt` in the shapes of the AWS KMS API, with
 * a bearer token in place of request signatures.
 *
 *     node docs/operations/kms-stand-in.mjs 8070 ./kms-state.json
 *
 * The state file (keys and token, mode 0600) is made when it is missing. Keys never leave the process otherwise.
 */
import { createCipheriv, createDecipheriv, createHash, randomBytes, timingSafeEqual } from 'node:crypto';
import { existsSync, readFileSync, renameSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:http';

const [port = '8070', stateFile = 'kms-state.json'] = process.argv.slice(2);
const maxRequestLength = 64 * 1024;
const nonceLength = 12;
const checkLength = 8;
const tagLength = 16;

const state = existsSync(stateFile)
  ? JSON.parse(readFileSync(stateFile, 'utf8'))
  : { token: randomBytes(32).toString('base64url'), keys: {} };
save();

function save() {
  writeFileSync(`${stateFile}.new`, JSON.stringify(state), { mode: 0o600 });
  renameSync(`${stateFile}.new`, stateFile);
}

class KmsError extends Error {}

function findKey(id) {
  if (!Object.hasOwn(state.keys, id)) throw new KmsError('NotFoundException');
  return { id, created: state.keys[id].created, bytes: Buffer.from(state.keys[id].material, 'base64') };
}

/** Names the key inside of a ciphertext, as a KMS does, so that another key is told from an altered ciphertext. */
function checkOf(key) {
  return createHash('sha256').update(key.id).update(key.bytes).digest().subarray(0, checkLength);
}

function encodeContext(context = {}) {
  return Buffer.from(JSON.stringify(Object.entries(context).sort(([one], [other]) => (one < other ? -1 : 1))));
}

const operations = {
  CreateKey({ KeyId }) {
    if (Object.hasOwn(state.keys, KeyId)) throw new KmsError('AlreadyExistsException');
    state.keys[KeyId] = { material: randomBytes(32).toString('base64'), created: Math.floor(Date.now() / 1000) };
    save();
    return operations.DescribeKey({ KeyId });
  },

  DescribeKey({ KeyId }) {
    return { KeyMetadata: { KeyId, CreationDate: findKey(KeyId).created, Enabled: true } };
  },

  Encrypt({ KeyId, Plaintext, EncryptionContext }) {
    const key = findKey(KeyId);
    const nonce = randomBytes(nonceLength);
    const cipher = createCipheriv('aes-256-gcm', key.bytes, nonce).setAAD(encodeContext(EncryptionContext));
    const sealed = Buffer.concat([cipher.update(Buffer.from(Plaintext, 'base64')), cipher.final()]);
    const blob = Buffer.concat([nonce, checkOf(key), cipher.getAuthTag(), sealed]);
    return { KeyId, CiphertextBlob: blob.toString('base64') };
  },

  Decrypt({ KeyId, CiphertextBlob, EncryptionContext }) {
    const key = findKey(KeyId);
    const blob = Buffer.from(CiphertextBlob, 'base64');
    const [checkEnd, tagEnd] = [nonceLength + checkLength, nonceLength + checkLength + tagLength];
    if (blob.length < tagEnd) throw new KmsError('InvalidCiphertextException');
    if (!blob.subarray(nonceLength, checkEnd).equals(checkOf(key))) throw new KmsError('IncorrectKeyException');
    const nonce = blob.subarray(0, nonceLength);
    const decipher = createDecipheriv('aes-256-gcm', key.bytes, nonce, { authTagLength: tagLength });
    decipher.setAAD(encodeContext(EncryptionContext)).setAuthTag(blob.subarray(checkEnd, tagEnd));
    try {
      const opened = Buffer.concat([decipher.update(blob.subarray(tagEnd)), decipher.final()]);
      return { KeyId, Plaintext: opened.toString('base64') };
    } catch {
      throw new KmsError('InvalidCiphertextException');
    }
  },
};

function isAllowed(request) {
  const digest = (text) => createHash('sha256').update(text).digest();
  return timingSafeEqual(digest(request.headers.authorization ?? ''), digest(`Bearer ${state.token}`));
}

async function readJson(request) {
  let text = '';
  for await (const chunk of request.setEncoding('utf8')) {
    text += chunk;
    if (text.length > maxRequestLength) throw new KmsError('ValidationException');
  }
  return JSON.parse(text);
}

async function answer(request) {
  if (!isAllowed(request)) throw new KmsError('AccessDeniedException');
  const name = `${request.headers['x-amz-target']}`.replace('TrentService.', '');
  if (!Object.hasOwn(operations, name)) throw new KmsError('UnknownOperationException');
  return operations[name](await readJson(request));
}

const server = createServer((request, response) => {
  response.setHeader('content-type', 'application/x-amz-json-1.1');
  answer(request).then(
    (body) => response.end(JSON.stringify(body)),
    (error) => {
      const type = error instanceof KmsError ? error.message : 'ValidationException';
      response.writeHead(400).end(JSON.stringify({ __type: type }));
    },
  );
});
server.listen(Number(port), '127.0.0.1', () => {
  process.stdout.write(`the stand-in listens on http://127.0.0.1:${server.address().port}\n`);
});
