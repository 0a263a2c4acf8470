/** What a page shows of a flow: the Broker's view, and the entries and refusals of the form's last submission. */
import type { FlowView } from '@nexus/broker-api/flows';
import type { ErrorDetail, NexusError } from '@nexus/core/errors';
import type { CapturePage } from '../pages/capture-page.js';
import type { CredentialField } from '../pages/credential-field.js';
import type { FlowIntroduction } from '../pages/flow-introduction.js';

export function toFlowIntroduction(view: FlowView): FlowIntroduction {
  return {
    appName: view.app_name,
    providerName: view.provider_display_name,
    providerHost: view.provider_host ?? null,
    accountLabel: view.account_label,
    scopes: view.scopes,
    returnHost: URL.canParse(view.return_origin) ? new URL(view.return_origin).host : view.return_origin,
  };
}

/** One submission of the form and why it was refused. */
export interface Submission {
  readonly values: ReadonlyMap<string, string>;
  readonly details: readonly ErrorDetail[];
  /** What is wrong as a whole; null when the details say it all. */
  readonly problem: string | null;
}

/** A refusal the person can correct in the form; null for every other error. */
export function toSubmission(error: NexusError, values: ReadonlyMap<string, string>): Submission | null {
  if (error.code === 'invalid_request') {
    const details = error.details ?? [];
    return {
      values,
      details,
      problem: details.length === 0 ? 'These entries cannot be used. Check them and try again.' : null,
    };
  }
  if (error.code === 'credentials_rejected') {
    return { values, details: [], problem: 'The provider did not accept these credentials. Check them and try again.' };
  }
  if (error.code === 'provider_unavailable') {
    return {
      values,
      details: [],
      problem: 'The provider does not answer, so the credentials could not be checked. Try again in a moment.',
    };
  }
  return null;
}

export const noSubmission: Submission = { values: new Map(), details: [], problem: null };

export function toCapturePage(view: FlowView, submission: Submission): CapturePage {
  const errors = new Map(submission.details.map((detail) => [toFieldName(detail.path), detail.message]));
  const fields = readFields(view).map(
    (property, index): CredentialField => ({
      ...describeField(property),
      id: `credential-${index + 1}`,
      value: property.isPassword ? '' : (submission.values.get(property.name) ?? property.preset),
      error: toSentence(labelField(property), errors.get(property.name)),
    }),
  );
  const known = new Set(fields.map((field) => field.name));
  const elsewhere = submission.details.filter((detail) => !known.has(toFieldName(detail.path)));
  return {
    ...toFlowIntroduction(view),
    fields,
    problems: [
      ...(submission.problem === null ? [] : [submission.problem]),
      ...elsewhere.map((detail) => `${toFieldName(detail.path)}: ${detail.message}`.replace(/^: /, '')),
    ],
    docsUrl: isWebUrl(view.docs_url) ? view.docs_url : null,
  };
}

/** The entries of a form that the schema knows; an empty one counts as left out. */
export function toCredentials(view: FlowView, form: URLSearchParams): Map<string, string> {
  const entries = new Map<string, string>();
  for (const { name } of readFields(view)) {
    const value = form.get(name) ?? '';
    if (value !== '') entries.set(name, value);
  }
  return entries;
}

interface Property {
  readonly name: string;
  readonly schema: Readonly<Record<string, unknown>>;
  readonly isRequired: boolean;
  readonly isPassword: boolean;
  readonly preset: string;
}

function readFields(view: FlowView): Property[] {
  const properties = isRecord(view.schema?.['properties']) ? view.schema['properties'] : {};
  const required = Array.isArray(view.schema?.['required']) ? view.schema['required'] : [];
  return Object.entries(properties).map(([name, property]) => {
    const schema = isRecord(property) ? property : {};
    return {
      name,
      schema,
      isRequired: required.includes(name),
      isPassword: schema['format'] === 'password',
      preset: readText(schema['default']) ?? '',
    };
  });
}

function labelField({ name, schema }: Property): string {
  return readText(schema['title']) ?? (name.charAt(0).toUpperCase() + name.slice(1)).replace(/[_-]+/g, ' ').trim();
}

function describeField(property: Property): Omit<CredentialField, 'id' | 'value' | 'error'> {
  const { name, schema, isPassword, isRequired } = property;
  const format = schema['format'];
  const choices = Array.isArray(schema['enum']) ? schema['enum'].filter((choice) => typeof choice === 'string') : null;
  return {
    name,
    label: labelField(property),
    help: readText(schema['description']),
    isPassword,
    isRequired,
    choices: isPassword ? null : choices,
    maxLength: typeof schema['maxLength'] === 'number' ? schema['maxLength'] : null,
    inputMode: format === 'uri' ? 'url' : format === 'email' ? 'email' : 'text',
  };
}

/** The Broker names fields as the caller of the API sends them, under `credentials`. */
function toFieldName(path: string): string {
  return path.replace(/^credentials(\.|$)/, '');
}

/** A detail either is a sentence of its own or is written to follow the field's name. */
function toSentence(label: string, message: string | undefined): string | null {
  if (message === undefined || message === '') return null;
  return /^\p{Lu}/u.test(message) ? message : `${label} ${message}`;
}

function readText(value: unknown): string | null {
  return typeof value === 'string' && value !== '' ? value : null;
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/** Anything but a web address could run as script when it is clicked. */
function isWebUrl(text: string | null): text is string {
  return text !== null && URL.canParse(text) && ['https:', 'http:'].includes(new URL(text).protocol);
}
