import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { inspect } from 'node:util';
import { describe, expect, it } from 'vitest';
import { z } from 'zod';
import { defineSettings } from './define.js';
import { ConfigError, loadSettings } from './load.js';
import { booleanText, integerText, listText, portText, urlText } from './values.js';

const settings = defineSettings({
  PORT: { schema: portText(), default: 8080, help: 'Where to listen.' },
  PUBLIC_URL: { schema: urlText(), required: true, help: 'How people reach it.' },
  OPEN_METADATA: { schema: booleanText(), default: false, help: 'A switch.' },
  CORS_ALLOWED_ORIGINS: { schema: listText(), help: 'Exact origins.' },
  BROKER_API_KEY: {
    schema: z.string().min(12, { error: 'must have at least 12 characters' }),
    required: true,
    secret: true,
    example: 'published-in-the-docs',
    help: 'A key.',
  },
  STORE_PASSWORD: { schema: z.string(), secret: true, help: 'Another secret.' },
});

const good = { PUBLIC_URL: 'https://nexus.test/', BROKER_API_KEY: 'correct-horse-battery' };

function problemsOf(environment: Record<string, string>): Record<string, string> {
  try {
    loadSettings(settings, environment);
  } catch (error) {
    if (error instanceof ConfigError) {
      return Object.fromEntries(error.problems.map(({ setting, problem }) => [setting, problem]));
    }
    throw error;
  }
  return {};
}

