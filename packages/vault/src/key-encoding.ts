/** How keys and their ids are written where people and programs hand them over. */

const base64Pattern = /^(?:[A-Za-z0-9+/]{4})*(?:[A-Za-z0-9+/]{2}==|[A-Za-z0-9+/]{3}=)?$/;

/** The id of a key-encryption key in a key file: 1 to 64 letters, digits, ".", "_" or "-", the first one a letter or digit. */
export const kekIdPattern = /^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$/;

/** Strict base64 (RFC 4648, section 4): with padding, without stray bits or white space. Null for anything else. */
export function decodeBase64(text: string): Uint8Array | null {
  if (!base64Pattern.test(text)) return null;
  const bytes = Buffer.from(text, 'base64');
  return bytes.toString('base64') === text ? new Uint8Array(bytes) : null;
}
