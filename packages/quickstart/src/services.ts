import { join } from 'node:path';
import type { ChildGroup } from './child-group.js';
import type { Child, ChildSpec } from './child-process.js';
import type { Environment } from './environment.js';
import type { SendJson } from './json-client.js';
import { describeBrokerEnvironment, describeGatewayEnvironment, type Layout } from './layout.js';
import { waitUntilReady } from './readiness.js';

const readyTimeoutMs = 60_000;

export interface RunningServices {
  readonly broker: Child;
  readonly gateway: Child;
}

function describeDemoArgument(layout: Layout, environment: Environment): string {
  return JSON.stringify({
    port: layout.demo?.port,
    directory: layout.demo?.directory,
    clientSecretFile: layout.demo?.clientSecretFile,
    redirectUri: `${layout.publicUrl}/auth/callback/demo`,
    gatewayUrl: layout.gatewayUrl,
    accessTokenSeconds: environment['DEMO_ACCESS_TOKEN_SECONDS'] ?? null,
  });
}

/** Only what a Node process needs: the demo provider has no business with the settings of the services. */
function describeDemoEnvironment(environment: Environment): Environment {
  const names = ['PATH', 'HOME', 'TZ', 'LANG', 'LC_ALL', 'NODE_OPTIONS', 'TMPDIR'];
  return { ...Object.fromEntries(names.map((name) => [name, environment[name]])), NEXUS_ENV: 'development' };
}

function describeChild(layout: Layout, name: string, script: URL): Omit<ChildSpec, 'environment'> {
  return {
    name,
    script,
    workingDirectory: layout.workingDirectory,
    logFile: layout.logDirectory === null ? null : join(layout.logDirectory, `${name}.log`),
  };
}

/** Starts every process of the run and resolves when all of them can serve. */
export async function startServices(
  deps: { readonly group: ChildGroup; readonly send: SendJson; readonly now: () => number },
  input: {
    readonly layout: Layout;
    readonly repository: URL;
    readonly environment: Environment;
    readonly signal: AbortSignal;
  },
): Promise<RunningServices> {
  const { group } = deps;
  const { layout, repository, environment, signal } = input;
  // The group stops in reverse: first the Gateway, then the Broker, and last the provider it may still be talking to.
  if (layout.demo !== null) {
    group.start({
      ...describeChild(layout, 'demo-provider', new URL('packages/quickstart/bin/demo-provider.mjs', repository)),
      arguments: [describeDemoArgument(layout, environment)],
      environment: describeDemoEnvironment(environment),
    });
  }
  const broker = group.start({
    ...describeChild(layout, 'broker', new URL('nexus-broker/dist/main.js', repository)),
    environment: describeBrokerEnvironment(layout, environment),
  });
  const waitFor = (label: string, url: string): Promise<void> =>
    waitUntilReady(deps, { label, url, timeoutMs: readyTimeoutMs, signal });
  await waitFor('The Broker', layout.brokerUrl);
  // The Gateway reads a key file that a first start of the Broker has to write.
  const gateway = group.start({
    ...describeChild(layout, 'gateway', new URL('nexus-gateway/dist/main.js', repository)),
    environment: describeGatewayEnvironment(layout, environment),
  });
  await waitFor('The Gateway', layout.gatewayUrl);
  if (layout.demo !== null) await waitFor('The demo provider', layout.demo.url);
  return { broker, gateway };
}