describe('loadSettings', () => {
  it('answers typed values by camel-case name and null for an optional setting without a default', () => {
    const { config, secrets } = loadSettings(settings, { ...good, PORT: '9000', UNKNOWN: 'ignored' });
    const port: number = config.port;
    const origins: string[] | null = config.corsAllowedOrigins;
    expect({ port, origins, url: config.publicUrl, open: config.openMetadata }).toEqual({
      port: 9000,
      origins: null,
      url: 'https://nexus.test',
      open: false,
    });
    expect(secrets.brokerApiKey.reveal()).toBe('correct-horse-battery');
    expect(secrets.storePassword).toBeNull();
    expect(Object.keys(config)).not.toContain('brokerApiKey');
  });

  it('reports every problem at once', () => {
    expect(problemsOf({ PORT: '70000', OPEN_METADATA: 'yes', BROKER_API_KEY: 'short' })).toEqual({
      PORT: 'must be a whole number from 0 to 65535',
      PUBLIC_URL: 'is required',
      OPEN_METADATA: 'must be true or false',
      BROKER_API_KEY: 'must have at least 12 characters',
    });
  });

  it('never prints the value of a secret, not even through the message of a schema', () => {
    const leaky = defineSettings({
      API_KEY: {
        schema: z.string().transform((text, context) => {
          context.addIssue({ code: 'custom', message: `${text} is bad` });
          return z.NEVER;
        }),
        secret: true,
        help: 'x',
      },
    });
    const load = () => loadSettings(leaky, { API_KEY: 'canary-77131' });
    expect(load).toThrow('API_KEY: is not valid');
    expect(load).not.toThrow(/canary/);
    const loaded = loadSettings(settings, good);
    expect(JSON.stringify(loaded) + inspect(loaded, { depth: 9 })).not.toContain('correct-horse');
  });

  it('treats an empty variable as absent', () => {
    expect(loadSettings(settings, { ...good, PORT: '', CORS_ALLOWED_ORIGINS: ' ' }).config.port).toBe(8080);
    expect(problemsOf({ ...good, PUBLIC_URL: '' })).toEqual({ PUBLIC_URL: 'is required' });
  });

  it('reads a secret from the file that NAME_FILE names, and says when it cannot', () => {
    const folder = mkdtempSync(join(tmpdir(), 'nexus-config-'));
    try {
      const path = join(folder, 'key');
      writeFileSync(path, 'from-a-mounted-file\n');
      const fromFile = { PUBLIC_URL: good.PUBLIC_URL, BROKER_API_KEY_FILE: path };
      expect(loadSettings(settings, fromFile).secrets.brokerApiKey.reveal()).toBe('from-a-mounted-file');
      expect(problemsOf({ ...fromFile, BROKER_API_KEY: 'correct-horse-battery' })['BROKER_API_KEY']).toMatch(
        /set twice/,
      );
      expect(problemsOf({ ...fromFile, BROKER_API_KEY_FILE: join(folder, 'none') })).toEqual({
        BROKER_API_KEY_FILE: 'names a file that cannot be read (ENOENT)',
      });
      writeFileSync(path, '\n');
      expect(problemsOf(fromFile)).toEqual({ BROKER_API_KEY_FILE: 'names an empty file' });
    } finally {
      rmSync(folder, { recursive: true });
    }
  });

  it('does not read a file for a setting that is not secret', () => {
    const load = () => loadSettings(settings, { ...good, PORT_FILE: '/nonexistent' });
    expect(load().config.port).toBe(8080);
  });

  it.each([
    'published-in-the-docs',
    'change-me-please',
    '<your key here>',
    '0000000000000000',
    '0123456789abcdef0123456789abcdef',
    Buffer.alloc(32, 7).toString('base64'),
    Buffer.alloc(32, 7).toString('hex'),
  ])('refuses the placeholder %s as a secret', (value) => {
    expect(problemsOf({ ...good, BROKER_API_KEY: value })['BROKER_API_KEY']).toMatch(/placeholder/);
  });

  it('refuses two secrets with one value', () => {
    expect(problemsOf({ ...good, STORE_PASSWORD: good.BROKER_API_KEY })).toEqual({
      STORE_PASSWORD: 'must not equal BROKER_API_KEY',
    });
  });

  it('runs the cross-checks once each setting on its own is right', () => {
    const checks = [() => [{ setting: 'PORT', problem: 'must differ' }]];
    expect(() => loadSettings(settings, good, { checks })).toThrow('PORT: must differ');
    expect(() => loadSettings(settings, { ...good, PORT: 'x' }, { checks })).not.toThrow('must differ');
  });

  it.each([
    ['NODE_TLS_REJECT_UNAUTHORIZED', '0'],
    ['NODE_USE_ENV_PROXY', '1'],
    ['NODE_DEBUG', 'timer,http'],
    ['NODE_OPTIONS', '--max-old-space-size=200 --insecure-http-parser'],
    ['NODE_OPTIONS', '--tls-keylog=/tmp/keys'],
    ['NODE_OPTIONS', '--tls-min-v1.0'],
  ])('S-7: refuses to start with %s=%s', (name, value) => {
    expect(Object.keys(problemsOf({ ...good, [name]: value }))).toEqual([name]);
  });

  it('S-7: starts with HTTP_PROXY set, which nothing of ours reads', () => {
    const environment = { ...good, HTTP_PROXY: 'http://127.0.0.1:1', NODE_TLS_REJECT_UNAUTHORIZED: '1' };
    expect(problemsOf(environment)).toEqual({});
  });
});

describe('defineSettings', () => {
  it('refuses a secret with a default and a name that is not an environment name', () => {
    expect(() => defineSettings({ A_KEY: { schema: z.string(), secret: true, default: 'x', help: '' } })).toThrow(
      TypeError,
    );
    expect(() => defineSettings({ aKey: { schema: z.string(), help: '' } })).toThrow(TypeError);
    expect(() => defineSettings({ KEY_FILE: { schema: z.string(), secret: true, help: '' } })).toThrow(TypeError);
  });

  it('keeps the bounds of a number on both ends', () => {
    const schema = integerText({ min: 1, max: 3 });
    expect(['0', '1', '3', '4', '2.5', '1e1', ' 2'].map((text) => schema.safeParse(text).success)).toEqual([
      false,
      true,
      true,
      false,
      false,
      false,
      false,
    ]);
  });
});
