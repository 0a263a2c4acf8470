import type * as Broker from '@nexus/broker-api/flows';
import type { Captured, CaptureSchema } from '../schemas/v1/connection.js';

export function toCaptureSchema(answer: Broker.CaptureSchema): CaptureSchema {
  return { provider_name: answer.provider_name, provider_id: answer.provider_id, schema: answer.schema };
}

export function toCaptured(answer: Broker.Captured): Captured {
  return { connection_ref: answer.connection_ref, status: answer.status, redirect_url: answer.redirect_url };
}
