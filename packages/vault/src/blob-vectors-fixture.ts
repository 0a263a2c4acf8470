/**
 * Writes the vectors of blob format 1 without any code of the vault: HChaCha20 by hand over the ChaCha20-Poly1305 of
 * OpenSSL, header and associated data by `Buffer`. A mistake in the vault can therefore not hide in its own vectors.
 */
import { createCipheriv, createHash } from 'node:crypto';

interface VectorContext {
  readonly purpose: string;
  readonly table: string;
  readonly column: string;
  readonly workspace_id: string;
  readonly row_id: string;
  readonly provider_id: string;
  readonly version: number;
  readonly issued_origin: string;
}

interface GoodVector {
  readonly name: string;
  readonly key_id: number;
  readonly nonce: string;
  readonly context: VectorContext;
  readonly plaintext: string;
  readonly blob: string;
}

interface BadVector {
  readonly name: string;
  readonly error: 'integrity' | 'unknown_key';
  readonly context: VectorContext;
  readonly blob: string;
}

export interface BlobVectors {
  readonly about: string;
  readonly keys: readonly { readonly id: number; readonly purpose: string; readonly key: string }[];
  readonly good: readonly GoodVector[];
  readonly bad: readonly BadVector[];
}

function createBytes(label: string, length: number): Buffer {
  return createHash('sha256').update(`nexus blob vectors v1: ${label}`).digest().subarray(0, length);
}

const purposes = { 1: 'cred', 2: 'provider', 3: 'flow', 4: 'audit', 5: 'cred', 4294967295: 'provider' };
const ring = Object.entries(purposes).map(([id, purpose]) => {
  return { id: Number(id), purpose, key: createBytes(`key ${id}`, 32) };
});

function rotate(value: number, bits: number): number {
  return (value << bits) | (value >>> (32 - bits));
}

function mixQuarter(s: Uint32Array, [a, b, c, d]: readonly [number, number, number, number]): void {
  const at = (index: number) => s[index] ?? 0;
  for (const [first, second] of [
    [16, 12],
    [8, 7],
  ] as const) {
    s[a] = at(a) + at(b);
    s[d] = rotate(at(d) ^ at(a), first);
    s[c] = at(c) + at(d);
    s[b] = rotate(at(b) ^ at(c), second);
  }
}

/** draft-irtf-cfrg-xchacha-03, section 2.2. */
export function computeHChaCha20(key: Uint8Array, nonce: Uint8Array): Buffer {
  const input = Buffer.concat([Buffer.from('expand 32-byte k'), key, nonce.subarray(0, 16)]);
  const state = Uint32Array.from({ length: 16 }, (_, index) => input.readUInt32LE(index * 4));
  for (let round = 0; round < 10; round++) {
    for (let i = 0; i < 4; i++) mixQuarter(state, [i, 4 + i, 8 + i, 12 + i]);
    for (let i = 0; i < 4; i++) mixQuarter(state, [i, 4 + ((i + 1) % 4), 8 + ((i + 2) % 4), 12 + ((i + 3) % 4)]);
  }
  const output = Buffer.alloc(32);
  for (let i = 0; i < 4; i++) {
    output.writeUInt32LE(state[i] ?? 0, i * 4);
    output.writeUInt32LE(state[12 + i] ?? 0, 16 + i * 4);
  }
  return output;
}

function encodeField(bytes: Buffer): Buffer {
  return Buffer.concat([Buffer.from([bytes.length >> 8, bytes.length & 0xff]), bytes]);
}

export function encodeAad(keyId: number, context: VectorContext): Buffer {
  const id = Buffer.alloc(4);
  id.writeUInt32BE(keyId);
  const version = Buffer.alloc(8);
  version.writeBigUInt64BE(BigInt(context.version));
  const texts = [context.purpose, context.table, context.column, context.workspace_id, context.row_id];
  const before = [Buffer.from('nexus.blob.v1'), Buffer.from([1]), Buffer.from([1]), id];
  const middle = [...texts, context.provider_id].map((text) => Buffer.from(text, 'utf8'));
  return Buffer.concat([...before, ...middle, version, Buffer.from(context.issued_origin, 'utf8')].map(encodeField));
}

export function padPlaintext(plaintext: Buffer): Buffer {
  const zeros = 255 - (plaintext.length % 256);
  return Buffer.concat([plaintext, Buffer.from([0x80]), Buffer.alloc(zeros)]);
}

