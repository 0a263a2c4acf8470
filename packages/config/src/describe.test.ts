import { describe, expect, it } from 'vitest';
import { z } from 'zod';
import { defineSettings } from './define.js';
import { describeSettings, renderEnvExample } from './describe.js';
import { portText } from './values.js';

const settings = defineSettings({
  PORT: { schema: portText(), default: 8080, help: 'Where to listen.' },
  PUBLIC_URL: { schema: z.string(), required: true, example: 'https://nexus.example.com', help: 'A | B.' },
  MASTER_KEY: { schema: z.string(), secret: true, required: true, help: 'The key.' },
  NOTE: { schema: z.string(), help: 'Free text.' },
});

describe('the generated configuration texts', () => {
  it('lists every setting with its default and meaning, in order', () => {
    expect(describeSettings(settings)).toBe(
      [
        '| Setting | Default | Meaning |',
        '|---|---|---|',
        '| `PORT` | `8080` | Where to listen. |',
        '| `PUBLIC_URL` | **required** | A \\| B. |',
        '| `MASTER_KEY`, `MASTER_KEY_FILE` (secret) | **required** | The key. |',
        '| `NOTE` | – | Free text. |',
        '',
      ].join('\n'),
    );
  });

  it('writes an example file in which secrets are empty and optional settings are commented out', () => {
    expect(renderEnvExample(settings)).toBe(
      [
        '# Where to listen.',
        '# PORT=8080',
        '',
        '# A | B.',
        'PUBLIC_URL=https://nexus.example.com',
        '',
        '# The key.',
        '# A secret: set this, or MASTER_KEY_FILE to the path of a file that holds it.',
        'MASTER_KEY=',
        '',
        '# Free text.',
        '# NOTE=',
        '',
      ].join('\n'),
    );
  });
});
