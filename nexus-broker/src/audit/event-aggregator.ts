/**
 * Keeps anonymous callers from filling an append-only log: per minute, source and type one entry at once and one with
 * the count of the rest. The number of sources kept apart in a minute is bounded; beyond it they share one count.
 */

import type { JsonValue } from '@nexus/core/canonical-json';
import type { Clock } from '@nexus/core/clock';
import type { AuditEvent, AuditOrigin } from '../domain/audit-event.js';
import { toSourceKey } from '../domain/source-key.js';

interface Counted {
  readonly event: AuditEvent;
  readonly origin: AuditOrigin;
  admitted: number;
  further: number;
}

const minuteMs = 60_000;
const maxSources = 100;
const everyoneElse = 'other sources';

export class EventAggregator {
  readonly #clock: Clock;
  readonly #write: (event: AuditEvent, origin: AuditOrigin) => void;
  #minute = -1;
  #counts = new Map<string, Counted>();
  #timer: NodeJS.Timeout | null = null;

  constructor(clock: Clock, write: (event: AuditEvent, origin: AuditOrigin) => void) {
    this.#clock = clock;
    this.#write = write;
  }

  /** Whether the event gets an entry of its own; up to `allowance` of its kind do in a minute. */
  admit(event: AuditEvent, origin: AuditOrigin, allowance: number): boolean {
    const minute = Math.floor(this.#clock.now() / minuteMs);
    if (minute !== this.#minute) {
      this.#flush();
      this.#minute = minute;
    }
    const key = this.#keyOf(event, origin);
    const counted = this.#counts.get(key);
    if (counted === undefined) {
      this.#counts.set(key, { event, origin, admitted: 1, further: 0 });
      return true;
    }
    if (counted.admitted < allowance) {
      counted.admitted += 1;
      return true;
    }
    counted.further += 1;
    this.#timer ??= setTimeout(() => this.#flush(), minuteMs).unref();
    return false;
  }

  close(): void {
    this.#flush();
  }

  #keyOf(event: AuditEvent, origin: AuditOrigin): string {
    const code = (event.data as { code?: JsonValue } | undefined)?.code ?? '';
    const key = `${event.eventType} ${String(code)} ${toSourceKey(origin.callerIp)}`;
    if (this.#counts.has(key) || this.#counts.size < maxSources) return key;
    return `${event.eventType} ${String(code)} ${everyoneElse}`;
  }

  #flush(): void {
    if (this.#timer !== null) clearTimeout(this.#timer);
    this.#timer = null;
    const counts = this.#counts;
    this.#counts = new Map();
    for (const [key, counted] of counts) {
      if (counted.further === 0) continue;
      const shared = key.endsWith(everyoneElse);
      this.#write(summarise(counted), shared ? { ...counted.origin, callerIp: null, userAgent: null } : counted.origin);
    }
  }
}

/** Names no connection: the count speaks of many requests. */
function summarise(counted: Counted): AuditEvent {
  const { eventType, outcome, data } = counted.event;
  return { eventType, outcome, data: { ...data, count: counted.further } } as AuditEvent;
}
