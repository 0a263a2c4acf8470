import { describe, expect, it } from 'vitest';
import { parse } from 'yaml';
import { listFiles, readRepositoryFile } from '../repository.js';

interface ContractFile {
  readonly paths: Readonly<Record<string, Readonly<Record<string, { readonly operationId?: string }>>>>;
}

const services = [
  { service: 'nexus-gateway', contract: 'openapi.yaml' },
  { service: 'nexus-broker', contract: 'nexus-broker/openapi.yaml' },
];

/** Served outside the contract, so a file there needs no operation: pages for people, and the reference page. */
const outsideTheContract = /\/src\/routes\/connect\/|\/docs\.ts$/;

function readOperationIds(contract: string): string[] {
  const document = parse(readRepositoryFile(contract)) as ContractFile;
  return Object.values(document.paths).flatMap((item) =>
    Object.values(item).flatMap((operation) => operation.operationId ?? []),
  );
}

function listSources(service: string): string[] {
  return listFiles(`${service}/src`).filter((path) => path.endsWith('.ts') && !/\.test\.ts$|\/testing\//.test(path));
}

/** A route file is one that declares a route; beside it may stand what maps to the wire shape of several. */
function declaresRoute(path: string): boolean {
  return readRepositoryFile(path).includes('createRoute(');
}

function toKebabCase(operationId: string): string {
  return operationId.replaceAll(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`);
}

describe.each(services)('$service', ({ service, contract }) => {
  const operationIds = readOperationIds(contract);
  const routeFiles = listSources(service).filter(declaresRoute);

  it('has operations, each with an id of its own', () => {
    expect(operationIds.length).toBeGreaterThan(5);
    expect(new Set(operationIds).size).toBe(operationIds.length);
    expect(operationIds.filter((id) => !/^[a-z]+([A-Z][a-z0-9]*)+$/.test(id))).toEqual([]);
  });

  it('has exactly one route file per operation, named after it', () => {
    const found = operationIds.map((id) => [
      id,
      routeFiles.filter((path) => path.endsWith(`/${toKebabCase(id)}.ts`)).length,
    ]);
    expect(found.filter(([, count]) => count !== 1)).toEqual([]);
  });

  it('has no route file without an operation', () => {
    const names = new Set(operationIds.map(toKebabCase));
    const orphans = routeFiles.filter((path) => !names.has(path.replace(/^.*\/|\.ts$/g, '')));
    expect(orphans.filter((path) => !outsideTheContract.test(path))).toEqual([]);
  });

  it('declares its routes in the folders of routes/, one to a file', () => {
    expect(routeFiles.filter((path) => !/\/src\/routes\/[^/]+\//.test(path))).toEqual([]);
    // A second path for the same route spreads it.
    const declarations = (path: string) => readRepositoryFile(path).match(/createRoute\((?!\{ \.\.\.route,)/g)?.length;
    expect(routeFiles.filter((path) => declarations(path) !== 1)).toEqual([]);
  });

  it('serves nothing by a route that is in no contract', () => {
    const plain = listSources(service).filter((path) =>
      /\bapp\.(get|post|put|patch|delete|all|on)\(/.test(readRepositoryFile(path)),
    );
    expect(plain.filter((path) => !outsideTheContract.test(path))).toEqual([]);
  });
});
