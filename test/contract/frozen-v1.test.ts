import { readFileSync, writeFileSync } from 'node:fs';
import { buildContract } from '@nexus/gateway/contract';
import { describe, expect, it } from 'vitest';

/**
 * What a client of the frozen surface relies on, taken from the contract when it was frozen. An operation may gain
 * optional fields and answer fields; it may not lose one, demand one, or change a status. Running this test with
 * WRITE_FROZEN_V1=true writes the file anew, which adds operations; only a new major version may drop anything.
 */
const snapshotFile = new URL('./frozen-v1.json', import.meta.url);

interface Schema {
  readonly $ref?: string;
  readonly properties?: Readonly<Record<string, unknown>>;
  readonly required?: readonly string[];
}

interface Operation {
  readonly operationId?: string;
  readonly parameters?: readonly { readonly name: string; readonly in: string; readonly required?: boolean }[];
  readonly requestBody?: { readonly content: Readonly<Record<string, { readonly schema?: Schema }>> };
  readonly responses: Readonly<Record<string, { readonly content?: Record<string, { readonly schema?: Schema }> }>>;
}

interface Surface {
  readonly requiredParameters: readonly string[];
  readonly bodyFields: readonly string[];
  readonly requiredBodyFields: readonly string[];
  readonly successStatus: string;
  readonly answerFields: readonly string[];
}

const document = buildContract() as unknown as {
  readonly paths: Readonly<Record<string, Readonly<Record<string, Operation>>>>;
  readonly components: { readonly schemas: Readonly<Record<string, Schema>> };
};

function resolve(schema: Schema | undefined): Schema {
  if (schema?.$ref === undefined) return schema ?? {};
  return resolve(document.components.schemas[schema.$ref.replace('#/components/schemas/', '')]);
}

function describeOperation(operation: Operation): Surface {
  const body = resolve(operation.requestBody?.content['application/json']?.schema);
  const [successStatus = '', success] = Object.entries(operation.responses).find(([status]) => /^2/.test(status)) ?? [];
  const answer = resolve(success?.content?.['application/json']?.schema);
  const parameters = operation.parameters ?? [];
  return {
    requiredParameters: parameters.filter((parameter) => parameter.required).map((parameter) => parameter.name),
    bodyFields: Object.keys(body.properties ?? {}).sort(),
    requiredBodyFields: [...(body.required ?? [])].sort(),
    successStatus,
    answerFields: Object.keys(answer.properties ?? {}).sort(),
  };
}

function describeSurface(): Record<string, Surface> {
  const surface: Record<string, Surface> = {};
  for (const [path, methods] of Object.entries(document.paths)) {
    if (!path.startsWith('/v1/')) continue;
    for (const [method, operation] of Object.entries(methods)) {
      surface[`${method.toUpperCase()} ${path}`] = describeOperation(operation);
    }
  }
  return surface;
}

function readSnapshot(): Record<string, Surface> {
  return JSON.parse(readFileSync(snapshotFile, 'utf8')) as Record<string, Surface>;
}

describe('the frozen v1 surface', () => {
  const surface = describeSurface();
  if (process.env['WRITE_FROZEN_V1'] === 'true') writeFileSync(snapshotFile, `${JSON.stringify(surface, null, 2)}\n`);

  it.each(Object.entries(readSnapshot()))('keeps %s compatible', (name, frozen) => {
    const now = surface[name];
    expect(now, `${name} is gone`).toBeDefined();
    if (now === undefined) return;
    expect(now.successStatus).toBe(frozen.successStatus);
    expect(now.bodyFields).toEqual(expect.arrayContaining([...frozen.bodyFields]));
    expect(now.answerFields).toEqual(expect.arrayContaining([...frozen.answerFields]));
    expect(frozen.requiredBodyFields).toEqual(expect.arrayContaining([...now.requiredBodyFields]));
    expect(frozen.requiredParameters).toEqual(expect.arrayContaining([...now.requiredParameters]));
  });
});
