import { expect, it } from 'vitest';
import { parse } from 'yaml';
import { renderManifest } from './export-manifest.js';

it('writes what would turn a terminal around as escapes, and means the same', () => {
  const metadata = { 'k\u202e': 'v\u202evil\u009b2J', plain: 'x' };
  const text = renderManifest({
    manifest: { agents: [{ agent_id: 'a', allowed_scopes: [], metadata }] },
    variables: [],
  });
  expect(text).not.toMatch(/[\u0080-\u009f\u202a-\u202e]/);
  expect(text).toContain('plain: x\n');
  expect(parse(text)).toEqual({ agents: [{ agent_id: 'a', allowed_scopes: [], metadata }] });
});
