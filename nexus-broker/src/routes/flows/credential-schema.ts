import type { CredentialSchema } from '../../domain/credential-schema.js';

export function toWireSchema(schema: CredentialSchema): Record<string, unknown> {
  return { $schema: 'https://json-schema.org/draft/2020-12/schema', ...schema, additionalProperties: false };
}
