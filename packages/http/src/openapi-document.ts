/** The parts of an OpenAPI 3.0 document that the reference page shows. */

export interface OpenApiSchema {
  readonly $ref?: string;
  readonly type?: string;
  readonly format?: string;
  readonly description?: string;
  readonly nullable?: boolean;
  readonly enum?: readonly unknown[];
  readonly default?: unknown;
  readonly example?: unknown;
  readonly pattern?: string;
  readonly minLength?: number;
  readonly maxLength?: number;
  readonly minimum?: number;
  readonly maximum?: number;
  readonly minItems?: number;
  readonly maxItems?: number;
  readonly items?: OpenApiSchema;
  readonly properties?: Readonly<Record<string, OpenApiSchema>>;
  readonly required?: readonly string[];
  readonly additionalProperties?: boolean | OpenApiSchema;
  readonly oneOf?: readonly OpenApiSchema[];
  readonly anyOf?: readonly OpenApiSchema[];
  readonly allOf?: readonly OpenApiSchema[];
}

export interface OpenApiMedia {
  readonly schema?: OpenApiSchema;
  readonly example?: unknown;
  readonly examples?: Readonly<Record<string, { readonly value?: unknown }>>;
}

export interface OpenApiParameter {
  readonly name: string;
  readonly in: string;
  readonly required?: boolean;
  readonly description?: string;
  readonly schema?: OpenApiSchema;
}

export interface OpenApiOperation {
  readonly operationId?: string;
  readonly summary?: string;
  readonly description?: string;
  readonly tags?: readonly string[];
  readonly deprecated?: boolean;
  readonly security?: readonly Readonly<Record<string, unknown>>[];
  readonly parameters?: readonly OpenApiParameter[];
  readonly requestBody?: {
    readonly description?: string;
    readonly required?: boolean;
    readonly content?: Readonly<Record<string, OpenApiMedia>>;
  };
  readonly responses?: Readonly<
    Record<string, { readonly description?: string; readonly content?: Readonly<Record<string, OpenApiMedia>> }>
  >;
}

export interface OpenApiDocument {
  readonly info?: { readonly title?: string; readonly version?: string; readonly description?: string };
  readonly tags?: readonly { readonly name: string; readonly description?: string }[];
  readonly paths?: Readonly<Record<string, Readonly<Record<string, OpenApiOperation>>>>;
  readonly components?: { readonly schemas?: Readonly<Record<string, OpenApiSchema>> };
}

/** One line of the table of contents: a method on a path. */
export interface ListedOperation {
  readonly anchor: string;
  readonly method: string;
  readonly path: string;
  readonly tag: string;
  readonly operation: OpenApiOperation;
}

const methods = ['get', 'post', 'put', 'patch', 'delete'] as const;

/** Lists the operations in document order. */
export function listOperations(document: OpenApiDocument): ListedOperation[] {
  return Object.entries(document.paths ?? {}).flatMap(([path, item]) =>
    methods.flatMap((method) => {
      const operation = item[method];
      if (operation === undefined) return [];
      const anchor = operation.operationId ?? `${method}${path.replaceAll(/[^a-zA-Z0-9]+/g, '-')}`;
      return [{ anchor, method: method.toUpperCase(), path, tag: operation.tags?.[0] ?? 'operations', operation }];
    }),
  );
}

export function readRefName(schema: OpenApiSchema): string | null {
  return schema.$ref?.replace(/^#\/components\/schemas\//, '') ?? null;
}

const maxExampleDepth = 6;

/** The example a schema carries, or one built from its parts; undefined when nothing can be said. */
export function buildExample(document: OpenApiDocument, schema: OpenApiSchema | undefined, depth = 0): unknown {
  if (schema === undefined || depth > maxExampleDepth) return undefined;
  if (schema.example !== undefined) return schema.example;
  const name = readRefName(schema);
  if (name !== null) return buildExample(document, document.components?.schemas?.[name], depth + 1);
  if (schema.default !== undefined) return schema.default;
  if (schema.enum !== undefined) return schema.enum[0];
  const choice = schema.oneOf?.[0] ?? schema.anyOf?.[0];
  if (choice !== undefined) return buildExample(document, choice, depth + 1);
  if (schema.allOf !== undefined) {
    const parts = schema.allOf.map((part) => buildExample(document, part, depth + 1));
    return Object.assign({}, ...parts.filter((part) => typeof part === 'object')) as unknown;
  }
  if (schema.properties !== undefined) {
    const entries = Object.entries(schema.properties).map(
      ([key, property]) => [key, buildExample(document, property, depth + 1)] as const,
    );
    return Object.fromEntries(entries.filter(([, value]) => value !== undefined));
  }
  return buildScalar(document, schema, depth);
}

function buildScalar(document: OpenApiDocument, schema: OpenApiSchema, depth: number): unknown {
  switch (schema.type) {
    case 'string':
      return schema.format === 'date-time' ? '2026-01-01T00:00:00.000Z' : 'string';
    case 'integer':
    case 'number':
      return schema.minimum ?? 0;
    case 'boolean':
      return false;
    case 'array': {
      const item = buildExample(document, schema.items, depth + 1);
      return item === undefined ? [] : [item];
    }
    case 'object':
      return {};
    default:
      return undefined;
  }
}
