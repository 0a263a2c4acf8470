/** What an operator's monitoring reads: counters kept by this process, and gauges asked for at each look. */
import { Counter, collectDefaultMetrics, Gauge, Histogram, Registry } from 'prom-client';
import type { Overview } from '../services/system/read-overview.js';

export interface Metrics {
  readonly registry: Registry;
  /** Calls to token endpoints that ended. */
  readonly calls: Counter<'provider' | 'outcome'>;
  /** Calls that were not made because of a breaker, a rate, or a client the provider refuses. */
  readonly refusals: Counter<'provider' | 'reason'>;
  readonly seconds: Histogram<'provider'>;
}

export function createMetrics(): Metrics {
  const registry = new Registry();
  const registers = [registry];
  return {
    registry,
    calls: new Counter({
      name: 'nexus_provider_calls_total',
      help: 'Calls to token endpoints by outcome: granted, or the class of the failure.',
      labelNames: ['provider', 'outcome'],
      registers,
    }),
    refusals: new Counter({
      name: 'nexus_provider_calls_held_back_total',
      help: 'Calls to token endpoints that were held back, by reason.',
      labelNames: ['provider', 'reason'],
      registers,
    }),
    seconds: new Histogram({
      name: 'nexus_provider_call_seconds',
      help: 'Time a call to a token endpoint took.',
      labelNames: ['provider'],
      buckets: [0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10],
      registers,
    }),
  };
}

/**
 * Gauges for what is counted over the whole database. Returns the figures as a scrape wants them: the database is asked
 * once, before any gauge is read.
 */
export function createScrape({ registry }: Metrics, read: () => Promise<Overview>): () => Promise<string> {
  const registers = [registry];
  const gauge = <L extends string>(name: string, help: string, ...labelNames: L[]) =>
    new Gauge({ name, help, labelNames, registers });
  const connections = gauge('nexus_connections', 'Connections by status.', 'status');
  const attention = gauge('nexus_connections_in_attention', 'Connections in attention by reason.', 'reason');
  const blocked = gauge(
    'nexus_calls_blocked',
    'Token endpoints and providers that are not called now.',
    'key',
    'state',
  );
  const backlog = gauge('nexus_refresh_backlog', 'Tokens in use whose refresh is due.');
  const inDoubt = gauge('nexus_refresh_in_doubt', 'Grants whose last call has no known outcome.');
  const closest = gauge('nexus_token_expiry_seconds', 'Seconds until the next token that is in use expires.');
  const lag = gauge('nexus_audit_sealing_lag_seconds', 'Age of the oldest audit entry that is not sealed.');
  const unsaved = gauge('nexus_renewals_unsaved', 'Renewed credentials of this Broker that wait for the database.');
  const up = gauge('nexus_overview_up', 'Whether the figures about the database could be read.');
  let isWatched = false;
  const show = (overview: Overview) => {
    for (const [status, count] of Object.entries(overview.connections)) connections.set({ status }, count);
    for (const [reason, count] of Object.entries(overview.attention)) attention.set({ reason }, count);
    for (const { key, state } of overview.blocked) blocked.set({ key, state }, 1);
    backlog.set(overview.backlog);
    inDoubt.set(overview.inDoubt);
    closest.set(overview.closest[0]?.expiresInSeconds ?? Number.NaN);
    lag.set(overview.sealingLagSeconds);
    unsaved.set(overview.unsaved);
  };
  return async () => {
    // They are measured all the time, and for nobody where nobody looks.
    if (!isWatched) collectDefaultMetrics({ register: registry });
    isWatched = true;
    const overview = await read().catch(() => null);
    for (const labelled of [connections, attention, blocked]) labelled.reset();
    up.set(overview === null ? 0 : 1);
    if (overview !== null) show(overview);
    return registry.metrics();
  };
}
