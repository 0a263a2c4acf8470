/** The templates as files say them, with the fixtures that are not shipped. */
import { fileURLToPath } from 'node:url';
import { loadTemplateFiles } from '@nexus/catalogue/template-file';
import type { TemplateSource, TemplateTests } from '@nexus/catalogue/template-schema';
import type { Template } from '@nexus/catalogue/templates';

export type Profile = Omit<
  TemplateSource,
  'name' | 'display_name' | 'category' | 'docs_url' | 'tests' | 'sources' | 'verified_on'
>;
export type Fixture = NonNullable<TemplateTests['token']>;

export interface TemplateUnderTest {
  readonly name: string;
  /** Null for a profile that no template is shipped of. */
  readonly template: Template | null;
  readonly profile: Profile;
  readonly tests: TemplateTests;
}

const folder = fileURLToPath(new URL('../../packages/catalogue/providers', import.meta.url));

/** Every template; one that its own package finds fault with is missing, and fails there. */
export async function loadTemplates(): Promise<readonly TemplateUnderTest[]> {
  const { files } = await loadTemplateFiles(folder);
  return files.map(({ template, tests }) => ({
    name: template.name,
    template,
    profile: template.profile as unknown as Profile,
    tests,
  }));
}

export function isOauth({ profile }: TemplateUnderTest): boolean {
  return profile.auth_type === 'oauth2';
}

/** The body that registers it as it is. */
export function toRegistration({ name, template, profile }: TemplateUnderTest): object {
  return template === null ? { name, ...profile } : { template: template.name };
}

/** What stands at a dotted path such as `data.0.id`. */
export function readAt(value: unknown, path: string): unknown {
  return path.split('.').reduce<unknown>((at, step) => (isRecord(at) ? at[step] : undefined), value);
}

/** A copy with another value at a path that is there. */
export function writeAt(value: unknown, path: string, next: unknown): unknown {
  const [step = '', ...rest] = path.split('.');
  if (!isRecord(value) || !(step in value)) return value;
  const written = rest.length === 0 ? next : writeAt(value[step], rest.join('.'), next);
  return Array.isArray(value) ? value.with(Number(step), written) : { ...value, [step]: written };
}

function isRecord(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null;
}

export type Values = Readonly<Record<string, string>>;

/** What the placeholders of a connection stand for: its inputs, and what its fixtures tell. */
export function readPlaces({ profile, tests }: TemplateUnderTest): Values {
  const places = new Map<string, string>();
  for (const [name, input] of Object.entries(profile.inputs ?? {})) {
    const value = tests.inputs?.[name] ?? input.default;
    if (value !== undefined) places.set(name, value);
  }
  const told = {
    callback: tests.callback ?? {},
    token: readBody(tests.upgraded ?? tests.token, profile),
    userinfo: tests.userinfo,
  };
  for (const [name, rules] of Object.entries(profile.account?.values ?? {})) {
    const value = rules.from === 'callback' ? told.callback[rules.path] : readAt(told[rules.from], rules.path);
    const known = value ?? rules.default;
    if (known !== undefined && known !== null) places.set(name, String(known));
  }
  return Object.fromEntries(places);
}

/** A fixture's body as data, also where the provider answers with a form. */
export function readBody(fixture: { readonly body: unknown } | undefined, profile: Profile): unknown {
  const body = fixture?.body;
  const isForm = profile.token_answer?.body_format === 'form' && typeof body === 'string';
  return isForm ? Object.fromEntries(new URLSearchParams(body)) : body;
}

/** A URL or a text with its placeholders filled; in a host they are labels, in a path and a query they are encoded. */
export function fillUrl(text: string, places: Values): string {
  return text.replace(/\{([a-z][a-z0-9_]*)\}/g, (whole, name: string, index: number) => {
    const value = places[name];
    if (value === undefined) return whole;
    if (index === 0) return value.replace(/\/$/, '');
    const isHost = /^https:\/\/[^/?]*$/.test(text.slice(0, index));
    return isHost ? value.toLowerCase() : encodeURIComponent(value);
  });
}

export function fillText(text: string, places: Values): string {
  return text.replace(/\{([a-z][a-z0-9_]*)\}/g, (whole, name: string) => places[name] ?? whole);
}

export function fillTexts(texts: Values | undefined, places: Values): Values {
  return Object.fromEntries(Object.entries(texts ?? {}).map(([name, text]) => [name, fillText(text, places)]));
}

/** An address that may be given relative to the provider's API. */
export function fillApiUrl(url: string, profile: Profile, places: Values): string {
  const isRelative = url.startsWith('/');
  return fillUrl(isRelative ? `${(profile.api_base_url ?? '').replace(/\/$/, '')}${url}` : url, places);
}
