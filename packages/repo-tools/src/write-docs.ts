/** Writes the generated documents from the code, or with --check compares them byte by byte. */
import { readdir } from 'node:fs/promises';
import { auditEvents } from '@nexus/broker/audit-events';
import { settings as brokerSettings } from '@nexus/broker/config';
import { buildContract as buildBrokerContract } from '@nexus/broker/contract';
import { describeTemplateFiles } from '@nexus/catalogue/template-schema';
import { describeManifest } from '@nexus/cli/manifest-schema';
import { renderReference } from '@nexus/cli/reference';
import { errorCodes } from '@nexus/core/errors';
import { gatewaySettings } from '@nexus/gateway/config';
import { buildContract as buildGatewayContract } from '@nexus/gateway/contract';
import { loadCatalogue, renderCataloguePage } from './catalogue-files.js';
import type { OutputFile } from './output-file.js';
import { generate, readText, resolvePath } from './output-file.js';
import { fillOperationTable, toFileName } from './readme-table.js';
import type { ContractDocument } from './reference-pages.js';
import {
  renderAuditEventsPage,
  renderCliPage,
  renderConfigurationPage,
  renderErrorsPage,
  renderExampleFile,
  renderRoutesPage,
} from './reference-pages.js';

const gateway = toPlainDocument(buildGatewayContract());
const broker = toPlainDocument(buildBrokerContract());
const services = [
  { service: 'Gateway', settings: gatewaySettings },
  { service: 'Broker', settings: brokerSettings },
];

const files: OutputFile[] = [
  { path: 'docs/reference/configuration.md', text: renderConfigurationPage(services) },
  { path: '.env.example', text: renderExampleFile(services) },
  { path: 'docs/reference/errors.md', text: renderErrorsPage(errorCodes) },
  {
    path: 'docs/reference/routes.md',
    text: renderRoutesPage([
      { service: 'Gateway', document: gateway },
      { service: 'Broker', document: broker },
    ]),
  },
  { path: 'docs/reference/audit-events.md', text: renderAuditEventsPage(auditEvents) },
  { path: 'docs/reference/catalogue.md', text: renderCataloguePage(await loadCatalogue()) },
  {
    path: 'docs/reference/template.schema.json',
    text: `${JSON.stringify(describeTemplateFiles(), null, 2)}\n`,
  },
  { path: 'docs/reference/manifest.schema.json', text: `${JSON.stringify(describeManifest(), null, 2)}\n` },
  { path: 'docs/reference/cli.md', text: renderCliPage(await renderReference()) },
  ...(await renderReadme('nexus-gateway', gateway)),
  ...(await renderReadme('nexus-broker', broker)),
];

process.exitCode = await generate({ files, isCheck: process.argv.includes('--check'), command: 'npm run docs:gen' });

/** The contract as a reader of its JSON would see it. */
function toPlainDocument(document: object): ContractDocument {
  return JSON.parse(JSON.stringify(document)) as ContractDocument;
}

async function renderReadme(workspace: string, document: ContractDocument): Promise<OutputFile[]> {
  const path = `${workspace}/README.md`;
  const readme = await readText(path);
  if (readme === null) return [];
  const entries = await readdir(resolvePath(`${workspace}/src/routes`), { recursive: true });
  const names = new Map(
    entries
      .map((entry) => entry.replaceAll('\\', '/'))
      .filter((entry) => entry.endsWith('.ts') && !entry.endsWith('.test.ts'))
      .map((entry) => [entry.replace(/^.*\//, '').replace(/\.ts$/, ''), `src/routes/${entry}`] as const),
  );
  const ids = Object.values(document.paths ?? {}).flatMap((item) =>
    Object.values(item).flatMap(({ operationId }) => operationId ?? []),
  );
  const located = new Map(ids.flatMap((id) => pairWith(id, names.get(toFileName(id)))));
  return [{ path, text: fillOperationTable({ readme, document, files: located }) }];
}

function pairWith(id: string, file: string | undefined): [string, string][] {
  return file === undefined ? [] : [[id, file]];
}
