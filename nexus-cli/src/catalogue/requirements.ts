/** What has to be added to a template before it connects anybody, and by whom. */
import type { Template } from '@nexus/catalogue/templates';

/** A value that differs from tenant to tenant and comes with each connection. */
export interface RequiredInput {
  readonly name: string;
  readonly title: string;
  /** Null where it must be given. */
  readonly default: string | null;
  readonly options: readonly string[];
}

export interface Requirements {
  /** Fields of the profile that come from the client registered at the provider. */
  readonly client: readonly string[];
  readonly inputs: readonly RequiredInput[];
  /** What the form asks a person for, where the provider knows no OAuth. */
  readonly credentials: readonly string[];
}

interface ProfileParts {
  readonly token_endpoint_auth_method?: string;
  readonly inputs?: Readonly<
    Record<string, { readonly title: string; readonly default?: string; readonly options?: readonly string[] }>
  >;
  readonly credential_schema?: {
    readonly properties?: Readonly<Record<string, { readonly title?: string }>>;
  };
}

export function readRequirements({ authType, profile }: Template): Requirements {
  const parts = profile as ProfileParts;
  const isOauth = authType === 'oauth2';
  const isPublic = parts.token_endpoint_auth_method === 'none';
  const properties = Object.entries(parts.credential_schema?.properties ?? {});
  return {
    client: isOauth ? ['client_id', ...(isPublic ? [] : ['client_secret'])] : [],
    inputs: Object.entries(parts.inputs ?? {}).map(([name, input]) => ({
      name,
      title: input.title,
      default: input.default ?? null,
      options: input.options ?? [],
    })),
    credentials: isOauth ? [] : properties.map(([name, { title }]) => title ?? name),
  };
}

/** The lines that register it in a manifest. */
export function toManifest({ name }: Template, { client }: Requirements): string[] {
  const prefix = name.toUpperCase().replaceAll('-', '_');
  return [
    'providers:',
    `  - template: ${name}`,
    ...client.map((field) => `    ${field}: \${${prefix}_${field.toUpperCase()}}`),
  ];
}
