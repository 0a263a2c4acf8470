/** Environment variables as data; only `bin/` reads the process's own. */
export type Environment = { readonly [name: string]: string | undefined };

export function isSwitchedOn(value: string | undefined): boolean {
  return value !== undefined && !['', '0', 'false', 'no', 'off'].includes(value.toLowerCase());
}
