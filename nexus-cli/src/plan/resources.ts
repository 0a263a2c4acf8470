/** What a manifest wants and what a Broker has, in one form, so that they can be compared. */
import type { JsonValue } from '@nexus/core/canonical-json';
import type { Path } from '../manifest/locate.js';
import type { Place } from '../manifest/problem.js';
import type { Section, Sink } from '../manifest/schema.js';

export type Fields = { readonly [name: string]: JsonValue };

/** By dotted path, the references that a value was read with, such as `${NAME}`. */
export type References = ReadonlyMap<string, string>;

interface Identity {
  readonly section: Section;
  /** Names it in all plans, such as `providers/google` or `agents/clerk/keys/first`. */
  readonly address: string;
  readonly name: string;
  /** Whose key it is. */
  readonly agentId: string | null;
}

/** What the Broker says becomes of a client secret. */
export type SecretVerdict = 'unchanged' | 'changed' | 'set' | 'unset';

export interface Desired extends Identity {
  /** As a read of it would show it. */
  readonly fields: Fields;
  /** What is sent, secrets included. */
  readonly body: Fields;
  readonly secret: SecretVerdict;
  readonly sink: Sink | null;
  /** A key that shall be no more. */
  readonly isRevoked: boolean;
  /** What relative paths of it begin at. */
  readonly folder: string;
  /** Of `fields`. */
  readonly references: References;
  place(path?: Path): Place;
}

export interface Live extends Identity {
  readonly id: string;
  readonly fields: Fields;
  /** All of the read that tells whether it is still the same. */
  readonly state: Fields;
  /** Of a key. */
  readonly key: KeyFacts | null;
}

export interface KeyFacts {
  readonly role: string;
  readonly lastFour: string;
  readonly isUsable: boolean;
  readonly isUsed: boolean;
  readonly createdAt: string;
}

export function keyAddress(agentId: string | null, name: string): string {
  return agentId === null ? `keys/${name}` : `agents/${agentId}/keys/${name}`;
}

/** The keys of its own start every Broker makes anew. */
export function isStartKey({ name, key }: Live): boolean {
  const made = ['admin', 'gateway'].flatMap((role) => [`first ${role} key`, `${role} from configuration`]);
  return made.includes(name) && (key?.role === 'admin' || key?.role === 'gateway');
}
