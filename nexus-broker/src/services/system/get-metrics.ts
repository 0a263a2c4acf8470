import { NexusError } from '@nexus/core/errors';
import type { Metrics } from '../../metrics/metrics.js';

export interface GetMetricsDeps {
  readonly metrics: Pick<Metrics, 'registry'>;
  readonly scrapeMetrics: () => Promise<string>;
  readonly config: { readonly metrics: boolean };
}

/**
 * The figures in the text format of Prometheus, with its media type.
 *
 * @throws NexusError `not_found` unless METRICS is on.
 */
export async function getMetrics(deps: GetMetricsDeps): Promise<{ text: string; mediaType: string }> {
  if (!deps.config.metrics) throw new NexusError('not_found', 'Metrics are off; set METRICS=true to have them.');
  return { text: await deps.scrapeMetrics(), mediaType: deps.metrics.registry.contentType };
}
