/** What has to change for a Broker to have what a manifest wants. Pure: it sees what was read, and nothing else. */
import { type Section, sections } from '../manifest/schema.js';
import type { Change, Delivery, Diff, DiffInput, FieldChange, Step, Untouched } from './changes.js';
import { createStep, diffSecret } from './create-step.js';
import { diffFields } from './diff-fields.js';
import { diffKey, leaveKeys } from './diff-keys.js';
import { maskFields } from './mask-fields.js';
import type { Desired, Live } from './resources.js';

export function diffManifest(input: DiffInput): Diff {
  const { desired, live, prune } = input;
  const steps: Step[] = [];
  const untouched: Untouched[] = [];
  for (const section of sections) {
    for (const wanted of desired.filter((one) => one.section === section)) {
      const found = live.filter(({ address }) => address === wanted.address);
      const outcome = section === 'keys' ? diffKey(wanted, found, input) : diffResource(wanted, found, input);
      steps.push(...outcome.steps);
      untouched.push(...outcome.untouched);
    }
  }
  const addresses = new Set(desired.map(({ address }) => address));
  for (const section of sections.toReversed()) {
    const others = live.filter((one) => one.section === section && !addresses.has(one.address));
    if (section === 'keys') untouched.push(...leaveKeys(others));
    for (const extra of section === 'keys' ? [] : others) {
      if (prune) steps.push(createStep('delete', null, [extra]));
      else untouched.push({ address: extra.address, note: 'not in the manifest' });
    }
  }
  return { steps: sortSteps(steps).map(mask), untouched };
}

function mask(step: Step): Step {
  return step.desired === null ? step : { ...step, fields: maskFields(step.fields, step.desired.references) };
}

/** What is taken away goes last, and what refers to others before them. */
function sortSteps(steps: readonly Step[]): Step[] {
  const rank = ({ section, action }: Change) => {
    const at = sections.indexOf(section);
    return action === 'delete' ? 2 * sections.length - at : at;
  };
  return steps.toSorted((a, b) => rank(a) - rank(b));
}

/** What an update cannot change. */
const fixedFields: { readonly [S in Section]?: (path: string) => boolean } = {
  return_origins: () => true,
  issuers: () => true,
  providers: (path) => path === 'auth_type',
};

function diffResource(desired: Desired, found: readonly Live[], input: DiffInput): Diff {
  const [live, ...extra] = found;
  const delivery = input.deliveries.get(desired.address);
  if (live === undefined) {
    const refused = delivery?.holds === undefined ? null : `${delivery.target} exists already: move it away`;
    return { steps: [{ ...createStep('create', desired, []), refused }], untouched: [] };
  }
  const untouched = input.prune ? [] : extra.map(({ address }) => ({ address, note: 'is there more than once' }));
  const steps = input.prune ? extra.map((one) => createStep('delete', null, [one])) : [];
  const fields = [
    ...markTemplate(diffFields(live.fields, desired.fields), desired, live),
    ...diffSecret(desired, live),
  ];
  if (input.rotate.has(desired.address) || isLost(delivery, live)) fields.push({ path: 'secret', secret: true });
  else if (delivery?.kind === 'file' && delivery.holds === undefined) {
    const note = `${delivery.target} is not on this machine; --rotate ${desired.address} makes another secret`;
    untouched.push({ address: desired.address, note });
  }
  const isFixed = fields.some(({ path }) => fixedFields[desired.section]?.(path));
  if (fields.length > 0) {
    const notes = desired.secret === 'unset' ? ['client_secret is set, the manifest names none: it goes'] : [];
    steps.push({ ...createStep(isFixed ? 'replace' : 'update', desired, [live], fields), notes });
  }
  return { steps, untouched };
}

/** Whether the secret was made by an apply of this machine that ended before it was where it belongs. */
function isLost(delivery: Delivery | undefined, { id }: Live): boolean {
  const { mark = null, holds } = delivery ?? {};
  if (mark === null) return false;
  return mark.made === null ? !mark.before.includes(id) : mark.made.id === id && mark.made.lastFour !== holds;
}

/** With a new version of the template, what nobody overrides changes because of that. */
function markTemplate(fields: readonly FieldChange[], desired: Desired, live: Live): FieldChange[] {
  const [before, after] = [readTemplate(live), readTemplate(desired)];
  if (before === null || after === null || before.name !== after.name || before.digest === after.digest) {
    return [...fields];
  }
  const overridden = new Set([...before.overrides, ...after.overrides]);
  return fields.map((field) => {
    const [top = ''] = field.path.split('.');
    const isTemplates = field.path === 'template.digest' || (top !== 'template' && !overridden.has(top));
    return isTemplates ? { ...field, template: true } : field;
  });
}

interface TemplateUse {
  readonly name: string;
  readonly digest: string;
  readonly overrides: readonly string[];
}

function readTemplate({ fields }: Pick<Live, 'fields'>): TemplateUse | null {
  return (fields['template'] ?? null) as TemplateUse | null;
}
