/** Makes a thing whose secret is shown once, and takes the secret where it was to go. */
import { type Api, openBroker } from './broker.js';
import { type CommandContext, CommandError, exits } from './command.js';
import { print } from './print.js';
import { openSecretSink } from './secret-output.js';

interface CreateInput<T> {
  /** The thing is deleted under it again if its secret did not get where it was to go. */
  readonly path: string;
  readonly body: Readonly<Record<string, unknown>>;
  readonly options: { readonly out: string | null; readonly exec: string | null; readonly stdout: boolean };
  secretOf(created: T): string;
  /** With its id; “… is in FILE” follows. */
  describe(created: T): string;
}

/** @throws CommandError; then no secret is left that opens something and that nobody holds. */
export async function createWithSecret<T extends { readonly id: string }>(
  { path, body, options, secretOf, describe }: CreateInput<T>,
  context: CommandContext,
): Promise<number> {
  const broker = await openBroker(context);
  const sink = await openSecretSink(options, context);
  let created: T;
  try {
    created = await broker.post<T>(path, body);
  } catch (error) {
    await sink.discard();
    throw error;
  }
  try {
    await sink.deliver(secretOf(created));
  } catch (error) {
    await sink.discard();
    throw await takeBack(broker, `${path}/${created.id}`, error);
  }
  print(context.stderr, `${describe(created)} is in ${sink.place}`);
  return exits.done;
}

async function takeBack(broker: Api, path: string, cause: unknown): Promise<CommandError> {
  const reason = cause instanceof Error ? cause.message : String(cause);
  const exitCode = cause instanceof CommandError ? cause.exitCode : exits.refused;
  try {
    await broker.delete(path);
  } catch {
    const advice = [`what was made has no owner, and is still there: ${path}`];
    return new CommandError(exitCode, reason, { cause, advice });
  }
  return new CommandError(exitCode, reason, { cause, advice: ['what was made is deleted again'] });
}
