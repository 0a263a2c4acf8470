/** What a plan is made of. Nothing in it is secret. */
import type { JsonValue } from '@nexus/core/canonical-json';
import type { Section } from '../manifest/schema.js';
import type { Desired, Live } from './resources.js';

export interface FieldChange {
  /** Dotted, such as `refresh.rotation`. */
  readonly path: string;
  /** Undefined where there is nothing. */
  readonly before?: JsonValue;
  readonly after?: JsonValue;
  /** A secret, of which only that it changes may be known. */
  readonly secret?: true;
  /** The references that the manifest reads it with, such as `${NAME}`. */
  readonly from?: string;
  /** Another version of the provider's template says so, and not the manifest. */
  readonly template?: true;
}

export type Action = 'create' | 'update' | 'replace' | 'delete';

/** Who else is concerned. */
export interface Impact {
  /** Live ones, which end with their provider. */
  readonly connections: number;
  /** Attempts that nobody has finished yet, which end as well. */
  readonly pending: number;
  /** Agents that name the provider, by id. */
  readonly agents: readonly string[];
  /** Live keys of an agent. */
  readonly keys: number;
  /** Open ones, which are closed. */
  readonly sessions: number;
}

export interface Change {
  readonly section: Section;
  readonly address: string;
  readonly action: Action;
  readonly fields: readonly FieldChange[];
  /** Sentences for people, without full stops. */
  readonly notes: readonly string[];
  /** Null where it concerns nobody else. */
  readonly impact: Impact | null;
  /** Why nothing may be applied while this is so. */
  readonly refused: string | null;
}

/** A change with what carries it out. */
export interface Step extends Change {
  readonly desired: Desired | null;
  /** What it takes the place of, or takes away. */
  readonly live: readonly Live[];
}

export interface Untouched {
  readonly address: string;
  /** Why it is worth saying. */
  readonly note: string;
}

/** What is known of a secret that was to go somewhere. */
export interface Delivery {
  /** What a person would call it. */
  readonly target: string;
  /** The last four characters of what the file holds; undefined without a file, or where a command takes it. */
  readonly holds: string | undefined;
  readonly kind: 'file' | 'command';
  /** Left by an apply that did not come to its end. */
  readonly mark: Mark | null;
}

/** What an apply knew of a secret that it was about to have made. */
export interface Mark {
  /** Ids of what had its name before. */
  readonly before: readonly string[];
  /** Null as long as the Broker has not answered. */
  readonly made: { readonly id: string; readonly lastFour: string } | null;
}

export interface DiffInput {
  readonly desired: readonly Desired[];
  readonly live: readonly Live[];
  readonly prune: boolean;
  /** By address. */
  readonly deliveries: ReadonlyMap<string, Delivery>;
  /** Addresses of those whose secret shall be another one. */
  readonly rotate: ReadonlySet<string>;
  /** In milliseconds since the epoch. */
  readonly now: number;
  /** Whether this is the key that asks. */
  isInUse(key: Live): boolean;
}

export interface Diff {
  /** In the order in which they are carried out. */
  readonly steps: readonly Step[];
  readonly untouched: readonly Untouched[];
}
