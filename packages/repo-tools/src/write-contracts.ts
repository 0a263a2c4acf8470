/** Writes both OpenAPI files from the code and the bundle of the catalogue, or with --check compares them byte by byte. */
import { buildContract as buildBrokerContract } from '@nexus/broker/contract';
import { buildContract as buildGatewayContract } from '@nexus/gateway/contract';
import { loadCatalogue, renderBundle } from './catalogue-files.js';
import { renderContract } from './contract-text.js';
import { generate } from './output-file.js';

process.exitCode = await generate({
  files: [
    { path: 'openapi.yaml', text: renderContract(buildGatewayContract()) },
    { path: 'nexus-broker/openapi.yaml', text: renderContract(buildBrokerContract()) },
    { path: 'packages/catalogue/catalogue.json', text: renderBundle(await loadCatalogue()) },
  ],
  isCheck: process.argv.includes('--check'),
  command: 'npm run contract',
});
