import { rmSync } from 'node:fs';
import { readTokenPrefix } from '@nexus/core/tokens';
import { type Activation, ActivationWatch } from './activation-watch.js';
import type { ChildGroup } from './child-group.js';
import { createDemoSecret } from './demo/keys.js';
import { describeDemoKeyProvider, describeDemoProvider } from './demo-profiles.js';
import type { Environment } from './environment.js';
import { StartError, UsageError } from './failure.js';
import { createJsonClient, type SendJson } from './json-client.js';
import type { DemoLayout, Layout } from './layout.js';
import { describeActivation, describeStart } from './messages.js';
import { offerLinks } from './offer-links.js';
import type { StartOptions } from './options.js';
import { prepareLayout, rememberPorts } from './prepare.js';
import { keepText, readTextFile, writeJsonFile } from './private-file.js';
import { type BrokerAccess, registerProvider } from './register-provider.js';
import { type RunningServices, startServices } from './services.js';
import type { Terminal } from './terminal.js';

interface RunDeps {
  readonly group: ChildGroup;
  readonly terminal: Terminal;
  readonly fetch: typeof fetch;
  readonly now: () => number;
}

interface RunInput {
  readonly options: StartOptions;
  readonly environment: Environment;
  readonly workingDirectory: string;
  readonly repository: URL;
  readonly signal: AbortSignal;
}

const activationPollMs = 2_000;
const shownActivations = 5;

function readAdminAccess(layout: Layout): BrokerAccess {
  const adminKey = readTextFile(layout.adminKeyFile)?.trim() ?? '';
  if (readTokenPrefix(adminKey) !== 'nxa') {
    throw new StartError(
      `There is no admin key in ${layout.adminKeyFile}. It is written once, at the first start on a new database; ` +
        'name the file that holds it in ADMIN_API_KEY_FILE.',
    );
  }
  return { url: layout.brokerUrl, adminKey, adminKeyFile: layout.adminKeyFile };
}

async function registerDemo(
  deps: { readonly send: SendJson; readonly access: BrokerAccess },
  input: { readonly demo: DemoLayout; readonly signal: AbortSignal },
): Promise<void> {
  const { demo, signal } = input;
  const registration = { ...deps, memoryFile: demo.registrationFile };
  const clientSecret = keepText(demo.clientSecretFile, createDemoSecret);
  const profiles = [
    describeDemoProvider({ issuer: demo.url, clientSecret }),
    describeDemoKeyProvider({ issuer: demo.url }),
  ];
  for (const profile of profiles) await registerProvider(registration, { profile, signal });
}

function writeReadyFile(path: string, layout: Layout, services: RunningServices): void {
  writeJsonFile(path, {
    gateway_url: layout.gatewayUrl,
    broker_url: layout.brokerUrl,
    admin_key_file: layout.adminKeyFile,
    gateway_key_file: layout.gatewayKeyFile,
    demo: layout.demo === null ? null : { provider_name: 'demo', issuer: layout.demo.url },
    pids: { gateway: services.gateway.pid, broker: services.broker.pid },
  });
}

function tellActivations(terminal: Terminal, layout: Layout, activations: readonly Activation[]): void {
  for (const activation of activations.slice(0, shownActivations)) {
    terminal.print(describeActivation(terminal, layout, activation));
  }
  const others = activations.length - shownActivations;
  if (others > 0) terminal.print(terminal.faint(`… and ${others} more.`));
}

/**
 * Starts everything, says what a newcomer needs to know and tells of connections until the signal is aborted.
 *
 * @throws StartError when a service cannot be started, UsageError in production mode, else the signal's reason.
 */
export async function runServices(deps: RunDeps, input: RunInput): Promise<void> {
  const { terminal } = deps;
  const { options, environment, repository, signal } = input;
  if (environment['NEXUS_ENV'] === 'production') {
    throw new UsageError('This command is for development only and NEXUS_ENV is production; see start:broker.');
  }
  if (options.readyFile !== null) rmSync(options.readyFile, { force: true });
  const layout = await prepareLayout(deps, input);
  terminal.print(terminal.faint('Starting Nexus…'));
  const send = createJsonClient(deps);
  const services = await startServices({ ...deps, send }, { layout, repository, environment, signal });
  rememberPorts(layout);

  const access = readAdminAccess(layout);
  const watch = new ActivationWatch({ send, access });
  await watch.readNew(signal);
  if (layout.demo !== null) await registerDemo({ send, access }, { demo: layout.demo, signal });
  if (options.readyFile !== null) writeReadyFile(options.readyFile, layout, services);
  terminal.print(describeStart(terminal, layout));

  // Connections of the links below are announced with their id, so the audit log need not announce them again.
  const own = new Set<string>();
  const following = watch.follow({ intervalMs: activationPollMs, signal }, (activations) =>
    tellActivations(
      terminal,
      layout,
      activations.filter(({ connectionRef }) => !own.has(connectionRef)),
    ),
  );
  const offering = layout.demo === null ? null : offerLinks({ send, terminal, own }, { layout, signal });
  await Promise.all([following, offering]);
}
