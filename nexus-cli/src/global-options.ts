import type { Options } from './arguments.js';

/** What every command takes. */
export const globalOptions = {
  profile: { kind: 'text', value: 'NAME', help: 'the profile to use instead of the default one' },
  'no-colour': { kind: 'flag', help: 'no colour, as with the environment variable NO_COLOR' },
} as const satisfies Options;
