import { jsonOption } from '../arguments.js';
import { type CommandContext, CommandError, defineCommand, exits, usageError } from '../command.js';
import { readTextFile } from '../files.js';
import { holdInterrupts } from '../interrupts.js';
import { fileOption, requireManifest } from '../manifest/require-manifest.js';
import { type MadePlan, makePlan } from '../plan/make-plan.js';
import { forceOption, pruneOption, rotateOption } from '../plan/plan.js';
import { describePlan, readPlanDocument, requireSamePlan } from '../plan/plan-file.js';
import { describeDone, headLine, viewPlan } from '../plan/view-plan.js';
import { ask, isInteractive, present, print, printJson, startProgress } from '../print.js';
import { renderLine, styled } from '../views/screen.js';
import { applyPlan, type ItemResult } from './apply-plan.js';

const interrupted = 130;

export const approveOption = { kind: 'flag', help: 'do not ask first; needed where nobody can be asked' } as const;

export const apply = defineCommand({
  options: {
    file: fileOption,
    'auto-approve': approveOption,
    prune: pruneOption,
    force: forceOption,
    rotate: rotateOption,
    json: jsonOption,
  },
  args: { PLAN: { help: 'a plan of plan --out, carried out as it was shown or not at all', optional: true } },
  description: [
    'Makes the Broker have what a manifest says. It shows the plan, asks, and tells of each item when it is done. An item that fails does not stop the others; what needs it is left out. Whatever interrupts an apply, the next one goes on from there.',
    'A plan file brings its options and names its manifest, which is read again; it is refused when the manifest or what the Broker has is not as it was.',
  ],
  examples: ['apply -f nexus.yaml', 'apply -f manifests/ --prune --auto-approve', 'apply plan.json --auto-approve'],
  roles: ['operator for providers and agents', 'admin for the other sections'],
  exitCodes: { 1: 'something failed or was refused', 130: 'interrupted; what is left was said' },
  async run({ options, args }, context) {
    const planned = args.PLAN === null ? null : readPlanDocument(args.PLAN, await readTextFile(args.PLAN));
    if (planned !== null && (options.prune || options.force || options.rotate.length > 0))
      throw usageError('a plan brings its own options');
    const files = options.file.length > 0 ? options.file : (planned?.files ?? []);
    const manifest = await requireManifest(files, context);
    const { prune, force, rotate } = planned ?? options;
    const remake = () => makePlan(manifest, { prune, force, rotate }, context);
    const made = await remake();
    if (planned !== null) requireSamePlan(planned, made);
    return await applyMade({ made, remake }, { isApproved: options['auto-approve'], isJson: options.json }, context);
  },
});

interface ApplyInput {
  readonly made: MadePlan;
  /** An answer may take long, and other people change things meanwhile. */
  remake(): Promise<MadePlan>;
}

interface ApplyOptions {
  readonly isApproved: boolean;
  readonly isJson: boolean;
}

/** Shows the plan, asks, carries it out and tells of it. Resolves to the exit code. @throws CommandError */
export async function applyMade(
  { made, remake }: ApplyInput,
  { isApproved, isJson }: ApplyOptions,
  context: CommandContext,
) {
  const shown = describePlan(made, []);
  if (!isJson) present({ data: shown, view: viewPlan, isJson }, context);
  refuseRefused(made);
  if (made.steps.length > 0 && !isApproved) {
    await approve(context);
    requireSamePlan(shown, await remake());
  }
  const progress = startProgress(context);
  using interrupts = holdInterrupts();
  interrupts.signal.addEventListener('abort', () =>
    print(context.stderr, 'nexus-cli: interrupted; the item under way is finished first'),
  );
  const deps = { broker: made.broker, undelivered: made.undelivered, force: made.options.force };
  const results = await applyPlan(deps, made.steps, {
    isInterrupted: () => interrupts.signal.aborted,
    onBegin: ({ address }) => progress.show(address),
    onEnd: (result) => {
      progress.end();
      if (!isJson) for (const line of viewResult(result)) context.stdout.write(`${renderLine(line, context.screen)}\n`);
    },
  });
  const count = (outcome: ItemResult['outcome']) => results.filter((one) => one.outcome === outcome).length;
  const summary = { done: count('done'), failed: count('failed'), skipped: count('skipped'), left: count('left') };
  if (isJson) printJson(context.stdout, { summary, items: results });
  else if (results.length > 0) {
    const parts = Object.entries(summary).filter(([name, number]) => name === 'done' || number > 0);
    print(context.stdout, `${parts.map(([name, number]) => `${number} ${name}`).join(', ')}.`);
  }
  if (interrupts.signal.aborted) return interrupted;
  return summary.done === results.length ? exits.done : exits.refused;
}

function refuseRefused({ steps }: MadePlan): void {
  const refused = steps.filter((step) => step.refused !== null);
  if (refused.length === 0) return;
  const advice = refused.map(({ address, refused: why }) => `${address}: ${why ?? ''}`);
  throw new CommandError(exits.refused, 'nothing was applied: the plan holds what is refused', { advice });
}

async function approve(context: CommandContext): Promise<void> {
  if (!isInteractive(context)) throw usageError('nobody can be asked here: repeat it with --auto-approve');
  const answer = await ask('Apply these changes? Only yes does it:', context);
  if (answer !== 'yes') throw new CommandError(exits.refused, 'nothing was applied');
}

function viewResult({ outcome, message, advice, ...item }: ItemResult) {
  const told = outcome === 'done' ? describeDone(item) : `${outcome}: ${message ?? ''}`;
  const note = outcome === 'done' ? `  ${told}` : '';
  if (outcome === 'done') return [headLine(item, note)];
  return [[...headLine(item), styled('red', `  ${told}`)], ...advice.map((line) => `    ${line}`)];
}
