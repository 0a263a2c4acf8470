import { describe, expect, it } from 'vitest';
import { UsageError } from './failure.js';
import { parseOptions } from './options.js';

function parse(...argv: string[]) {
  return parseOptions(argv, '/work/place');
}

describe('parseOptions', () => {
  it('has defaults for a newcomer who gives none', () => {
    expect(parse()).toEqual({
      kind: 'start',
      options: {
        dataDirectory: '/work/place/data',
        gatewayPort: 8090,
        brokerPort: 8080,
        demoPort: 8070,
        readyFile: null,
      },
    });
  });

  it('takes every option, with paths relative to where npm was called', () => {
    const command = parse(
      '--data-dir',
      'd',
      '--gateway-port=0',
      '--broker-port',
      '0',
      '--no-demo',
      '--ready-file',
      '../r',
    );
    expect(command).toEqual({
      kind: 'start',
      options: { dataDirectory: '/work/place/d', gatewayPort: 0, brokerPort: 0, demoPort: null, readyFile: '/work/r' },
    });
  });

  it('shows help whatever else is given', () => {
    expect(parse('--help', '--data-dir', 'd')).toEqual({ kind: 'help' });
  });

  it.each([
    [['--nope'], 'Unknown option --nope.'],
    [['-x'], 'Unknown option -x.'],
    [['start'], 'Unexpected argument "start".'],
    [['--data-dir'], '--data-dir needs a value.'],
    [['--data-dir='], '--data-dir needs a value.'],
    [['--ready-file', '--no-demo'], '--ready-file needs a value.'],
    [['--no-demo=yes'], '--no-demo takes no value.'],
    [['--demo-port', '65536'], '--demo-port must be a port number from 0 to 65535, not "65536".'],
    [['--demo-port', '80a'], '--demo-port must be a port number from 0 to 65535, not "80a".'],
    [['--broker-port', '8090'], '--gateway-port and --broker-port are both 8090; each service needs its own port.'],
  ])('refuses %j in one clear sentence', (argv, message) => {
    expect(() => parse(...argv)).toThrow(new UsageError(message));
  });

  it('does not mind equal ports where the demo is not started', () => {
    expect(parse('--no-demo', '--demo-port', '8090').kind).toBe('start');
  });
});