interface SealInput {
  readonly keyId: number;
  readonly nonce: Buffer;
  readonly context: VectorContext;
  readonly padded: Buffer;
  readonly aad?: Buffer;
}

function sealPadded(input: SealInput): Buffer {
  const key = ring.find((entry) => entry.id === input.keyId)?.key ?? Buffer.alloc(32);
  const subkey = computeHChaCha20(key, input.nonce);
  const iv = Buffer.concat([Buffer.alloc(4), input.nonce.subarray(16)]);
  const cipher = createCipheriv('chacha20-poly1305', subkey, iv, { authTagLength: 16 });
  cipher.setAAD(input.aad ?? encodeAad(input.keyId, input.context), { plaintextLength: input.padded.length });
  const ciphertext = Buffer.concat([cipher.update(input.padded), cipher.final()]);
  const header = Buffer.from([0x4e, 0x58, 1, 1, 0, 0, 0, 0]);
  header.writeUInt32BE(input.keyId, 4);
  return Buffer.concat([header, input.nonce, ciphertext, cipher.getAuthTag()]);
}

const base: VectorContext = {
  purpose: 'cred',
  table: 'connections',
  column: 'credential',
  workspace_id: 'default',
  row_id: '01JGVECTOR0000000000000001',
  provider_id: '01JGVECTOR0000000000000002',
  version: 1,
  issued_origin: 'https://as.example.test:443',
};

const bare = { ...base, table: '', column: '', workspace_id: '', row_id: '', provider_id: '', issued_origin: '' };
const tokens = Buffer.from(
  '{"access_token":"example-access","expires_at":1767323045,"refresh_token":"example-refresh"}',
);

const goodCases: readonly (readonly [string, number, VectorContext, Buffer])[] = [
  ['empty plaintext', 1, base, Buffer.alloc(0)],
  ['one byte', 1, base, Buffer.from('a')],
  ['canonical JSON of a token set', 1, base, tokens],
  ['254 bytes', 1, base, Buffer.alloc(254, 0x61)],
  ['255 bytes, the longest in one step', 1, base, Buffer.alloc(255, 0x61)],
  ['256 bytes, padded by a whole step', 1, base, Buffer.alloc(256, 0x61)],
  ['257 bytes', 1, base, Buffer.alloc(257, 0x61)],
  ['1,024 bytes', 1, base, Buffer.alloc(1024, 0x62)],
  ['2,047 bytes', 1, base, Buffer.alloc(2047, 0x63)],
  ['plaintext that ends like padding', 1, base, Buffer.from([1, 0x80, 0, 0])],
  ['plaintext of padding marks', 1, base, Buffer.alloc(300, 0x80)],
  ['plaintext of zeros', 1, base, Buffer.alloc(64)],
  ['second key of a purpose', 5, base, tokens],
  ['purpose provider', 2, { ...base, purpose: 'provider', table: 'providers' }, tokens],
  ['purpose flow', 3, { ...base, purpose: 'flow', table: 'flows' }, tokens],
  ['purpose audit', 4, { ...base, purpose: 'audit', table: 'audit' }, tokens],
  ['greatest key id', 0xffffffff, { ...base, purpose: 'provider' }, tokens],
  ['version 0 and empty fields', 1, { ...bare, version: 0 }, tokens],
  ['version 2^53 - 1', 1, { ...base, version: Number.MAX_SAFE_INTEGER }, tokens],
  ['text beyond ASCII', 1, { ...base, workspace_id: 'Zürich-東京-😀', column: 'e\u0301' }, Buffer.from('"é"')],
];

function createGood(): GoodVector[] {
  return goodCases.map(([name, keyId, context, plaintext], index) => {
    const nonce = createBytes(`nonce ${index}`, 24);
    const blob = sealPadded({ keyId, nonce, context, padded: padPlaintext(plaintext) });
    const hex = { nonce: nonce.toString('hex'), plaintext: plaintext.toString('hex'), blob: blob.toString('hex') };
    return { name, key_id: keyId, context, ...hex };
  });
}

const badNonce = createBytes('nonce of bad vectors', 24);
const valid = sealPadded({ keyId: 1, nonce: badNonce, context: base, padded: padPlaintext(tokens) });

function withByte(position: number, value: number): Buffer {
  const altered = Buffer.from(valid);
  altered[position < 0 ? valid.length + position : position] = value;
  return altered;
}

function withFlip(position: number, mask = 1): Buffer {
  const index = position < 0 ? valid.length + position : position;
  return withByte(index, (valid[index] ?? 0) ^ mask);
}

