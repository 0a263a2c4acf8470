/**
 * Checkpoints as signed notes (C2SP signed-note and tlog-checkpoint): text lines, an empty line, a signature line.
 * The body is `origin`, the size in decimal, the base64 head hash, and two extension lines: the base64 SHA-256 of the
 * note before (32 zero bytes for the first) and the time. The signature is Ed25519 over the body with its final newline.
 */
import { createHash, createPublicKey, verify } from 'node:crypto';

const ed25519 = 0x01;
const keyHashLength = 4;
const publicKeyLength = 32;
const signatureLength = 64;
/** SubjectPublicKeyInfo of Ed25519 up to the key itself (RFC 8410). */
const publicKeyPrefix = Buffer.from('302a300506032b6570032100', 'hex');

export interface Checkpoint {
  readonly origin: string;
  /** The sequence number of the last entry it covers. */
  readonly size: number;
  /** The hash of that entry's link. */
  readonly headHash: Uint8Array;
  readonly previousNoteHash: Uint8Array;
  /** RFC 3339. */
  readonly createdAt: string;
}

/** The name under which a key signs, and its 32 public bytes. */
export interface VerifierKey {
  readonly name: string;
  readonly publicKey: Uint8Array;
}

export interface SignedCheckpoint {
  readonly checkpoint: Checkpoint;
  readonly keyName: string;
  /** Four bytes that choose between keys of one name. */
  readonly keyHash: Uint8Array;
  readonly signature: Uint8Array;
  /** The signed text. */
  readonly body: string;
}

export function writeCheckpointBody(checkpoint: Checkpoint): string {
  const { origin, size, headHash, previousNoteHash, createdAt } = checkpoint;
  return `${[origin, String(size), base64(headHash), base64(previousNoteHash), createdAt].join('\n')}\n`;
}

export function writeSignedNote(body: string, key: VerifierKey, signature: Uint8Array): string {
  return `${body}\n\u2014 ${key.name} ${base64(Buffer.concat([computeKeyHash(key), signature]))}\n`;
}

/** SHA-256 of the whole note: what the next checkpoint carries. */
export function hashNote(note: string): Uint8Array {
  return createHash('sha256').update(note, 'utf8').digest();
}

/** `name+8 hex digits+base64(0x01 | public key)`, the encoding auditors keep. */
export function encodeVerifierKey(key: VerifierKey): string {
  const encoded = base64(Buffer.concat([Buffer.of(ed25519), key.publicKey]));
  return `${key.name}+${Buffer.from(computeKeyHash(key)).toString('hex')}+${encoded}`;
}

/** Null for what is no verifier key, or one whose digits do not fit its bytes. */
export function decodeVerifierKey(text: string): VerifierKey | null {
  const [, name = '', digits = '', encoded = ''] = /^([^\s+]+)\+([0-9a-f]{8})\+([A-Za-z0-9+/]+=*)$/.exec(text) ?? [];
  const bytes = Buffer.from(encoded, 'base64');
  if (name === '' || bytes.length !== 1 + publicKeyLength || bytes[0] !== ed25519) return null;
  const key = { name, publicKey: new Uint8Array(bytes.subarray(1)) };
  return Buffer.from(computeKeyHash(key)).toString('hex') === digits ? key : null;
}

/** Null for text that is not exactly one checkpoint with one signature, as this module writes it. */
export function readSignedNote(note: string): SignedCheckpoint | null {
  const parts = /^((?:[^\n]+\n){5})\n\u2014 ([^\s+]+) ([A-Za-z0-9+/]+=*)\n$/.exec(note);
  const [, body = '', keyName = '', encoded = ''] = parts ?? [];
  const signed = Buffer.from(encoded, 'base64');
  const [origin = '', size = '', head = '', previous = '', createdAt = ''] = body.split('\n');
  const checkpoint = {
    origin,
    size: Number(size),
    headHash: new Uint8Array(Buffer.from(head, 'base64')),
    previousNoteHash: new Uint8Array(Buffer.from(previous, 'base64')),
    createdAt,
  };
  // Written again it must give the same text: no second spelling of a number or of base64 is accepted.
  if (!/^[1-9]\d{0,15}$/.test(size) || writeCheckpointBody(checkpoint) !== body || base64(signed) !== encoded)
    return null;
  if (checkpoint.headHash.length !== 32 || checkpoint.previousNoteHash.length !== 32) return null;
  if (signed.length !== keyHashLength + signatureLength) return null;
  return {
    checkpoint,
    keyName,
    keyHash: new Uint8Array(signed.subarray(0, keyHashLength)),
    signature: new Uint8Array(signed.subarray(keyHashLength)),
    body,
  };
}

/** Whether the note says that it is signed with this key. */
export function namesKey(note: SignedCheckpoint, key: VerifierKey): boolean {
  return note.keyName === key.name && Buffer.from(computeKeyHash(key)).equals(note.keyHash);
}

/** Whether this key made the signature. */
export function isSignedBy(note: SignedCheckpoint, key: VerifierKey): boolean {
  if (!namesKey(note, key)) return false;
  const publicKey = createPublicKey({
    key: Buffer.concat([publicKeyPrefix, key.publicKey]),
    format: 'der',
    type: 'spki',
  });
  return verify(null, Buffer.from(note.body, 'utf8'), publicKey, note.signature);
}

function computeKeyHash(key: VerifierKey): Uint8Array {
  const input = Buffer.concat([Buffer.from(`${key.name}\n`, 'utf8'), Buffer.of(ed25519), key.publicKey]);
  return createHash('sha256').update(input).digest().subarray(0, keyHashLength);
}

function base64(bytes: Uint8Array): string {
  return Buffer.from(bytes).toString('base64');
}
