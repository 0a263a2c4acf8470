/** Carries a plan out, item by item. One that fails does not keep those from going on that do not need it. */

import { Refusal } from '../broker.js';
import { CommandError, exits } from '../command.js';
import type { Action, Step } from '../plan/changes.js';
import { type PerformDeps, performStep } from './perform-step.js';

export interface ItemResult {
  readonly address: string;
  readonly action: Action;
  /** `left`: not begun, since the apply was interrupted or the Broker went away. */
  readonly outcome: 'done' | 'failed' | 'skipped' | 'left';
  /** Why, where it is not done. */
  readonly message: string | null;
  /** What to do about it. */
  readonly advice: readonly string[];
}

export interface ApplyHooks {
  /** Asked before each item. */
  isInterrupted(): boolean;
  onBegin(step: Step): void;
  onEnd(result: ItemResult): void;
}

export async function applyPlan(
  deps: PerformDeps,
  steps: readonly Step[],
  hooks: ApplyHooks,
): Promise<readonly ItemResult[]> {
  const results: ItemResult[] = [];
  let isAway = false;
  for (const step of steps) {
    const { address, action } = step;
    const end = (outcome: ItemResult['outcome'], message: string | null, advice: readonly string[] = []) => {
      const result: ItemResult = { address, action, outcome, message, advice };
      results.push(result);
      hooks.onEnd(result);
    };
    const missing = findMissing(step, results);
    if (isAway) end('left', 'the Broker is away');
    else if (hooks.isInterrupted()) end('left', 'interrupted');
    else if (missing !== null) end('skipped', `it needs ${missing}, which failed`);
    else {
      hooks.onBegin(step);
      try {
        await performStep(deps, step);
        end('done', null);
      } catch (error) {
        if (!(error instanceof CommandError)) {
          end('failed', `unexpected: ${error instanceof Error ? error.message : String(error)}`);
          continue;
        }
        // Nothing answers: neither would it to the rest.
        isAway = error.exitCode === exits.unreadable && !(error instanceof Refusal) && isUnreachable(error);
        end('failed', error.message, error.advice);
      }
    }
  }
  return results;
}

/** A file that cannot be written says nothing about the Broker. */
function isUnreachable({ cause }: CommandError): boolean {
  return (cause as NodeJS.ErrnoException | undefined)?.path === undefined;
}

/** What the step refers to and what has failed in this apply. */
function findMissing({ section, desired }: Step, results: readonly ItemResult[]): string | null {
  if (desired === null) return null;
  const needed = section === 'keys' && desired.agentId !== null ? [`agents/${desired.agentId}`] : [];
  const providers = section === 'agents' ? ((desired.fields['allowed_providers'] ?? []) as readonly string[]) : [];
  const all = [...needed, ...providers.map((name) => `providers/${name}`)];
  const failed = results.filter(({ outcome, action }) => outcome !== 'done' && action !== 'delete');
  return all.find((address) => failed.some((one) => one.address === address)) ?? null;
}
