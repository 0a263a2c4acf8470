import type { OpenApiSchema } from './openapi-document.js';
import { readRefName } from './openapi-document.js';

export function escapeHtml(text: string): string {
  return text
    .replaceAll('&', '&amp;')
    .replaceAll('<', '&lt;')
    .replaceAll('>', '&gt;')
    .replaceAll('"', '&quot;')
    .replaceAll("'", '&#39;');
}

/** Prose of the contract: paragraphs, and code between backticks. */
export function renderProse(text: string | undefined): string {
  if (text === undefined || text.trim() === '') return '';
  return text
    .trim()
    .split(/\n{2,}/)
    .map((paragraph) => `<p>${renderInline(paragraph)}</p>`)
    .join('\n');
}

export function renderInline(text: string): string {
  return escapeHtml(text).replaceAll(/`([^`]+)`/g, '<code>$1</code>');
}

export function renderJson(value: unknown): string {
  return `<pre tabindex="0"><code>${escapeHtml(JSON.stringify(value, null, 2))}</code></pre>`;
}

/** The type of a schema in a few words, linking to named schemas. */
export function renderType(schema: OpenApiSchema | undefined): string {
  if (schema === undefined) return 'any';
  const name = readRefName(schema);
  if (name !== null) return `<a href="#schema-${escapeHtml(name)}">${escapeHtml(name)}</a>`;
  const parts = schema.oneOf ?? schema.anyOf;
  const nullable = schema.nullable === true ? ' or null' : '';
  if (parts !== undefined) return parts.map(renderType).join(' or ') + nullable;
  if (schema.allOf !== undefined) return schema.allOf.map(renderType).join(' and ') + nullable;
  if (schema.enum !== undefined) {
    return schema.enum.map((value) => `<code>${escapeHtml(JSON.stringify(value))}</code>`).join(' or ') + nullable;
  }
  if (schema.type === 'array') return `array of ${renderType(schema.items)}${nullable}`;
  const format = schema.format === undefined ? '' : ` (${escapeHtml(schema.format)})`;
  return `${escapeHtml(schema.type ?? 'any')}${format}${nullable}`;
}

/** The bounds of a value, such as "1–255 characters". */
export function renderLimits(schema: OpenApiSchema | undefined): string {
  if (schema === undefined) return '';
  const limits = [
    renderRange(schema.minLength, schema.maxLength, ' characters'),
    renderRange(schema.minimum, schema.maximum, ''),
    renderRange(schema.minItems, schema.maxItems, ' entries'),
    schema.pattern === undefined ? '' : `matches <code>${escapeHtml(schema.pattern)}</code>`,
    schema.default === undefined ? '' : `default <code>${escapeHtml(JSON.stringify(schema.default))}</code>`,
  ].filter((limit) => limit !== '');
  return limits.length === 0 ? '' : `<span class="limits">${limits.join('; ')}</span>`;
}

function renderRange(from: number | undefined, to: number | undefined, unit: string): string {
  if (from === undefined && to === undefined) return '';
  if (to === undefined) return `at least ${from}${unit}`;
  return from === undefined ? `at most ${to}${unit}` : `${from}–${to}${unit}`;
}

/** The fields of an object as a table; objects within objects are listed under dotted names. */
export function renderFields(schema: OpenApiSchema): string {
  const rows = listFields(schema, '', 0);
  if (rows.length === 0) return '';
  return `<div class="table" tabindex="0" role="group" aria-label="Fields"><table>
<thead><tr><th scope="col">Field</th><th scope="col">Type</th><th scope="col">Meaning</th></tr></thead>
<tbody>${rows.join('\n')}</tbody></table></div>`;
}

function listFields(schema: OpenApiSchema, prefix: string, depth: number): string[] {
  return Object.entries(schema.properties ?? {}).flatMap(([name, property]) => {
    const path = `${prefix}${name}`;
    const isRequired = schema.required?.includes(name) === true;
    const required = isRequired ? ' <span class="required">required</span>' : '';
    const meaning = [renderInline(property.description ?? ''), renderLimits(property)].filter((part) => part !== '');
    const row = `<tr><th scope="row"><code>${escapeHtml(path)}</code>${required}</th><td>${renderType(property)}</td><td>${meaning.join(' ')}</td></tr>`;
    const nested = property.type === 'array' ? property.items : property;
    const suffix = property.type === 'array' ? '[].' : '.';
    return depth < 3 && nested?.properties !== undefined
      ? [row, ...listFields(nested, path + suffix, depth + 1)]
      : [row];
  });
}
