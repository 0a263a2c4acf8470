import type { SettingDefinition, Settings } from './define.js';

/** Renders the rows of the configuration reference as a Markdown table, in the order of declaration. */
export function describeSettings(settings: Settings): string {
  const rows = Object.entries(settings).map(
    ([name, setting]) => `| ${nameCell(name, setting)} | ${defaultCell(setting)} | ${escapeCell(setting.help)} |`,
  );
  return ['| Setting | Default | Meaning |', '|---|---|---|', ...rows, ''].join('\n');
}

/** Renders the text of an example environment file. Secrets stay empty; everything optional is commented out. */
export function renderEnvExample(settings: Settings): string {
  const blocks = Object.entries(settings).map(([name, setting]) => {
    const comment = wrapText(setting.help, 98).map((line) => `# ${line}`);
    if (setting.secret === true)
      comment.push(`# A secret: set this, or ${name}_FILE to the path of a file that holds it.`);
    const value = setting.secret === true ? '' : String(setting.default ?? setting.example ?? '');
    return [...comment, setting.required === true ? `${name}=${value}` : `# ${name}=${value}`].join('\n');
  });
  return `${blocks.join('\n\n')}\n`;
}

function nameCell(name: string, setting: SettingDefinition): string {
  return setting.secret === true ? `\`${name}\`, \`${name}_FILE\` (secret)` : `\`${name}\``;
}

function defaultCell(setting: SettingDefinition): string {
  if (setting.required === true) return '**required**';
  if (setting.default === undefined || setting.default === '') return '–';
  return `\`${escapeCell(String(setting.default))}\``;
}

function escapeCell(text: string): string {
  return text.replaceAll('|', '\\|').replaceAll('\n', ' ');
}

function wrapText(text: string, width: number): string[] {
  const lines: string[] = [];
  let line = '';
  for (const word of text.split(/\s+/)) {
    if (line !== '' && line.length + 1 + word.length > width) {
      lines.push(line);
      line = word;
    } else {
      line = line === '' ? word : `${line} ${word}`;
    }
  }
  lines.push(line);
  return lines;
}
