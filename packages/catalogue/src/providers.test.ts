/** The rules every template keeps, beyond the form of its file. What a profile may say, the Broker's reader judges. */
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';
import { loadTemplateFiles, type TemplateFile } from './template-file.js';
import { listTemplates } from './templates.js';

type Json = { readonly [name: string]: unknown };

const { files, problems } = await loadTemplateFiles(fileURLToPath(new URL('../providers/', import.meta.url)));
/** Their answers name no account; what the callback says proves none. */
const nameless = ['etsy', 'quickbooks', 'shopify'];
const cases = files.map((file) => [file.template.name, file] as const);

function toObject(value: unknown): Json {
  return typeof value === 'object' && value !== null ? (value as Json) : {};
}

function readPath(value: unknown, path: string): unknown {
  return path.split('.').reduce((found, member) => toObject(found)[member], value);
}

function listUrls(profile: Json): string[] {
  const names = [
    'issuer',
    'auth_url',
    'token_url',
    'refresh_url',
    'introspection_endpoint',
    'revocation_endpoint',
    'user_info_endpoint',
    'api_base_url',
    'probe.path',
    'upgrade.url',
    'revoke.request.url',
    'account.request.url',
  ];
  return names.map((name) => readPath(profile, name)).filter((url) => typeof url === 'string');
}

function placeholdersOf(text: string): string[] {
  return [...text.matchAll(/\{([^{}]*)\}/g)].map((match) => match[1] ?? '');
}

/** Why a placeholder may not stand where it stands in the host of a URL; null when it may. */
function findHostProblem(url: string, declarations: Json): string | null {
  const host = url.match(/^https:\/\/([^/?#]*)/)?.[1] ?? url.match(/^(\{[a-z0-9_]+\})/)?.[1] ?? '';
  const isWhole = /^\{[^{}]*\}$/.test(host);
  if (isWhole) {
    const name = placeholdersOf(host)[0] ?? '';
    return toObject(declarations[name])['allowed_hosts'] === undefined ? `${name} is a host and lists none` : null;
  }
  const labels = host.split('.');
  const last = labels.findLastIndex((label) => label.includes('{'));
  if (last === -1) return null;
  if (labels.some((label) => label.includes('{') && !/^\{[^{}]*\}$/.test(label))) return `${host}: half a label`;
  return labels.length - last - 1 < 2 ? `${host}: fewer than two labels stand fast` : null;
}

describe('the files', () => {
  it('are all valid, and no two share a name', () => {
    expect(problems).toEqual([]);
  });

  it('are what the bundle holds', () => {
    expect(files.map(({ template }) => template)).toEqual(listTemplates());
  });
});

describe.each(cases)('%s', (_, { template, tests }: TemplateFile) => {
  const { profile } = template;
  const inputs = toObject(profile['inputs']);
  const lifted = toObject(readPath(profile, 'account.values'));
  const isOauth = template.authType === 'oauth2';

  it('declares its placeholders', () => {
    const fields = Object.keys(toObject(readPath(profile, 'credential_schema.properties')));
    const known = [...Object.keys(inputs), ...Object.keys(lifted), ...(isOauth ? ['client_id', 'token'] : fields)];
    expect(listUrls(profile).flatMap(placeholdersOf)).toEqual(
      expect.toSatisfy((all: string[]) => all.every((name) => known.includes(name))),
    );
  });

  it('lets a placeholder name no host but those of the provider', () => {
    const declarations = { ...inputs, ...lifted };
    expect(listUrls(profile).flatMap((url) => findHostProblem(url, declarations) ?? [])).toEqual([]);
  });

  it('has fixtures for what it says of answers', () => {
    if (!isOauth) {
      expect(Object.keys(tests)).toEqual(expect.arrayContaining(['credentials', 'request']));
      if (profile['probe'] !== undefined)
        expect(Object.keys(tests)).toEqual(expect.arrayContaining(['accepted', 'refused']));
      return;
    }
    const expected = {
      token: true,
      error: true,
      refresh: readPath(profile, 'refresh.supported') !== false,
      upgraded: profile['upgrade'] !== undefined,
      missing_expiry: !['never', undefined].includes(readPath(profile, 'token_answer.when_expiry_missing') as string),
      introspection: readPath(profile, 'token_answer.when_expiry_missing') === 'introspect',
      inputs: Object.values(inputs).some((input) => toObject(input)['default'] === undefined),
    };
    const missing = Object.entries(expected).filter(([name, isNeeded]) => isNeeded && !Object.hasOwn(tests, name));
    expect(missing).toEqual([]);
  });

  it('finds the account and its values where it says', () => {
    const kept = tests.upgraded ?? tests.token;
    const sources: Json = { userinfo: tests.userinfo, token: kept?.body, callback: tests.callback };
    const find = (located: unknown) => {
      const { from, path } = toObject(located);
      // Lifted values come first from the exchange, which an upgrade may not repeat.
      const found =
        readPath(sources[String(from)], String(path)) ??
        (from === 'token' ? readPath(tests.token?.body, String(path)) : undefined);
      return found === undefined ? undefined : String(found);
    };
    const { subject, label, values } = tests.expect ?? {};
    const account = toObject(profile['account']);
    if (isOauth && !nameless.includes(template.name))
      expect([typeof subject, typeof label]).toEqual(['string', 'string']);
    if (account['subject'] !== undefined) expect(find(account['subject'])).toBe(subject);
    if (account['label'] !== undefined) expect(find(account['label'])).toBe(label);
    for (const [name, value] of Object.entries(lifted)) {
      const found = find(value) ?? toObject(value)['default'];
      expect(found ?? values?.[name], name).toBe(values?.[name]);
    }
  });

  it('spells every secret of its fixtures as one', () => {
    const secrets: string[] = [];
    const secretName = /(^|_)(access_token|refresh_token|id_token|token|secret|password|signature|api_key)$/;
    const visit = (value: unknown): void => {
      for (const [name, member] of Object.entries(toObject(value))) {
        if (typeof member === 'string' && secretName.test(name)) secrets.push(member);
        visit(member);
      }
    };
    visit(tests);
    for (const [name, value] of Object.entries(tests.credentials ?? {})) {
      if (readPath(profile, `credential_schema.properties.${name}.format`) === 'password') secrets.push(value);
    }
    expect(secrets.filter((secret) => !secret.startsWith('fixture-'))).toEqual([]);
    expect(secrets.length).toBeGreaterThan(0);
  });
});
