import { NexusError } from '@nexus/core/errors';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { checkCredentials, createCredentialSchema, parseCredentialSchema } from './credential-schema.js';
import { measureQuickest } from './quickest-run.test-data.js';

const schema = parseCredentialSchema({
  $schema: 'https://json-schema.org/draft/2020-12/schema',
  type: 'object',
  title: 'Mail service',
  description: 'You find both under Settings,\nAPI keys.',
  additionalProperties: false,
  properties: {
    api_key: { type: 'string', title: 'API key', format: 'password', pattern: '^mk-[a-f0-9]{8,40}$' },
    region: { type: 'string', enum: ['eu', 'us'], default: 'eu' },
    site: { type: 'string', format: 'hostname', maxLength: 60 },
  },
  required: ['api_key'],
});

function refusedPaths(value: unknown): string[] {
  try {
    parseCredentialSchema(value);
  } catch (error) {
    if (!(error instanceof NexusError)) throw error;
    expect(error.code).toBe('invalid_request');
    return (error.details ?? []).map((detail) => detail.path);
  }
  return [];
}

function withField(field: unknown): unknown {
  return { type: 'object', properties: { key: field } };
}

describe('parseCredentialSchema', () => {
  it('keeps what forms need and drops what they do not', () => {
    expect(schema).toEqual({
      type: 'object',
      title: 'Mail service',
      description: 'You find both under Settings,\nAPI keys.',
      properties: {
        api_key: { type: 'string', title: 'API key', format: 'password', pattern: '^mk-[a-f0-9]{8,40}$' },
        region: { type: 'string', enum: ['eu', 'us'], default: 'eu' },
        site: { type: 'string', format: 'hostname', maxLength: 60 },
      },
      required: ['api_key'],
    });
    expect(parseCredentialSchema(JSON.parse(JSON.stringify(schema)))).toEqual(schema);
  });

  it('refuses everything outside the subset, by path', () => {
    const at = 'credential_schema';
    const inside = `${at}.properties.key`;
    expect(refusedPaths(null)).toContain(`${at}.type`);
    expect(refusedPaths([])).toContain(`${at}.type`);
    expect(refusedPaths({ type: 'object' })).toEqual([`${at}.properties`]);
    expect(refusedPaths({ type: 'object', properties: {} })).toEqual([`${at}.properties`]);
    expect(refusedPaths({ type: 'array', properties: { a: { type: 'string' } } })).toEqual([`${at}.type`]);
    expect(refusedPaths({ ...schema, $ref: '#' })).toEqual([`${at}.$ref`]);
    expect(refusedPaths({ ...schema, additionalProperties: true })).toEqual([`${at}.additionalProperties`]);
    expect(refusedPaths({ ...schema, required: ['other'] })).toEqual([`${at}.required[0]`]);
    expect(refusedPaths({ ...schema, required: ['site', 'site'] })).toEqual([`${at}.required`]);
    expect(refusedPaths({ ...schema, $schema: 'http://json-schema.org/draft-07/schema#' })).toEqual([`${at}.$schema`]);
    for (const [field, path] of [
      ['string', inside],
      [{}, `${inside}.type`],
      [{ type: 'integer' }, `${inside}.type`],
      [{ type: 'string', const: 'x' }, `${inside}.const`],
      [{ type: 'string', format: 'date' }, `${inside}.format`],
      [{ type: 'string', pattern: '(a)\\1' }, `${inside}.pattern`],
      [{ type: 'string', pattern: '(' }, `${inside}.pattern`],
      [{ type: 'string', pattern: 7 }, `${inside}.pattern`],
      [{ type: 'string', minLength: -1 }, `${inside}.minLength`],
      [{ type: 'string', minLength: 1.5 }, `${inside}.minLength`],
      [{ type: 'string', maxLength: 16_385 }, `${inside}.maxLength`],
      [{ type: 'string', minLength: 3, maxLength: 2 }, `${inside}.minLength`],
      [{ type: 'string', enum: [] }, `${inside}.enum`],
      [{ type: 'string', enum: ['a', 'a'] }, `${inside}.enum`],
      [{ type: 'string', enum: ['a', 7] }, `${inside}.enum[1]`],
      [{ type: 'string', title: 'a\u202eb' }, `${inside}.title`],
      [{ type: 'string', description: 'a\0b' }, `${inside}.description`],
      [{ type: 'string', default: 'x', enum: ['y'] }, `${inside}.default`],
      [{ type: 'string', default: 'secret', format: 'password' }, `${inside}.default`],
    ] as const) {
      expect(refusedPaths(withField(field)), JSON.stringify(field)).toEqual([path]);
    }
  });

  it('refuses field names that other code would misread', () => {
    for (const name of [
      '',
      '1a',
      'a b',
      'a.b',
      '__proto__',
      'constructor',
      'toString',
      'é',
      "a'; drop",
      'a'.repeat(65),
    ]) {
      const value = JSON.parse(`{"type":"object","properties":{${JSON.stringify(name)}:{"type":"string"}}}`);
      expect(refusedPaths(value), name).toHaveLength(1);
    }
  });

  it('refuses more fields than a form may have', () => {
    const many = Object.fromEntries(Array.from({ length: 21 }, (_, index) => [`f${index}`, { type: 'string' }]));
    expect(refusedPaths({ type: 'object', properties: many })).toEqual(['credential_schema.properties']);
  });

  it('G8: refuses a pattern that would be too costly for the length it is meant for', () => {
    expect(refusedPaths(withField({ type: 'string', pattern: '^[a-z]{900}', maxLength: 900 }))).toEqual([
      'credential_schema.properties.key.pattern',
    ]);
    expect(refusedPaths(withField({ type: 'string', pattern: '^[a-z]{200}', maxLength: 900 }))).toEqual([]);
  });
});

