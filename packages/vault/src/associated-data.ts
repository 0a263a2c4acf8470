/**
 * Encoding of associated data: every field is preceded by its length as u16 big-endian, so no two field lists give the
 * same bytes. Text is UTF-8; integers have a fixed width, big-endian. Limits: 65,535 bytes per field, integers up to
 * 2^53 - 1 whatever their width.
 */
import { VaultError } from './key-provider.js';

const maxFieldLength = 0xffff;

/** @throws VaultError `invalid_input` for a lone surrogate: UTF-8 would replace it and two texts would become one. */
export function encodeText(text: string): Uint8Array {
  if (/\p{Surrogate}/u.test(text)) throw new VaultError('invalid_input', 'Associated data is not well-formed text.');
  return new TextEncoder().encode(text);
}

/** @throws VaultError `invalid_input` for a number that is not an integer of that width. */
export function encodeInteger(value: number, width: 1 | 4 | 8): Uint8Array {
  if (!Number.isSafeInteger(value) || value < 0 || (width < 8 && value >= 2 ** (8 * width))) {
    throw new VaultError('invalid_input', `Associated data has a number that does not fit into ${width} bytes.`);
  }
  const wide = new Uint8Array(8);
  new DataView(wide.buffer).setBigUint64(0, BigInt(value));
  return wide.slice(8 - width);
}

/** @throws VaultError `invalid_input` for a field above 65,535 bytes. */
export function encodeFields(fields: readonly Uint8Array[]): Uint8Array {
  const bytes = new Uint8Array(fields.reduce((sum, field) => sum + 2 + field.length, 0));
  const view = new DataView(bytes.buffer);
  let offset = 0;
  for (const field of fields) {
    if (field.length > maxFieldLength) throw new VaultError('invalid_input', 'A field of associated data is too long.');
    view.setUint16(offset, field.length);
    bytes.set(field, offset + 2);
    offset += 2 + field.length;
  }
  return bytes;
}
