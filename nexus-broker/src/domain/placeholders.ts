/** Finds and fills the placeholders of a URL; what may fill them is the matter of place-rules. */
import type { PlaceUse } from './place-rules.js';

export type PlaceValues = Readonly<Record<string, string>>;

const placeholder = /\{([a-z][a-z0-9_]{0,31})\}/g;

interface PlacedUrl {
  /** `https://` and the host, or a placeholder of a whole origin. */
  readonly origin: string;
  readonly rest: string;
}

/** The placeholders of a text, each with what stands in its place must be. */
export function findPlaces(template: string): { readonly name: string; readonly use: PlaceUse }[] {
  const { origin, rest } = split(template);
  const use: PlaceUse = namesOrigin(origin) ? 'origin' : namesHost(origin) ? 'host' : 'label';
  return [
    ...listNames(origin).map((name) => ({ name, use })),
    ...listNames(rest).map((name) => ({ name, use: 'text' as const })),
  ];
}

export function hasPlaces(template: string): boolean {
  return template.includes('{') && listNames(template).length > 0;
}

/** Null while a value is missing. Values were checked against their rules. */
export function fillPlaces(template: string, values: PlaceValues): string | null {
  if (!hasPlaces(template)) return template;
  return listNames(template).every((name) => Object.hasOwn(values, name)) ? fillKnown(template, values) : null;
}

/** As `fillPlaces`, but leaves the placeholders for which there is no value: they stand for something else. */
export function fillKnown(template: string, values: PlaceValues): string {
  const { origin, rest } = split(template);
  return (
    origin.replace(
      placeholder,
      (whole, name: string) => findValue(values, name)?.toLowerCase().replace(/\/$/, '') ?? whole,
    ) +
    rest.replace(placeholder, (whole, name: string) => {
      const value = findValue(values, name);
      return value === undefined ? whole : encodeURIComponent(value);
    })
  );
}

/** As `fillPlaces` for a text that is no URL: values stand as they are. */
export function fillText(template: string, values: PlaceValues): string {
  return template.replace(placeholder, (whole, name: string) => findValue(values, name) ?? whole);
}

/** `scheme://host` as it is written, placeholders included: what tells two templated origins apart. */
export function originText(template: string): string {
  const { origin } = split(template);
  if (hasPlaces(origin)) return origin;
  return URL.canParse(template) ? new URL(template).origin : template;
}

/** Whether a URL names its host; what does not is relative to the API's base. A value may name the whole origin. */
export function isAbsolute(template: string): boolean {
  return /^(?:https?:|\{)/.test(template);
}

/** Whether one value names the whole host of an origin. */
export function isWholePlace(origin: string): boolean {
  return namesOrigin(origin) || namesHost(origin);
}

/** Why the host of a template cannot be filled safely; null when it can. */
export function findHostPlaceProblem(template: string): string | null {
  const { origin } = split(template);
  if (!hasPlaces(origin) || isWholePlace(origin)) return null;
  const host = origin.replace(/^https?:\/\//, '');
  const labels = host.split('.');
  const isLabel = (text: string) => text !== '' && (!hasPlaces(text) || /^\{[a-z][a-z0-9_]*\}$/.test(text));
  const last = labels.findLastIndex((text) => hasPlaces(text));
  return labels.every(isLabel) && labels.length - last - 1 >= 2
    ? null
    : 'may have a placeholder for one label before a name of at least two, or for the whole host';
}

function findValue(values: PlaceValues, name: string): string | undefined {
  return Object.hasOwn(values, name) ? values[name] : undefined;
}

function split(template: string): PlacedUrl {
  const end = /^(?:\{[a-z][a-z0-9_]{0,31}\}|https?:\/\/[^/?#]*)/.exec(template)?.[0].length ?? 0;
  return { origin: template.slice(0, end), rest: template.slice(end) };
}

function namesOrigin(origin: string): boolean {
  return origin.startsWith('{');
}

function namesHost(origin: string): boolean {
  return /^https?:\/\/\{[a-z][a-z0-9_]{0,31}\}$/.test(origin);
}

function listNames(text: string): string[] {
  return [...text.matchAll(placeholder)].map(([, name]) => name ?? '');
}

/** The template with something harmless in every place: what checks of form can read. */
export function sampleUrl(template: string): string {
  const { origin, rest } = split(template);
  const whole = isWholePlace(origin) ? 'https://host.example' : origin;
  return whole.replace(placeholder, 'x') + rest.replace(placeholder, 'x');
}