describe('checkCredentials', () => {
  const good = { api_key: 'mk-0123456789', region: 'eu', site: 'mail.example' };

  function problemsOf(change: object): string[] {
    return checkCredentials(schema, { ...good, ...change }).map((detail) => `${detail.path}: ${detail.message}`);
  }

  it('accepts good values, and optional fields left empty or away', () => {
    expect(checkCredentials(schema, good)).toEqual([]);
    expect(checkCredentials(schema, { api_key: 'mk-0123456789', region: '', site: '' })).toEqual([]);
    expect(checkCredentials(schema, { api_key: 'mk-0123456789' })).toEqual([]);
  });

  it('tells a person what is wrong, by the title the form shows', () => {
    expect(problemsOf({ api_key: '' })).toEqual(['credentials.api_key: API key is required.']);
    expect(problemsOf({ api_key: undefined })).toEqual(['credentials.api_key: API key is required.']);
    expect(problemsOf({ api_key: 'nope' })).toEqual(['credentials.api_key: API key does not have the expected form.']);
    expect(problemsOf({ region: 'asia' })).toEqual(['credentials.region: Region must be one of: eu, us.']);
    expect(problemsOf({ site: 'a b' })).toEqual(['credentials.site: Site must be a host name such as example.com.']);
    expect(problemsOf({ site: `${'a'.repeat(61)}` })).toEqual([
      'credentials.site: Site must have at most 60 characters.',
    ]);
    expect(problemsOf({ extra: 'x' })).toEqual(['credentials.extra: This provider has no such field.']);
    expect(problemsOf({ api_key: 7 })).toEqual(['credentials.api_key: API key must be text.']);
    expect(problemsOf({ site: null })).toEqual(['credentials.site: Site must be text.']);
    expect(checkCredentials(schema, 'x')).toHaveLength(1);
    expect(checkCredentials(schema, ['x'])).toHaveLength(1);
  });

  it('never repeats a submitted value', () => {
    const problems = problemsOf({ api_key: 'canary-value', region: 'canary-value', site: 'canary value' });
    expect(problems).toHaveLength(3);
    expect(problems.join(' ')).not.toContain('canary');
  });

  it('counts characters as people do', () => {
    const short = parseCredentialSchema(withField({ type: 'string', minLength: 2, maxLength: 3 }));
    expect(checkCredentials(short, { key: '🔑' })).toHaveLength(1);
    expect(checkCredentials(short, { key: '🔑🔑🔑' })).toEqual([]);
    expect(checkCredentials(short, { key: '🔑🔑🔑🔑' })).toHaveLength(1);
  });

  it.each([
    ['uri', ['https://a.example', 'http://x/y?z'], ['a.example', 'javascript:x', 'https:x', 'https://', 'ftp://x']],
    ['email', ['a@b.example', 'a+b@c'], ['a', '@b', 'a@', 'a@b@c', 'a b@c']],
    ['hostname', ['a', 'a.b-c.example'], ['-a', 'a-', 'a..b', 'a_b', '.', 'https://a']],
    ['uuid', ['123e4567-e89b-12d3-a456-426614174000'], ['123e4567', '123e4567-e89b-12d3-a456-42661417400g']],
    ['password', [' any thing € '], []],
  ])('checks the format %s', (format, right, wrong) => {
    const one = parseCredentialSchema(withField({ type: 'string', format }));
    for (const key of right) expect(checkCredentials(one, { key }), key).toEqual([]);
    for (const key of wrong) expect(checkCredentials(one, { key }), key).toHaveLength(1);
  });

  it('S-10: refuses control characters in every field', () => {
    const free = createCredentialSchema(['a', 'b'], ['c']);
    for (const name of ['a', 'b', 'c']) {
      for (const char of ['\0', '\t', '\n', '\r', '\x1b', '\x7f', '\u0085', '\u2028', '\ud800']) {
        const details = checkCredentials(free, { a: 'x', b: 'y', [name]: `x${char}y` });
        expect(details.map((detail) => detail.path)).toEqual([`credentials.${name}`]);
      }
    }
  });

  it('refuses values above 16 KiB, counted in bytes', () => {
    const free = createCredentialSchema(['key'], []);
    expect(checkCredentials(free, { key: 'x'.repeat(16_384) })).toEqual([]);
    expect(checkCredentials(free, { key: 'x'.repeat(16_385) })).toHaveLength(1);
    expect(checkCredentials(free, { key: '€'.repeat(5462) })).toHaveLength(1);
  });

  it('is not misled by names that every object has', () => {
    for (const name of ['__proto__', 'constructor', 'toString', 'hasOwnProperty']) {
      const given = JSON.parse(`{"api_key":"mk-0123456789",${JSON.stringify(name)}:"x"}`);
      expect(checkCredentials(schema, given).map((detail) => detail.path)).toEqual([`credentials.${name}`]);
    }
  });

  it('G8: answers to any JSON within 64 KiB, and names no more than fits', () => {
    fc.assert(
      fc.property(fc.jsonValue(), (value) => {
        expect(Array.isArray(checkCredentials(schema, value))).toBe(true);
      }),
    );
    const many = Object.fromEntries(Array.from({ length: 8000 }, (_, index) => [`f${index}`, '']));
    expect(checkCredentials(schema, many).length).toBeLessThan(30);
    expect(measureQuickest(() => checkCredentials(schema, many), 10)).toBeLessThan(10);
  });

  it('G8: costs a bounded time whatever formats and patterns a schema may hold', () => {
    for (const field of [
      { type: 'string', pattern: '^(a+)+$' },
      { type: 'string', pattern: '(a|a)*b' },
      { type: 'string', pattern: '[a-z]{1,60}x' },
      { type: 'string', format: 'uri' },
      { type: 'string', format: 'email' },
      { type: 'string', format: 'hostname' },
      { type: 'string', format: 'uuid' },
    ]) {
      const properties = { a: field, b: field, c: field, d: field };
      const parsed = parseCredentialSchema({ type: 'object', properties });
      for (const unit of ['a', 'a.', '@', '\u{1f511}']) {
        const value = unit.repeat(16_000 / unit.length);
        const credentials = { a: value, b: value, c: value, d: value };
        expect(
          measureQuickest(() => checkCredentials(parsed, credentials), 10),
          `${field.pattern} ${unit}`,
        ).toBeLessThan(10);
      }
    }
  });
});

describe('createCredentialSchema', () => {
  it('masks what is secret and names every field for people', () => {
    expect(createCredentialSchema(['access_key', 'secret_key'], ['session_token'])).toEqual({
      type: 'object',
      properties: {
        access_key: { type: 'string', title: 'Access key ID' },
        secret_key: { type: 'string', title: 'Secret access key', format: 'password' },
        session_token: { type: 'string', title: 'Session token', format: 'password' },
      },
      required: ['access_key', 'secret_key'],
    });
    expect(createCredentialSchema(['app-token_id'], []).properties['app-token_id']?.title).toBe('App token id');
  });

  it('makes schemas of its own subset', () => {
    const made = createCredentialSchema(['username', 'password'], []);
    expect(parseCredentialSchema(made)).toEqual(made);
  });
});
