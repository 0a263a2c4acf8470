/** Keys: one live key for each name of the manifest, whose value went where the manifest says. */
import type { Delivery, Diff, DiffInput, Step, Untouched } from './changes.js';
import { createStep } from './create-step.js';
import { diffFields } from './diff-fields.js';
import { type Desired, isStartKey, type Live } from './resources.js';

const whole: Delivery = { target: '', holds: undefined, kind: 'command', mark: null };

export function diffKey(desired: Desired, found: readonly Live[], input: DiffInput): Diff {
  const usable = found.filter(({ key }) => key?.isUsable);
  const guard = (step: Step): Step =>
    step.live.some(input.isInUse) && step.action !== 'create'
      ? { ...step, refused: 'nexus-cli itself uses this key: apply with another one' }
      : step;
  if (desired.isRevoked) {
    return { steps: usable.map((one) => guard(createStep('delete', null, [one]))), untouched: [] };
  }
  const delivery = input.deliveries.get(desired.address) ?? whole;
  const orphans = usable.filter((one) => isOrphan(delivery, one));
  const matching = usable.filter(
    (one) => !orphans.includes(one) && diffFields(one.fields, desired.fields).length === 0,
  );
  const held = newest(matching.filter(({ key }) => key?.lastFour === delivery.holds));
  const stays = held ?? newest(matching);
  if (stays === undefined || input.rotate.has(desired.address)) {
    return { steps: [guard(createKeyStep(desired, found, usable, input))], untouched: [] };
  }
  const others = usable.filter((one) => one !== stays);
  // Whoever does not hold the one that stays cannot know which of them somebody works with.
  const extra = others.filter((one) => held !== undefined || orphans.includes(one));
  const steps = extra.map((one) => {
    const note = orphans.includes(one) ? orphanNote : 'another live key has its name and stays';
    return { ...guard(createStep('delete', null, [one])), notes: [note] };
  });
  return { steps, untouched: describeLeft(desired, delivery, held, others.length - extra.length) };
}

const orphanNote = 'an apply ended before anybody had it';

function describeLeft({ address }: Desired, delivery: Delivery, held: Live | undefined, others: number): Untouched[] {
  const left: Untouched[] = [];
  if (delivery.kind === 'file' && held === undefined) {
    const what = delivery.holds === undefined ? 'is not on this machine' : 'holds another key';
    left.push({ address, note: `${delivery.target} ${what}; --rotate ${address} makes a new one` });
  }
  if (others > 0) left.push({ address, note: `${others + 1} live keys have its name; delete those nobody uses` });
  return left;
}

/** Keys that no manifest names are left alone: somebody else may have made them. */
export function leaveKeys(live: readonly Live[]): Untouched[] {
  const left = live.filter((one) => one.key?.isUsable && !isStartKey(one));
  const [first] = left;
  if (first === undefined) return [];
  const note = 'not in the manifest; --prune takes no keys away';
  return [{ address: left.length === 1 ? first.address : `${left.length} keys`, note }];
}

function createKeyStep(
  desired: Desired,
  found: readonly Live[],
  usable: readonly Live[],
  { deliveries, rotate, now }: DiffInput,
): Step {
  const { target, holds } = deliveries.get(desired.address) ?? whole;
  const current = newest(usable);
  const isOurs = holds === undefined || found.some(({ key }) => key?.lastFour === holds);
  const expiry = desired.fields['expires_at'];
  const isOver = typeof expiry === 'string' && Date.parse(expiry) <= now;
  const foreign = isOurs ? null : `${target} exists already and does not hold this key: move it away`;
  const refused = isOver ? 'expires_at is in the past' : foreign;
  if (current === undefined) return { ...createStep('create', desired, []), refused };
  const fields = diffFields(current.fields, desired.fields);
  const reason = rotate.has(desired.address) ? '--rotate names it' : orphanNote;
  return { ...createStep('replace', desired, usable, fields), notes: fields.length === 0 ? [reason] : [], refused };
}

/** Made by an apply of this machine that did not come to its end; whoever has used it has it. */
function isOrphan({ holds, mark }: Delivery, { id, key }: Live): boolean {
  if (mark === null || key === null || key.isUsed || key.lastFour === holds) return false;
  return mark.made === null ? !mark.before.includes(id) : mark.made.id === id;
}

function newest(keys: readonly Live[]): Live | undefined {
  return keys.toSorted((a, b) => ((a.key?.createdAt ?? '') < (b.key?.createdAt ?? '') ? 1 : -1))[0];
}
