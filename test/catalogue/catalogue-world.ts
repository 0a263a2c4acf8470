/** A Broker and the internet its providers are on, for all templates of a file. */
import { type BrokerAnswer, type BrokerOnTheInternet, openBrokerOnTheInternet } from '@nexus/broker/testing';
import { type LocalInternet, startLocalInternet } from '@nexus/testkit/local-internet';
import { expect } from 'vitest';
import type { TemplateUnderTest } from './templates.js';

export interface CatalogueWorld {
  readonly broker: BrokerOnTheInternet;
  readonly internet: LocalInternet;
  close(): Promise<void>;
}

export async function openCatalogueWorld(): Promise<CatalogueWorld> {
  const internet = await startLocalInternet();
  const broker = await openBrokerOnTheInternet(internet);
  return {
    broker,
    internet,
    close: async () => {
      expect(broker.findBackgroundFailures()).toEqual([]);
      await broker.close();
      await internet.close();
    },
  };
}

/** Asks for a connection with the inputs of the template's fixtures. */
export async function requestConnection(
  broker: BrokerOnTheInternet,
  { name, profile, tests }: TemplateUnderTest,
  scopes?: readonly string[],
): Promise<{ readonly connectionId: string; readonly ticket: string }> {
  const asked = await broker.asGateway('/internal/v1/connections/request', {
    workspace_id: 'workspace',
    provider_name: name,
    return_url: broker.returnUrl,
    ...(scopes === undefined ? {} : { scopes }),
    ...(profile.inputs === undefined ? {} : { inputs: tests.inputs ?? {} }),
  });
  expect(asked, 'the connection is asked for').toMatchObject({ status: 200 });
  return { connectionId: String(asked.body['connection_id']), ticket: String(asked.body['state']) };
}

export function call(
  broker: BrokerOnTheInternet,
  action: 'check' | 'token' | 'refresh',
  connectionId: string,
): Promise<BrokerAnswer> {
  return broker.asGateway(`/internal/v1/connections/${action}`, { connection_id: connectionId });
}
