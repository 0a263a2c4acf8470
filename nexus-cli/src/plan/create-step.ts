import type { Action, FieldChange, Step } from './changes.js';
import type { Desired, Live } from './resources.js';

export function createStep(
  action: Action,
  desired: Desired | null,
  live: readonly Live[],
  fields: readonly FieldChange[] = [],
): Step {
  const { section, address } = (desired ?? live[0]) as Desired | Live;
  const shown = action === 'create' ? describeNew(desired) : fields;
  return { section, address, action, fields: shown, notes: [], impact: null, refused: null, desired, live };
}

/** Only that it changes may be known of a client secret. */
export function diffSecret({ secret }: Desired, live: Live | undefined): FieldChange[] {
  const isHeld = live?.state['client_secret_set'] === true;
  const changes = { unchanged: false, changed: true, set: true, unset: isHeld }[secret];
  return changes ? [{ path: 'client_secret', secret: true }] : [];
}

/** What the manifest says, and not all that follows from it. */
function describeNew(desired: Desired | null): FieldChange[] {
  if (desired === null) return [];
  const { client_secret: _secret, name: _name, agent_id: _id, template = null, ...others } = desired.body;
  const said = { template, ...others };
  const empty = ['null', '[]', '{}', '""'];
  const told = Object.entries(said).filter(([, value]) => !empty.includes(JSON.stringify(value)));
  return [...told.map(([path, after]) => ({ path, after })), ...diffSecret(desired, undefined)];
}
