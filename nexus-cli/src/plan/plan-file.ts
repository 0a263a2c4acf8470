/** A plan to be looked at now and carried out later. It holds no secret: those are in the manifest still. */
import { createHash, randomBytes, scryptSync, timingSafeEqual } from 'node:crypto';
import { canonicalJson, type JsonValue } from '@nexus/core/canonical-json';
import { z } from 'zod';
import { CommandError, exits } from '../command.js';
import { sections } from '../manifest/schema.js';
import type { Change, Untouched } from './changes.js';
import type { MadePlan, PlanOptions } from './make-plan.js';

const format = 'nexus-plan/1';

const fieldSchema = z.object({
  path: z.string(),
  before: z.json().optional(),
  after: z.json().optional(),
  secret: z.literal(true).optional(),
  from: z.string().optional(),
  template: z.literal(true).optional(),
});

const changeSchema = z.object({
  section: z.enum(sections),
  address: z.string(),
  action: z.enum(['create', 'update', 'replace', 'delete']),
  fields: z.array(fieldSchema),
  notes: z.array(z.string()),
  impact: z
    .object({
      connections: z.number(),
      pending: z.number(),
      agents: z.array(z.string()),
      keys: z.number(),
      sessions: z.number(),
    })
    .nullable(),
  refused: z.string().nullable(),
});

const planSchema = z.object({
  format: z.literal(format),
  broker: z.string(),
  /** As they were named, relative to where the plan was made. */
  files: z.array(z.string()),
  prune: z.boolean(),
  force: z.boolean(),
  rotate: z.array(z.string()),
  /** Of all the manifest says, its secrets included: slow to compute, so that none can be guessed from it. */
  manifest: z.object({ digest: z.string(), salt: z.string() }),
  changes: z.array(changeSchema),
  untouched: z.array(z.object({ address: z.string(), note: z.string() })),
  /** What the Broker had of each thing concerned, as a digest. */
  live: z.record(z.string(), z.string()),
});

/** The document of `plan --json` and of a plan file. */
export interface PlanDocument extends PlanOptions {
  readonly format: typeof format;
  readonly broker: string;
  readonly files: readonly string[];
  readonly manifest: { readonly digest: string; readonly salt: string };
  readonly changes: readonly Change[];
  readonly untouched: readonly Untouched[];
  readonly live: Readonly<Record<string, string>>;
}

export function describePlan(plan: MadePlan, files: readonly string[]): PlanDocument {
  const salt = randomBytes(16).toString('base64url');
  return {
    format,
    broker: plan.address.origin,
    files,
    prune: plan.options.prune,
    force: plan.options.force,
    rotate: plan.options.rotate,
    manifest: { digest: digestManifest(plan, salt), salt },
    changes: listChanges(plan),
    untouched: plan.untouched,
    live: fingerprint(plan),
  };
}

/** @throws CommandError for a text that is no plan. */
export function readPlanDocument(path: string, text: string): PlanDocument {
  try {
    return planSchema.parse(JSON.parse(text)) as PlanDocument;
  } catch (cause) {
    throw new CommandError(exits.unreadable, `${path} is not a plan: nexus-cli plan --out writes one`, { cause });
  }
}

/** @throws CommandError unless carrying the plan out now does what it showed when it was made. */
export function requireSamePlan(saved: PlanDocument, fresh: MadePlan): void {
  const advice = ['make the plan again and look at what it shows now'];
  const refuse = (message: string) => new CommandError(exits.refused, message, { advice });
  if (saved.broker !== fresh.address.origin) {
    throw refuse(`the plan was made for the Broker at ${saved.broker}, and not for ${fresh.address.origin}`);
  }
  const digest = Buffer.from(digestManifest(fresh, saved.manifest.salt));
  const known = Buffer.from(saved.manifest.digest);
  if (known.length !== digest.length || !timingSafeEqual(known, digest)) {
    throw refuse('the manifest has changed since the plan was made');
  }
  const now = fingerprint(fresh);
  const moved = [...new Set([...Object.keys(saved.live), ...Object.keys(now)])].filter(
    (address) => saved.live[address] !== now[address],
  );
  if (moved.length > 0) throw refuse(`changed at the Broker since the plan was made: ${moved.sort().join(', ')}`);
  const shown = canonicalJson(saved.changes as unknown as JsonValue);
  // What is live is the same; what goes with it, such as connections or files, is not.
  if (shown !== canonicalJson(JSON.parse(JSON.stringify(listChanges(fresh))) as JsonValue)) {
    throw refuse('what the plan would do has changed since it was made');
  }
}

function listChanges({ steps }: MadePlan): Change[] {
  return steps.map(({ desired: _desired, live: _live, ...change }) => change);
}

function digestManifest({ desired }: MadePlan, salt: string): string {
  const said = desired.map(({ address, body, isRevoked, sink }) => ({ address, body, isRevoked, sink }));
  const text = canonicalJson(JSON.parse(JSON.stringify(said)) as JsonValue);
  return scryptSync(text, salt, 32).toString('base64url');
}

function fingerprint({ live }: MadePlan): Record<string, string> {
  const states = new Map<string, JsonValue[]>();
  for (const { address, state } of live) states.set(address, [...(states.get(address) ?? []), state]);
  return Object.fromEntries(
    [...states].sort().map(([address, all]) => {
      const text = canonicalJson(all.map((state) => canonicalJson(state)).sort());
      return [address, createHash('sha256').update(text).digest('hex').slice(0, 16)];
    }),
  );
}
