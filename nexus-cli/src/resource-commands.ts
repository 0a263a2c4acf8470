/** What commands over the resources of the Broker have in common: lists, single things, deletions. */
import { type Given, jsonOption, type Options, type Positionals, yesOption } from './arguments.js';
import { type Api, openBroker, type Query } from './broker.js';
import { type Command, type CommandContext, defineCommand, exits } from './command.js';
import { confirm, present, startProgress } from './print.js';
import { type Field, fieldLines } from './views/fields.js';
import type { Line, Piece, Screen } from './views/screen.js';
import { type Column, tableLines } from './views/table.js';

interface Described {
  readonly description?: readonly string[];
  readonly examples: readonly [string, ...string[]];
  readonly roles: readonly string[];
}

/** What a list is asked for, and how an item looks as a row. */
interface ListView<T> {
  /** The member of the answer that holds the items; of the JSON document, too. */
  readonly member: string;
  readonly columns: readonly (string | Column)[];
  row(item: T, screen: Screen): readonly Piece[];
}

interface ListDefinition<T, O extends Options, P extends Positionals> extends Described, ListView<T> {
  readonly filters: O;
  readonly args: P;
  /** Whether the Broker answers in pages. */
  readonly isPaged: boolean;
  request(given: Given<O, P>): { readonly path: string; readonly query?: Query };
  /** What of the answer is shown, where that is not all. */
  keep?(item: T, given: Given<O, P>): boolean;
}

const limitOption = { limit: { kind: 'count', help: 'no more than so many; all there are without it' } } as const;

export function defineList<T, const O extends Options, const P extends Positionals>(
  list: ListDefinition<T, O, P>,
): Command {
  return defineCommand<Options, P>({
    options: { ...list.filters, ...(list.isPaged ? limitOption : {}), json: jsonOption },
    args: list.args,
    ...(list.description === undefined ? {} : { description: list.description }),
    examples: list.examples,
    roles: list.roles,
    async run(words, context) {
      const given = words as Given<O, P>;
      const { path, query = {} } = list.request(given);
      const limit = words.options['limit'] as number | null | undefined;
      const broker = await openBroker(context);
      const found = await readItems<T>({ broker, path, query, member: list.member, limit: limit ?? null }, context);
      const items = found.filter((item) => list.keep?.(item, given) ?? true);
      const isJson = words.options['json'] === true;
      present(
        { data: { [list.member]: items }, view: (_data, screen) => listLines(list, items, screen), isJson },
        context,
      );
      return exits.done;
    },
  });
}

interface ItemsInput {
  readonly broker: Api;
  readonly path: string;
  readonly query: Query;
  readonly member: string;
  readonly limit: number | null;
}

const pageSize = 500;

async function readItems<T>(input: ItemsInput, context: CommandContext): Promise<readonly T[]> {
  const { broker, path, query, member, limit } = input;
  const items: T[] = [];
  const progress = startProgress(context);
  const paging = limit === null ? {} : { limit: Math.min(limit, pageSize) };
  for await (const page of broker.pages<Readonly<Record<string, unknown>>>(path, { ...query, ...paging })) {
    // The list of providers is older than the rule that an answer is an object.
    items.push(...((Array.isArray(page) ? page : page[member]) as readonly T[]));
    if (limit !== null && items.length >= limit) break;
    if (page['next_cursor'] !== undefined) progress.show(`${items.length} read`);
  }
  progress.end();
  return limit === null ? items : items.slice(0, limit);
}

function listLines<T>({ member, columns, row }: ListView<T>, items: readonly T[], screen: Screen): readonly Line[] {
  if (items.length === 0 && screen.isTerminal) return [`There are no ${member.replaceAll('_', ' ')}.`];
  return tableLines({ columns, rows: items.map((item) => row(item, screen)) }, screen);
}

/** A row as one thing: nothing of it is cut. */
export function itemLines(columns: readonly (string | Column)[], row: readonly Piece[], screen: Screen): Line[] {
  const fields = columns.map((column, at): Field => {
    const title = typeof column === 'string' ? column : column.title;
    return [title.length < 3 ? title : title.charAt(0) + title.slice(1).toLowerCase(), row[at] ?? null];
  });
  return fieldLines(fields, screen);
}

interface GetDefinition<T, P extends Positionals> extends Described {
  readonly args: P;
  get(broker: Api, args: Given<Options, P>['args']): Promise<T>;
  fields(item: T, screen: Screen): readonly Field[];
}

export function defineGet<T, const P extends Positionals>(definition: GetDefinition<T, P>): Command {
  return defineCommand({
    options: { json: jsonOption },
    args: definition.args,
    examples: definition.examples,
    roles: definition.roles,
    async run({ options, args }, context) {
      const data = await definition.get(await openBroker(context), args);
      const view = (item: T, screen: Screen) => fieldLines(definition.fields(item, screen), screen);
      present({ data, view, isJson: options.json }, context);
      return exits.done;
    },
  });
}

interface Deletion<T> {
  /** As a statement, without a full stop; null where nothing would be lost. */
  readonly what: string | null;
  delete(): Promise<T>;
}

interface DeleteDefinition<T, O extends Options, P extends Positionals> extends Described {
  readonly options: O;
  readonly args: P;
  /** Looks at what would go. */
  plan(broker: Api, given: Given<O, P>): Deletion<T> | Promise<Deletion<T>>;
  describe(answer: T): string;
}

export function defineDelete<T, const O extends Options, const P extends Positionals>(
  definition: DeleteDefinition<T, O, P>,
): Command {
  return defineCommand<Options, P>({
    options: { ...definition.options, yes: yesOption, json: jsonOption },
    args: definition.args,
    ...(definition.description === undefined ? {} : { description: definition.description }),
    examples: definition.examples,
    roles: definition.roles,
    async run(given, context) {
      const planned = await definition.plan(await openBroker(context), given as Given<O, P>);
      const isAgreed = planned.what === null || given.options['yes'] === true;
      await confirm({ what: planned.what ?? '', isAgreed }, context);
      const data = await planned.delete();
      present(
        { data, view: (answer) => [definition.describe(answer)], isJson: given.options['json'] === true },
        context,
      );
      return exits.done;
    },
  });
}

/** “1 session”, “3 sessions”. */
export function countOf(count: number, noun: string): string {
  return `${count} ${noun}${count === 1 ? '' : 's'}`;
}
