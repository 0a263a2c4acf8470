/** Headers with one set, whatever the letter case under which it was there before. */
export function setHeader(
  headers: { readonly [name: string]: string },
  name: string,
  value: string,
): { readonly [name: string]: string } {
  const others = Object.entries(headers).filter(([other]) => other.toLowerCase() !== name.toLowerCase());
  return Object.fromEntries([...others, [name, value]]);
}
