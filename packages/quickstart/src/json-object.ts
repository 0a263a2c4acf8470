export type JsonObject = { readonly [name: string]: unknown };

export function isJsonObject(value: unknown): value is JsonObject {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/** Returns the named member when it is a string that is not empty, else null. */
export function readText(value: unknown, name: string): string | null {
  const member = isJsonObject(value) ? value[name] : undefined;
  return typeof member === 'string' && member !== '' ? member : null;
}

export function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

/** Whether everything `wanted` says is also said by `actual`; members only `actual` has are its own business. */
export function includesJson(actual: unknown, wanted: unknown): boolean {
  if (Array.isArray(wanted)) {
    if (!Array.isArray(actual) || actual.length !== wanted.length) return false;
    return wanted.every((item, index) => includesJson(actual[index], item));
  }
  if (isJsonObject(wanted)) {
    if (!isJsonObject(actual)) return false;
    return Object.entries(wanted).every(([name, value]) => includesJson(actual[name], value));
  }
  return actual === wanted;
}
