import type { ProviderDeleted, ProviderProfile } from '@nexus/broker-api/providers';
import { jsonOption, type Options } from '../arguments.js';
import { openBroker } from '../broker.js';
import { type CommandContext, CommandError, defineCommand, exits } from '../command.js';
import { readTextFile } from '../files.js';
import { present } from '../print.js';
import { countOf, defineDelete, defineGet, defineList } from '../resource-commands.js';
import { readResource, resourceOption } from '../resource-file.js';
import { fieldLines } from '../views/fields.js';
import type { Screen } from '../views/screen.js';
import { countLiveConnections, findProvider, providersPath } from './find-provider.js';
import { providerColumns, providerFields, providerRow } from './provider-view.js';

const provider = { PROVIDER: { help: 'the name of the provider, or its id' } } as const;

export const providersList = defineList({
  member: 'providers',
  filters: {},
  args: {},
  isPaged: false,
  request: () => ({ path: providersPath }),
  columns: providerColumns,
  row: providerRow,
  examples: ['providers list', 'providers list --json'],
  roles: ['operator', 'admin', 'auditor'],
});

export const providersGet = defineGet({
  args: provider,
  get: (broker, { PROVIDER }) => findProvider(broker, PROVIDER),
  fields: providerFields,
  examples: ['providers get acme'],
  roles: ['operator', 'admin', 'auditor'],
});

const writeOptions = {
  file: resourceOption,
  'client-secret-file': {
    kind: 'text',
    value: 'FILE',
    help: 'file with the client secret, which then need not stand among the fields',
  },
  json: jsonOption,
} as const satisfies Options;

interface WriteChoice {
  readonly file: string;
  readonly 'client-secret-file': string | null;
}

async function readProfile(options: WriteChoice, context: CommandContext): Promise<Readonly<Record<string, unknown>>> {
  const fields = await readResource(options.file, context);
  const { 'client-secret-file': secretFile } = options;
  return secretFile === null ? fields : { ...fields, client_secret: (await readTextFile(secretFile)).trimEnd() };
}

const viewProvider = (profile: ProviderProfile, screen: Screen) => fieldLines(providerFields(profile, screen), screen);

export const providersCreate = defineCommand({
  options: writeOptions,
  args: {},
  description: [
    'The fields are those of POST /admin/v1/providers. With `template: google`, say, the rest comes from the catalogue (nexus-cli catalogue show google). For more than one, write a manifest (nexus-cli apply).',
  ],
  examples: ['providers create -f acme.yaml --client-secret-file acme.secret'],
  roles: ['operator', 'admin'],
  async run({ options }, context) {
    const body = await readProfile(options, context);
    const data = await (await openBroker(context)).post<ProviderProfile>(providersPath, body);
    present({ data, view: viewProvider, isJson: options.json }, context);
    return exits.done;
  },
});

export const providersUpdate = defineCommand({
  options: writeOptions,
  args: provider,
  description: ['Fields that are not named stay as they are; null puts a field back to its default.'],
  examples: ['providers update acme -f change.yaml'],
  roles: ['operator', 'admin'],
  async run({ options, args }, context) {
    const change = await readProfile(options, context);
    const broker = await openBroker(context);
    const { id } = await findProvider(broker, args.PROVIDER);
    const data = await broker.patch<ProviderProfile>(`${providersPath}/${id}`, change);
    present({ data, view: viewProvider, isJson: options.json }, context);
    return exits.done;
  },
});

export const providersDelete = defineDelete({
  options: { force: { kind: 'flag', help: 'end its connections, too; without it such a provider stays' } },
  args: provider,
  examples: ['providers delete acme', 'providers delete acme --force --yes'],
  roles: ['operator', 'admin'],
  plan: async (broker, { options, args }) => {
    const found = await findProvider(broker, args.PROVIDER);
    const live = await countLiveConnections(broker, found);
    if (live > 0 && !options.force) {
      const advice = ['end them first (nexus-cli connections revoke), or have them ended with --force'];
      throw new CommandError(exits.refused, `${found.name} has ${countOf(live, 'live connection')}`, { advice });
    }
    const lost = live === 0 ? '' : ` and ends ${countOf(live, 'live connection')}`;
    return {
      what: `This deletes the provider ${found.name}${lost}`,
      delete: () => broker.delete(`${providersPath}/${found.id}`, { force: options.force || null }),
    };
  },
  describe: ({ id, connections }: ProviderDeleted) =>
    `provider ${id} is deleted${connections === 0 ? '' : `, and ${countOf(connections, 'connection')} ended`}`,
});
