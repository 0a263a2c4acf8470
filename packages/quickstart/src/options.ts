import { resolve } from 'node:path';
import { parseArgs } from 'node:util';
import { UsageError } from './failure.js';

export interface StartOptions {
  readonly dataDirectory: string;
  readonly gatewayPort: number;
  readonly brokerPort: number;
  /** Null with `--no-demo`. */
  readonly demoPort: number | null;
  readonly readyFile: string | null;
}

export type Command = { readonly kind: 'help' } | { readonly kind: 'start'; readonly options: StartOptions };

export const usage = `Usage: npm start [-- OPTIONS]

Starts the Gateway, the Broker and a demo OpenID provider on this machine, for development.

  --data-dir DIR      where databases, keys and logs live (default ./data)
  --gateway-port N    8090 unless given; 0 picks a free port
  --broker-port N     8080 unless given; 0 picks a free port
  --demo-port N       8070 unless given; 0 picks a free port
  --no-demo           start without the demo provider
  --ready-file FILE   write URLs, key files and process ids here, as JSON, once everything is ready
  --help              show this text

DATABASE_URL and every other setting are passed on to both services.
Service logs go to DIR/logs; set LOG_TO_CONSOLE=1 to see them here instead.`;

const valued = { type: 'string' } as const;
const flag = { type: 'boolean' } as const;
const known = {
  'data-dir': valued,
  'gateway-port': valued,
  'broker-port': valued,
  'demo-port': valued,
  'ready-file': valued,
  'no-demo': flag,
  help: flag,
} as const;

type OptionName = keyof typeof known;

function isKnown(name: string): name is OptionName {
  return Object.hasOwn(known, name);
}

/** Reads name and value pairs. The parser's strict mode is not used: its messages explain more than a newcomer asks. */
function readTokens(argv: readonly string[]): Map<OptionName, string> {
  const { tokens } = parseArgs({ args: [...argv], options: known, strict: false, tokens: true });
  const given = new Map<OptionName, string>();
  for (const token of tokens) {
    if (token.kind === 'option-terminator') continue;
    if (token.kind === 'positional') throw new UsageError(`Unexpected argument "${token.value}".`);
    if (!isKnown(token.name)) throw new UsageError(`Unknown option ${token.rawName}.`);
    if (known[token.name].type === 'boolean') {
      if (token.value !== undefined) throw new UsageError(`${token.rawName} takes no value.`);
      given.set(token.name, '');
    } else {
      const isMissing = token.value === undefined || token.value === '';
      if (isMissing || (!token.inlineValue && token.value.startsWith('-'))) {
        throw new UsageError(`${token.rawName} needs a value.`);
      }
      given.set(token.name, token.value);
    }
  }
  return given;
}

function readPort(given: ReadonlyMap<OptionName, string>, name: OptionName, fallback: number): number {
  const text = given.get(name);
  if (text === undefined) return fallback;
  const port = /^\d{1,5}$/.test(text) ? Number(text) : Number.NaN;
  if (!(port <= 65_535)) throw new UsageError(`--${name} must be a port number from 0 to 65535, not "${text}".`);
  return port;
}

function refuseEqualPorts(ports: readonly (readonly [OptionName, number])[]): void {
  const seen = new Map<number, OptionName>();
  for (const [name, port] of ports) {
    const other = seen.get(port);
    if (port !== 0 && other !== undefined) {
      throw new UsageError(`--${other} and --${name} are both ${port}; each service needs its own port.`);
    }
    seen.set(port, name);
  }
}

/**
 * Reads the command line of `npm start`. Paths are taken relative to the directory npm was called in.
 *
 * @throws UsageError naming the option that is wrong.
 */
export function parseOptions(argv: readonly string[], workingDirectory: string): Command {
  const given = readTokens(argv);
  if (given.has('help')) return { kind: 'help' };
  const gatewayPort = readPort(given, 'gateway-port', 8090);
  const brokerPort = readPort(given, 'broker-port', 8080);
  const demoPort = readPort(given, 'demo-port', 8070);
  const withDemo = !given.has('no-demo');
  refuseEqualPorts([
    ['gateway-port', gatewayPort],
    ['broker-port', brokerPort],
    ...(withDemo ? ([['demo-port', demoPort]] as const) : []),
  ]);
  const readyFile = given.get('ready-file');
  return {
    kind: 'start',
    options: {
      dataDirectory: resolve(workingDirectory, given.get('data-dir') ?? 'data'),
      gatewayPort,
      brokerPort,
      demoPort: withDemo ? demoPort : null,
      readyFile: readyFile === undefined ? null : resolve(workingDirectory, readyFile),
    },
  };
}
