import type { Instant } from '@nexus/core/clock';
import type { CompletionMode } from './authorization-flow.js';

/** Where an application may have people sent back to, and the name they are shown. */
export interface ReturnOrigin {
  readonly returnOriginId: string;
  readonly origin: string;
  readonly appName: string;
  readonly completion: CompletionMode;
  readonly pathPrefix: string | null;
  readonly createdAt: Instant;
}
