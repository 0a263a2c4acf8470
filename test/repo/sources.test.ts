import { describe, expect, it } from 'vitest';
import { listFiles, readRepositoryFile } from '../repository.js';

const sources = listFiles().filter((path) => /\.(ts|mjs|cjs)$/.test(path) && !path.endsWith('.d.ts'));

function findLines(paths: readonly string[], pattern: RegExp): string[] {
  return paths.flatMap((path) =>
    readRepositoryFile(path)
      .split('\n')
      .flatMap((line, index) => (pattern.test(line) ? [`${path}:${index + 1}: ${line.trim()}`] : [])),
  );
}

describe('database dialects', () => {
  it('are named only where one is opened, configured or wired', () => {
    const mayName = [
      /^nexus-broker\/src\/stores\/database[^/]*\.ts$/,
      /^nexus-broker\/src\/stores\/(engines|migrations)\//,
      /^nexus-broker\/src\/stores\/describe-each-database\.ts$/,
      /^nexus-broker\/src\/(config|deps)\.ts$/,
      /^nexus-broker\/src\/testing/,
      /\.test\.ts$/,
    ];
    const strays = sources.filter(
      (path) => path.startsWith('nexus-broker/src/') && !mayName.some((pattern) => pattern.test(path)),
    );
    expect(strays.length).toBeGreaterThan(50);
    // Comments may explain what an engine does; code may not depend on which one it is.
    expect(findLines(strays, /^(?!\s*(\/\/|\*|\/\*)).*(postgres|sqlite)/i)).toEqual([]);
  });
});

describe('the environment of the process', () => {
  it('is read in one package, besides tests and the programs that run before it is built', () => {
    const readers = sources.filter((path) => /\bprocess\.env\b|\bprocess\['env'\]/.test(readRepositoryFile(path)));
    const allowed =
      /^(packages\/config\/src\/environment\.ts|packages\/testkit\/|test\/|vitest\.config\.ts)|\/bin\/[^/]+\.mjs$|\.test\.ts$/;
    expect(readers).toContain('packages/config/src/environment.ts');
    expect(readers.filter((path) => !allowed.test(path))).toEqual([]);
  });
});

describe('names', () => {
  it('say what a file is about: there is no folder or file for leftovers', () => {
    const leftovers = /(^|\/)(utils?|helpers?|common|shared|misc)(\/|\.[a-z]+$)/;
    expect(sources.filter((path) => leftovers.test(path))).toEqual([]);
  });

  it('no workspace has an index file that passes on everything', () => {
    expect(sources.filter((path) => /(^|\/)src\/index\.ts$/.test(path))).toEqual([]);
  });
});

describe('budgets', () => {
  it('allow no suppression without a reason', () => {
    const pattern = new RegExp(`biome-${'ignore'}(?!.*:\\s*\\S)|@ts-${'ignore'}|@ts-${'nocheck'}`);
    expect(findLines(sources, pattern)).toEqual([]);
  });

  it('allow no module mocks', () => {
    expect(findLines(sources, /\bvi\.(mock|doMock)\(/)).toEqual([]);
  });
});
