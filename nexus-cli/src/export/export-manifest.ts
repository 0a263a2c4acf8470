import { systemClock } from '@nexus/core/clock';
import { Document, Scalar, visit } from 'yaml';
import type { Api } from '../broker.js';
import { escapeReferences } from '../manifest/interpolate.js';
import { type Section, sections } from '../manifest/schema.js';
import { readLive } from '../plan/read-live.js';
import { type Fields, isStartKey, type Live } from '../plan/resources.js';
import { escapeDeceptive } from '../print.js';
import { describeProvider, describeSimple } from './describe-live.js';

export interface ExportedManifest {
  readonly manifest: { readonly [S in Section]?: readonly Fields[] };
  /** What has to be set before it can be applied. */
  readonly variables: readonly string[];
}

interface ExportInput {
  readonly sections: readonly Section[];
  /** The key that asks belongs to whoever asks, and not to the Broker's configuration. */
  isInUse(key: Live): boolean;
}

/** @throws CommandError */
export async function exportManifest(broker: Api, input: ExportInput): Promise<ExportedManifest> {
  const now = systemClock.now();
  const withKeys = input.sections.includes('keys');
  const live = await readLive(broker, { sections: input.sections, keyedAgents: () => withKeys, now });
  const variables: string[] = [];
  const deps = { broker, onSecret: (variable: string) => void variables.push(variable) };
  const files = createFileNames();
  const keys = live.filter((one) => one.key?.isUsable && !input.isInUse(one) && !isStartKey(one)).toSorted(byCreation);
  const keysOf = (agentId: string | null) => {
    const named = new Map(keys.filter((one) => one.agentId === agentId).map((one) => [one.name, one]));
    return [...named.values()].map((one) => describeKey(one, files));
  };
  const manifest: { [S in Section]?: Fields[] } = {};
  for (const section of sections.filter((name) => input.sections.includes(name))) {
    const described: Fields[] = [];
    for (const one of live.filter((resource) => resource.section === section && section !== 'keys')) {
      if (section === 'providers') described.push(await describeProvider(deps, one));
      else described.push(describeOther(one, keysOf, files));
    }
    manifest[section] = section === 'keys' ? keysOf(null) : described;
  }
  return { manifest, variables };
}

function describeOther(live: Live, keysOf: (agentId: string) => Fields[], files: (name: string) => Fields): Fields {
  const { section } = live;
  if (section === 'agents') {
    const keys = keysOf(live.id);
    const agent = describeSimple(section, ['agent_id', 'allowed_scopes'], live, {});
    return keys.length === 0 ? agent : { ...agent, keys };
  }
  if (section === 'webhooks') {
    const sink = { write_to: files(`webhook-${new URL(live.name).hostname}`) };
    return describeSimple(section, ['url', 'events'], live, sink);
  }
  const required = section === 'issuers' ? ['issuer', 'audience'] : ['origin', 'app_name', 'completion'];
  return describeSimple(section, required, live, {});
}

function describeKey({ name, agentId, fields }: Live, files: (name: string) => Fields): Fields {
  const chosen = Object.fromEntries(Object.entries(fields).filter(([, value]) => value !== null));
  return { name, ...chosen, write_to: files(agentId === null ? name : `${agentId}-${name}`) };
}

/** The newest of a name comes last, and stays. */
function byCreation(a: Live, b: Live): number {
  return (a.key?.createdAt ?? '') < (b.key?.createdAt ?? '') ? -1 : 1;
}

function createFileNames(): (name: string) => Fields {
  const taken = new Set<string>();
  return (name) => {
    const base = name.replaceAll(/[^A-Za-z0-9_-]+/g, '-');
    let file = `secrets/${base}`;
    for (let at = 2; taken.has(file.toLowerCase()); at++) file = `secrets/${base}-${at}`;
    taken.add(file.toLowerCase());
    return { file };
  };
}

/** YAML, headed by what has to be set. */
export function renderManifest({ manifest, variables }: ExportedManifest): string {
  const document = new Document(manifest, { aliasDuplicateObjects: false });
  visit(document, {
    Scalar(key, node) {
      const isPlaceholder = variables.some((variable) => node.value === `\${${variable}}`);
      if (key !== 'key' && typeof node.value === 'string' && !isPlaceholder) node.value = escapeReferences(node.value);
      // Only in double quotes a character may be written as an escape.
      if (typeof node.value === 'string' && escapeDeceptive(node.value) !== node.value) node.type = Scalar.QUOTE_DOUBLE;
    },
  });
  const needed = variables.map((variable) => `   ${variable}`);
  document.commentBefore = [
    ' What nexus-cli export found. Client secrets are not in it; headers and parameters are as the Broker has them.',
    ' New secrets of keys and webhooks go where write_to says.',
    ...(needed.length === 0 ? [] : [' To be set before it is applied:', ...needed]),
  ].join('\n');
  return escapeDeceptive(document.toString({ lineWidth: 120 }));
}
