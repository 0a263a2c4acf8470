/** All checks, in the order in which one depends on another. */
import { type CommandContext, CommandError } from '../command.js';
import { type ApiSettings, readBrokerSettings, readGatewaySettings, readSources, type Sources } from '../settings.js';
import { readVersion } from '../version.js';
import { checkFiles } from './check-files.js';
import { checkKey } from './check-key.js';
import { brokerService, checkService, gatewayService } from './check-service.js';
import { checkStatus, skipStatus } from './check-status.js';
import { type Finding, fail, ok, skipped } from './finding.js';

export async function examine(context: CommandContext): Promise<readonly Finding[]> {
  const settings = await attempt(async () => ({
    sources: await readSources(context),
    broker: await readBrokerSettings(context),
    gateway: await readGatewaySettings(context),
  }));
  if (settings instanceof CommandError) {
    const sources = await attempt(() => readSources(context));
    return [
      fail('settings', settings.message, 'nexus-cli profile show tells where each setting comes from.'),
      ...(sources instanceof CommandError ? [] : await checkFiles(sources, context.env)),
      ...skipBroker('not asked before the settings are mended'),
      skipped(gatewayService.name, 'not asked before the settings are mended'),
    ];
  }
  const { sources, broker, gateway } = settings;
  const here = { version: await readVersion(), now: () => Date.now() };
  return [
    ok('settings', sources.profile === null ? 'from the environment' : `profile ${sources.profile}`),
    ...(await checkFiles(sources, context.env)),
    ...(await checkBroker(broker, here)),
    ...(await checkGateway(gateway, sources, here)),
  ];
}

async function attempt<T>(read: () => Promise<T>): Promise<T | CommandError> {
  try {
    return await read();
  } catch (error) {
    if (error instanceof CommandError) return error;
    throw error;
  }
}

interface Here {
  readonly version: string;
  readonly now: () => number;
}

function skipBroker(because: string): Finding[] {
  return [skipped('Broker', because), skipped('key', because), ...skipStatus(because)];
}

async function checkBroker(settings: ApiSettings, here: Here): Promise<Finding[]> {
  const { findings, isReachable } = await checkService(brokerService, settings, here);
  if (!isReachable || settings.apiKey === null) {
    const because = 'the Broker could not be asked';
    return [...findings, skipped('key', because), ...skipStatus(because)];
  }
  const { finding, status } = await checkKey(settings, settings.apiKey, here.now);
  const judged = status === null ? skipStatus('the status could not be read') : checkStatus(status);
  return [...findings, finding, ...judged];
}

async function checkGateway(settings: ApiSettings, { gatewayUrl }: Sources, here: Here): Promise<readonly Finding[]> {
  const { findings, isReachable } = await checkService(gatewayService, settings, here);
  if (isReachable || gatewayUrl.from !== 'default') return findings;
  return [
    skipped(gatewayService.name, `none is named by ${gatewayService.setting}, and none is at ${gatewayUrl.value}`),
  ];
}
