/** Which fields, and which of the values to choose from, a template file may have; and which of them a template uses. */
import { describeTemplateFiles } from '@nexus/catalogue/template-schema';

interface Schema {
  readonly properties?: Readonly<Record<string, Schema>>;
  readonly additionalProperties?: Schema | boolean;
  readonly items?: Schema;
  readonly enum?: readonly unknown[];
  readonly const?: unknown;
  readonly type?: string;
}

/** Every field as a dotted path; names that a template chooses are `*`, and a value of a closed list follows `=`. */
export function listFields(schema: Schema = describeTemplateFiles() as Schema, path = ''): string[] {
  const members = Object.entries(schema.properties ?? {}).flatMap(([name, member]) =>
    listFields(member, join(path, name)),
  );
  if (members.length > 0) return members;
  const { additionalProperties: entries } = schema;
  if (typeof entries === 'object') return listFields(entries, join(path, '*'));
  if (schema.items?.enum !== undefined) return listFields(schema.items, path);
  if (schema.enum !== undefined) return schema.enum.map((value) => `${path}=${value}`);
  if (schema.const !== undefined) return [`${path}=${schema.const}`];
  return schema.type === 'boolean' ? [`${path}=true`, `${path}=false`] : [path];
}

/** The same of one template, in every spelling that a field could be listed under. */
export function listUses(value: unknown, path = ''): string[] {
  if (Array.isArray(value)) return [path, ...value.flatMap((item) => listUses(item, path))];
  if (typeof value !== 'object' || value === null) return [path, `${path}=${value}`];
  return [
    path,
    ...Object.entries(value).flatMap(([name, member]) =>
      [join(path, name), join(path, '*')].flatMap((at) => listUses(member, at)),
    ),
  ];
}

function join(path: string, name: string): string {
  return path === '' ? name : `${path}.${name}`;
}
