/** Finds secrets in bytes, whatever common form somebody may have written them in, in one pass over each place. */

/** A name for reports, and the value that must not be found. */
export interface PlantedSecret {
  readonly label: string;
  readonly value: string;
}

/** Where to look, and the values that belong there. */
export interface Place {
  readonly name: string;
  readonly bytes: Uint8Array;
  readonly mayCarry?: readonly string[];
}

export interface Leak {
  readonly secret: string;
  readonly form: string;
  readonly place: string;
  /** What stands around it, the secret itself left out. */
  readonly before: string;
}

interface Needle {
  readonly secret: PlantedSecret;
  readonly form: string;
  readonly bytes: Buffer;
}

const shortestSecret = 16;
const fragmentLength = 20;

/** Every way the value might be spelled: raw, in the usual encodings, escaped, and, when it is long, in part. */
export function spellSecret(value: string): Map<string, Buffer> {
  if (value.length < shortestSecret) throw new RangeError('a secret this short would be found by chance');
  const bytes = Buffer.from(value, 'utf8');
  const percent = encodeURIComponent(value);
  const json = JSON.stringify(value).slice(1, -1);
  const forms: [string, string | Buffer][] = [
    ['raw', value],
    ['UTF-16', Buffer.from(value, 'utf16le')],
    ['hex', bytes.toString('hex')],
    ['upper-case hex', bytes.toString('hex').toUpperCase()],
    ['URL', percent],
    ['lower-case URL', percent.replaceAll(/%[0-9A-F]{2}/g, (code) => code.toLowerCase())],
    ['form', new URLSearchParams({ x: value }).toString().slice(2)],
    ['JSON', json],
    ['ASCII JSON', json.replaceAll(/[^ -~]/gu, escapeUnits)],
    ['JSON in JSON', JSON.stringify(json).slice(1, -1)],
    ['HTML', value.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('"', '&quot;').replaceAll("'", '&#39;')],
    ...spellBase64(bytes),
  ];
  if (value.length >= 2 * fragmentLength) {
    forms.push(['its end', value.slice(-fragmentLength)]);
    // All ID tokens of one signer begin with the same header.
    if (!value.startsWith('eyJ')) forms.push(['its beginning', value.slice(0, fragmentLength)]);
  }
  return new Map(forms.map(([form, text]) => [form, Buffer.from(text)]));
}

function escapeUnits(character: string): string {
  return Array.from({ length: character.length }, (_, index) => {
    return `\\u${character.charCodeAt(index).toString(16).padStart(4, '0')}`;
  }).join('');
}

/** Inside longer base64 a value looks different at each of three alignments; only its own characters are kept. */
function spellBase64(bytes: Buffer): [string, string][] {
  return [0, 1, 2].flatMap((offset): [string, string][] => {
    const padded = Buffer.concat([Buffer.alloc(offset), bytes]);
    const from = Math.ceil((offset * 8) / 6);
    const to = Math.floor((padded.length * 8) / 6);
    return [
      [`base64 at ${offset}`, padded.toString('base64').slice(from, to)],
      [`base64url at ${offset}`, padded.toString('base64url').slice(from, to)],
    ];
  });
}

export function findSecrets(places: readonly Place[], secrets: readonly PlantedSecret[]): Leak[] {
  const needles = createNeedles(secrets);
  return places.flatMap((place) => searchPlace(place, needles));
}

type NeedlesByHead = ReadonlyMap<number, readonly Needle[]>;

const headLength = 4;

function createNeedles(secrets: readonly PlantedSecret[]): NeedlesByHead {
  const byHead = new Map<number, Needle[]>();
  const seen = new Set<string>();
  for (const secret of secrets) {
    for (const [form, bytes] of spellSecret(secret.value)) {
      const key = bytes.toString('latin1');
      if (seen.has(key)) continue;
      seen.add(key);
      const head = bytes.readUInt32BE(0);
      byHead.set(head, [...(byHead.get(head) ?? []), { secret, form, bytes }]);
    }
  }
  return byHead;
}

function searchPlace(place: Place, needles: NeedlesByHead): Leak[] {
  const bytes = Buffer.from(place.bytes.buffer, place.bytes.byteOffset, place.bytes.byteLength);
  // Most positions are sorted out by sixteen bits of their head, without a look into the map.
  const candidates = new Uint8Array(1 << 16);
  for (const head of needles.keys()) candidates[head & 0xffff] = 1;
  const leaks: Leak[] = [];
  let head = 0;
  for (let end = 0; end < bytes.length; end++) {
    head = ((head << 8) | (bytes[end] ?? 0)) >>> 0;
    if (candidates[head & 0xffff] === 0 || end < headLength - 1) continue;
    const start = end - headLength + 1;
    for (const needle of needles.get(head) ?? []) {
      if (!bytes.subarray(start, start + needle.bytes.length).equals(needle.bytes)) continue;
      if (place.mayCarry?.includes(needle.secret.value) === true) continue;
      leaks.push({
        secret: needle.secret.label,
        form: needle.form,
        place: place.name,
        before: bytes.toString('latin1', Math.max(0, start - 60), start).replaceAll(/[^ -~]/g, '.'),
      });
    }
  }
  return leaks;
}
