/**
 * Server-rendered markup. Every value that enters a template is escaped, so text of providers, applications and
 * browsers can never become markup; only another template's result passes as it is.
 */
const escapes: Readonly<Record<string, string>> = {
  '&': '&amp;',
  '<': '&lt;',
  '>': '&gt;',
  '"': '&quot;',
  "'": '&#39;',
  '`': '&#96;',
};

/** Control characters have no place in a page, and overrides of the writing direction can make a name read as another. */
const invisible = /(?![\t\n])[\p{Cc}\u200E\u200F\u202A-\u202E\u2066-\u2069\uFEFF]/gu;

export class Markup {
  readonly text: string;

  constructor(text: string) {
    this.text = text;
  }

  toString(): string {
    return this.text;
  }
}

type Value = string | number | Markup | readonly Markup[] | null | false;

function render(value: Value): string {
  if (value === null || value === false) return '';
  if (value instanceof Markup) return value.text;
  if (typeof value === 'object') return value.map((part) => part.text).join('');
  return escapeText(String(value));
}

export function escapeText(text: string): string {
  return text.replace(invisible, '').replace(/[&<>"'`]/g, (character) => escapes[character] ?? '');
}

/** Attributes are always written in double quotes, where the escaped characters cannot end them. */
export function html(parts: TemplateStringsArray, ...values: readonly Value[]): Markup {
  let text = parts[0] ?? '';
  for (const [index, value] of values.entries()) text += render(value) + (parts[index + 1] ?? '');
  return new Markup(text);
}
