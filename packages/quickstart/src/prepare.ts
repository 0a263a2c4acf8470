import { join } from 'node:path';
import { createDemoSecret } from './demo/keys.js';
import type { Environment } from './environment.js';
import { type Layout, planLayout } from './layout.js';
import type { StartOptions } from './options.js';
import { type PortRequest, reservePorts } from './ports.js';
import { createPrivateDirectory, keepText, readJsonFile, writeJsonFile } from './private-file.js';
import type { Terminal } from './terminal.js';

const portsFileName = 'ports.json';

function readRememberedPorts(dataDirectory: string): ReadonlyMap<string, number> {
  const kept = Object.entries(readJsonFile(join(dataDirectory, portsFileName)) ?? {});
  return new Map(kept.filter((entry): entry is [string, number] => Number.isInteger(entry[1])));
}

function listPortRequests(options: StartOptions): readonly PortRequest[] {
  const services: readonly PortRequest[] = [
    { name: 'gateway', port: options.gatewayPort },
    { name: 'broker', port: options.brokerPort },
  ];
  return options.demoPort === null ? services : [...services, { name: 'demo', port: options.demoPort }];
}

function createDirectories(layout: Layout): void {
  createPrivateDirectory(layout.dataDirectory);
  if (layout.logDirectory !== null) createPrivateDirectory(layout.logDirectory);
  if (layout.demo === null) return;
  createPrivateDirectory(layout.demo.directory);
  keepText(layout.demo.clientSecretFile, createDemoSecret);
}

/**
 * Decides every address and path, and creates the directories.
 *
 * @throws StartError when a port is in use.
 */
export async function prepareLayout(
  deps: { readonly terminal: Terminal },
  input: { readonly options: StartOptions; readonly environment: Environment; readonly workingDirectory: string },
): Promise<Layout> {
  const { options } = input;
  const remembered = readRememberedPorts(options.dataDirectory);
  const reserved = await reservePorts(listPortRequests(options), remembered);
  try {
    const layout = planLayout({ ...input, ports: reserved.ports });
    for (const name of reserved.moved) {
      const port = reserved.ports.get(name);
      deps.terminal.print(`Port ${remembered.get(name)} of the last start is taken, so the ${name} moves to ${port}.`);
    }
    createDirectories(layout);
    return layout;
  } finally {
    await reserved.release();
  }
}

/** Keeps the ports for the next start that asks for free ones: connections and redirect URIs name these origins. */
export function rememberPorts(layout: Layout): void {
  const file = join(layout.dataDirectory, portsFileName);
  writeJsonFile(file, {
    ...readJsonFile(file),
    gateway: layout.gatewayPort,
    broker: layout.brokerPort,
    ...(layout.demo === null ? {} : { demo: layout.demo.port }),
  });
}
