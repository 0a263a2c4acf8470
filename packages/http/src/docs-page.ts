import {
  escapeHtml,
  renderFields,
  renderInline,
  renderJson,
  renderLimits,
  renderProse,
  renderType,
} from './docs-markup.js';
import type { ListedOperation, OpenApiDocument, OpenApiMedia, OpenApiOperation } from './openapi-document.js';
import { buildExample, listOperations } from './openapi-document.js';

interface DocsPageOptions {
  /** Where the service serves `docsStylesheet`, on its own origin. */
  readonly stylesheetPath: string;
  /** Where the service serves the document itself; linked when given. */
  readonly documentPath?: string;
}

/** What the page needs and nothing more: no script, no other origin. */
export const docsContentSecurityPolicy =
  "default-src 'none'; style-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'";

/**
 * Renders an OpenAPI 3.0 document as one HTML page without scripts: operations by tag with parameters, bodies, answers and
 * examples, then the named schemas. Everything from the document is escaped.
 */
export function renderDocsPage(openapiDocument: object, options: DocsPageOptions): string {
  const document = openapiDocument as OpenApiDocument;
  const groups = groupByTag(listOperations(document));
  const title = escapeHtml(document.info?.title ?? 'API reference');
  const version =
    document.info?.version === undefined ? '' : `<p class="version">Version ${escapeHtml(document.info.version)}</p>`;
  const source =
    options.documentPath === undefined
      ? ''
      : `<p><a href="${escapeHtml(options.documentPath)}">The OpenAPI document</a></p>`;
  return `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<title>${title}</title>
<link rel="stylesheet" href="${escapeHtml(options.stylesheetPath)}">
</head>
<body>
<a class="skip" href="#content">Skip to the operations</a>
<header>
<h1>${title}</h1>
${version}
${renderProse(document.info?.description)}
${source}
</header>
<div class="layout">
<nav aria-label="Operations">
${groups.map(renderContents).join('\n')}
</nav>
<main id="content">
${groups.map((group) => renderGroup(document, group)).join('\n')}
${renderSchemas(document)}
</main>
</div>
</body>
</html>
`;
}

interface Group {
  readonly tag: string;
  readonly operations: readonly ListedOperation[];
}

function groupByTag(operations: readonly ListedOperation[]): Group[] {
  const groups = new Map<string, ListedOperation[]>();
  for (const operation of operations) {
    const group = groups.get(operation.tag) ?? [];
    group.push(operation);
    groups.set(operation.tag, group);
  }
  return [...groups].map(([tag, listed]) => ({ tag, operations: listed }));
}

function renderContents({ tag, operations }: Group): string {
  const items = operations.map(
    ({ anchor, method, path }) =>
      `<li><a href="#${escapeHtml(anchor)}">${renderMethod(method)} <code>${breakPath(path)}</code></a></li>`,
  );
  return `<h2>${escapeHtml(tag)}</h2>\n<ul>${items.join('\n')}</ul>`;
}

function renderGroup(document: OpenApiDocument, { tag, operations }: Group): string {
  const description = document.tags?.find(({ name }) => name === tag)?.description;
  const articles = operations.map((listed) => renderOperation(document, listed));
  return `<section aria-label="${escapeHtml(tag)}">
<h2>${escapeHtml(tag)}</h2>
${renderProse(description)}
${articles.join('\n')}
</section>`;
}

function renderOperation(document: OpenApiDocument, { anchor, method, path, operation }: ListedOperation): string {
  const summary = operation.summary === undefined ? '' : `<p class="summary">${renderInline(operation.summary)}</p>`;
  const deprecated = operation.deprecated === true ? '<p class="deprecated">Deprecated.</p>' : '';
  return `<article id="${escapeHtml(anchor)}">
<h3>${renderMethod(method)} <code>${breakPath(path)}</code></h3>
${summary}
${deprecated}
${renderProse(operation.description)}
${renderSecurity(operation)}
${renderParameters(operation)}
${renderRequestBody(document, operation)}
${renderResponses(document, operation)}
</article>`;
}