function withPadded(...parts: readonly Buffer[]): Buffer {
  return sealPadded({ keyId: 1, nonce: badNonce, context: base, padded: Buffer.concat(parts) });
}

function withAad(aad: Buffer): Buffer {
  return sealPadded({ keyId: 1, nonce: badNonce, context: base, padded: padPlaintext(tokens), aad });
}

type BadCase = readonly [string, Buffer, VectorContext?, BadVector['error']?];

const badLengths: readonly BadCase[] = [
  ['no bytes', Buffer.alloc(0)],
  ['the mark alone', valid.subarray(0, 2)],
  ['the header alone', valid.subarray(0, 8)],
  ['header and nonce alone', valid.subarray(0, 32)],
  ['no ciphertext', Buffer.concat([valid.subarray(0, 32), valid.subarray(-16)])],
  ['last byte missing', valid.subarray(0, -1)],
  ['tag missing', valid.subarray(0, -16)],
  ['one byte more', Buffer.concat([valid, Buffer.alloc(1)])],
  ['one step of zeros more', Buffer.concat([valid, Buffer.alloc(256)])],
];

const badHeaders: readonly BadCase[] = [
  ['first byte of the mark', withByte(0, 0x4d)],
  ['second byte of the mark', withByte(1, 0x59)],
  ['format 0', withByte(2, 0)],
  ['format 2', withByte(2, 2)],
  ['algorithm 0', withByte(3, 0)],
  ['algorithm 2', withByte(3, 2)],
  ['key id 0', withByte(7, 0)],
  ['key id of another key of the purpose', withByte(7, 5)],
  ['key id of another purpose', withByte(7, 3)],
  ['key id not in the ring', withByte(7, 99), base, 'unknown_key'],
  ['key id in little-endian order', withByte(7, 0).fill(1, 4, 5), base, 'unknown_key'],
];

const badBodies: readonly BadCase[] = [
  ['first bit of the nonce', withFlip(8, 0x80)],
  ['last bit of the nonce', withFlip(31)],
  ['first bit of the ciphertext', withFlip(32, 0x80)],
  ['last bit of the ciphertext', withFlip(-17)],
  ['first bit of the tag', withFlip(-16, 0x80)],
  ['last bit of the tag', withFlip(-1)],
  ['tag of zeros', Buffer.from(valid).fill(0, valid.length - 16)],
];

const badContexts: readonly BadCase[] = [
  ['another purpose', valid, { ...base, purpose: 'flow' }],
  ['another table', valid, { ...base, table: 'providers' }],
  ['another column', valid, { ...base, column: 'client_secret' }],
  ['another workspace', valid, { ...base, workspace_id: 'other' }],
  ['another row', valid, { ...base, row_id: '01JGVECTOR0000000000000003' }],
  ['another provider', valid, { ...base, provider_id: '01JGVECTOR0000000000000004' }],
  ['another version', valid, { ...base, version: 2 }],
  ['another issuer origin', valid, { ...base, issued_origin: 'https://as.example.test:8443' }],
  ['fields that concatenate alike', valid, { ...base, table: 'connection', column: 'scredential' }],
];

const badPlaintexts: readonly BadCase[] = [
  ['authentic, padding without its mark', withPadded(Buffer.alloc(256))],
  ['authentic, padding followed by a byte', withPadded(Buffer.from([0x80]), Buffer.alloc(254), Buffer.from([1]))],
  ['authentic, padding longer than a step', withPadded(Buffer.from([0x80]), Buffer.alloc(511))],
  [
    'sealed with associated data that lacks lengths',
    withAad(Buffer.from(`nexus.blob.v1${Object.values(base).join('')}`)),
  ],
];

function createBad(): BadVector[] {
  const cases = [...badLengths, ...badHeaders, ...badBodies, ...badContexts, ...badPlaintexts];
  return cases.map(([name, blob, context = base, error = 'integrity']) => {
    return { name, error, context, blob: blob.toString('hex') };
  });
}

export function createBlobVectors(): BlobVectors {
  const about =
    'Vectors of Nexus blob format 1. Bytes are hex. Every good blob opens to its plaintext under its context with the ' +
    'key it names; no bad blob opens, and each gives its error.';
  const keys = ring.map(({ id, purpose, key }) => ({ id, purpose, key: key.toString('hex') }));
  return { about, keys, good: createGood(), bad: createBad() };
}
