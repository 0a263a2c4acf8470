import type { Clock } from '@nexus/core/clock';
import type { RefreshEngine } from '../../refresh/refresh-engine.js';
import type { UnsavedRenewals } from '../../refresh/unsaved-renewals.js';
import type { Database } from '../../stores/database.js';
import type { Mortal } from './timeline.js';

/** One boot of a Broker. */
export interface Replica extends Mortal {
  readonly number: number;
  /** It serves nobody before it has started. */
  isReady: boolean;
  readonly clock: Clock;
  readonly database: Database;
  readonly engine: RefreshEngine;
  readonly unsaved: UnsavedRenewals;
}