function renderSecurity({ security }: OpenApiOperation): string {
  if (security === undefined) return '';
  const schemes = security.flatMap((entry) => Object.keys(entry));
  if (schemes.length === 0) return '<p class="security">No authentication</p>';
  // An empty entry among the alternatives means that none is needed (OpenAPI 3.0, section 4.7.30).
  const optional = security.some((entry) => Object.keys(entry).length === 0) ? ' (optional)' : '';
  const names = schemes.map((scheme) => `<code>${escapeHtml(scheme)}</code>`).join(' or ');
  return `<p class="security">Authentication: ${names}${optional}</p>`;
}

function renderParameters({ parameters }: OpenApiOperation): string {
  if (parameters === undefined || parameters.length === 0) return '';
  const rows = parameters.map((parameter) => {
    const required = parameter.required === true ? ' <span class="required">required</span>' : '';
    const description = renderInline(parameter.description ?? parameter.schema?.description ?? '');
    return `<tr><th scope="row"><code>${escapeHtml(parameter.name)}</code>${required}</th><td>${escapeHtml(parameter.in)}</td><td>${renderType(parameter.schema)}</td><td>${description} ${renderLimits(parameter.schema)}</td></tr>`;
  });
  return `<h4>Parameters</h4>
<div class="table" tabindex="0" role="group" aria-label="Parameters"><table>
<thead><tr><th scope="col">Name</th><th scope="col">In</th><th scope="col">Type</th><th scope="col">Meaning</th></tr></thead>
<tbody>${rows.join('\n')}</tbody></table></div>`;
}

function renderRequestBody(document: OpenApiDocument, { requestBody }: OpenApiOperation): string {
  if (requestBody?.content === undefined) return '';
  const parts = Object.entries(requestBody.content).map(([type, media]) => renderMedia(document, type, media));
  return `<h4>Request body</h4>\n${renderProse(requestBody.description)}\n${parts.join('\n')}`;
}

function renderResponses(document: OpenApiDocument, { responses }: OpenApiOperation): string {
  const items = Object.entries(responses ?? {}).map(([status, response]) => {
    const parts = Object.entries(response.content ?? {}).map(([type, media]) => renderMedia(document, type, media));
    const summary = `<span class="status status-${escapeHtml(status.charAt(0))}">${escapeHtml(status)}</span> ${renderInline(response.description ?? '')}`;
    if (parts.length === 0) return `<p class="answer">${summary}</p>`;
    const open = status.startsWith('2') ? ' open' : '';
    return `<details${open}><summary>${summary}</summary>\n${parts.join('\n')}</details>`;
  });
  return items.length === 0 ? '' : `<h4>Answers</h4>\n${items.join('\n')}`;
}

function renderMedia(document: OpenApiDocument, type: string, media: OpenApiMedia): string {
  const example =
    media.example ?? Object.values(media.examples ?? {})[0]?.value ?? buildExample(document, media.schema);
  const fields = media.schema?.properties === undefined ? '' : renderFields(media.schema);
  const exampleBlock =
    example === undefined || !type.includes('json') ? '' : `<h5>Example</h5>\n${renderJson(example)}`;
  return `<p class="media"><code>${escapeHtml(type)}</code> ${renderType(media.schema)}</p>\n${fields}\n${exampleBlock}`;
}

function renderSchemas(document: OpenApiDocument): string {
  const schemas = Object.entries(document.components?.schemas ?? {});
  if (schemas.length === 0) return '';
  const articles = schemas.map(
    ([name, schema]) => `<article id="schema-${escapeHtml(name)}">
<h3>${escapeHtml(name)}</h3>
${renderProse(schema.description)}
${schema.properties === undefined ? `<p>${renderType(schema)} ${renderLimits(schema)}</p>` : renderFields(schema)}
</article>`,
  );
  return `<section aria-label="Schemas">\n<h2>Schemas</h2>\n${articles.join('\n')}\n</section>`;
}

function renderMethod(method: string): string {
  return `<span class="method method-${method.toLowerCase()}">${method}</span>`;
}

/** Lets a narrow screen break a long path at its slashes. */
function breakPath(path: string): string {
  return escapeHtml(path).replaceAll('/', '/<wbr>');
}
