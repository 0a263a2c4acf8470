import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { profileShape } from './profile-schema.js';
import { readTemplateFile } from './template-file.js';
import { templateSchema } from './template-schema.js';

const guide = readFileSync(new URL('../../../docs/guides/write-a-template.md', import.meta.url), 'utf8');

describe('docs/guides/write-a-template.md', () => {
  it('shows a template that is valid', () => {
    const text = /```yaml\n([\s\S]*?)```/.exec(guide)?.[1] ?? '';
    expect(readTemplateFile('acme.yaml', text)).toMatchObject({ template: { name: 'acme' } });
  });

  it('names every field, and every field within one', () => {
    const blocks = [profileShape.token_request, profileShape.token_answer, profileShape.refresh].flatMap((block) =>
      Object.keys(block.unwrap().shape),
    );
    const names = [...Object.keys(templateSchema.shape), ...blocks];
    expect(names.filter((name) => !guide.includes(`\`${name}\``))).toEqual([]);
  });
});
