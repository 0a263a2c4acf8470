import type { ConnectionState } from '@nexus/broker-api/connections';
import { jsonOption } from '../arguments.js';
import { openGateway } from '../broker.js';
import { type CommandContext, CommandError, defineCommand, exits, usageError } from '../command.js';
import { holdInterrupts } from '../interrupts.js';
import { present, print } from '../print.js';
import { createSecretFile } from '../secret-output.js';
import { type Connected, describeEnd, viewConnected } from './connected.js';
import { startFlow } from './flow.js';
import { startNews } from './news.js';
import { showLink } from './show-link.js';
import { waitForEnd } from './wait-for-end.js';

/** As long as a flow lives. */
const defaultWaitSeconds = 600;
/** What shells make of a program that SIGINT ended. */
const interruptedExitCode = 130;

export const connect = defineCommand({
  description: [
    'Starts a connection at the Gateway, shows the link that the person opens, waits, and tells how it ended. Providers ' +
      'without OAuth show a form behind the same link.',
    'By default the browser comes back to this program, which alone can complete the flow. That needs a Gateway in ' +
      'development, and a browser on this machine. Show the link to nobody else: who opens it elsewhere cannot complete it ' +
      'there, but could have a browser here open the address it ends at, and connect an account of theirs. Look at the ' +
      'account in the end. ' +
      'With --return-url the browser goes to an address under a return origin of kind confirm (nexus-cli return-origins), ' +
      'and the person may use another device, by a QR code on a terminal that has room for it.',
    'The connection id opens the credential, so that it goes into a file, or is printed with --reveal only. A connection ' +
      'is found by its workspace only if the key of an application started it; no other key is sent to a Gateway.',
  ],
  options: {
    workspace: { kind: 'text', value: 'ID', required: true, help: 'whose connection it is to be' },
    scope: { kind: 'list', value: 'SCOPE', help: 'ask for this instead of the scopes of the provider' },
    input: { kind: 'list', value: 'NAME=VALUE', help: 'what the provider needs to know of this tenant' },
    'return-url': { kind: 'text', value: 'URL', help: 'where the browser goes in the end' },
    wait: { kind: 'count', help: `seconds to wait; ${defaultWaitSeconds} unless given` },
    'no-qr': { kind: 'flag', help: 'show no QR code' },
    out: { kind: 'text', value: 'FILE', help: 'write the connection id to this new file, for its owner only' },
    reveal: { kind: 'flag', help: 'print the connection id' },
    json: jsonOption,
  },
  args: { PROVIDER: { help: 'name of a registered provider' } },
  examples: [
    'connect google --workspace workspace-42 --out connection.id',
    'connect zendesk --workspace workspace-42 --input subdomain=acme --scope read --reveal',
  ],
  roles: ['app', 'agent'],
  exitCodes: { 1: 'refused, not connected, or not within the time', 130: 'interrupted' },
  async run({ options, args }, context) {
    const { out, reveal } = options;
    if ((out === null) !== reveal) throw usageError('say where the connection id goes: --out FILE, or --reveal');
    const inputs = readInputs(options.input);
    const wanted = {
      workspace_id: options.workspace,
      provider_name: args.PROVIDER,
      ...(options.scope.length === 0 ? {} : { scopes: options.scope }),
      ...(inputs === null ? {} : { inputs }),
    };
    const seconds = options.wait ?? defaultWaitSeconds;
    const attempt = { wanted, returnUrl: options['return-url'], mayUseQr: !options['no-qr'], seconds };
    // Before anybody is asked, so that nobody connects for an id that could not be kept.
    const sink = out === null ? null : await createSecretFile(out);
    let isKept = false;
    try {
      const outcome = await tryToConnect(attempt, context);
      const { id, state, isUsable } = outcome;
      if (isUsable) {
        isKept = true;
        await sink?.deliver(id);
        const data: Connected = { ...state, ...(reveal ? { connection_id: id } : {}) };
        present({ data, view: viewConnected, isJson: options.json }, context);
        if (sink !== null) print(context.stderr, `the connection id is in ${sink.place}`);
      }
      if (state.status !== 'active') throw describeEnd(outcome, seconds);
      return exits.done;
    } finally {
      if (!isKept) await sink?.discard();
    }
  },
});

interface Attempt {
  readonly wanted: Readonly<Record<string, unknown>>;
  readonly returnUrl: string | null;
  readonly mayUseQr: boolean;
  readonly seconds: number;
}

interface Outcome {
  readonly id: string;
  readonly state: ConnectionState;
  /** Whether the id opens something, or may yet. */
  readonly isUsable: boolean;
}

async function tryToConnect(attempt: Attempt, context: CommandContext): Promise<Outcome> {
  const { wanted, returnUrl, mayUseQr, seconds } = attempt;
  using interrupts = holdInterrupts();
  const { signal } = interrupts;
  const gateway = await openGateway(context, signal);
  const news = startNews(context);
  await using flow = await startFlow(gateway, wanted, { returnUrl, news });
  const { connection_id: id } = flow.requested;
  showLink({ requested: flow.requested, mayUseQr: mayUseQr && !flow.endsHere }, context);
  const state = await waitForEnd(gateway, { id, seconds, signal, news });
  if (state === null) throw new CommandError(interruptedExitCode, 'interrupted before anything was connected');
  // What only this program could complete is lost when it ends.
  const isUsable = state.status === 'active' || (state.status === 'pending' && !flow.endsHere);
  return { id, state, isUsable };
}

function readInputs(given: readonly string[]): Readonly<Record<string, string>> | null {
  const pairs = given.map((text) => {
    const at = text.indexOf('=');
    if (at < 1) throw usageError(`--input takes NAME=VALUE, and “${text}” is not that`);
    return [text.slice(0, at), text.slice(at + 1)] as const;
  });
  return pairs.length === 0 ? null : Object.fromEntries(pairs);
}
