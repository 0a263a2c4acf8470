import type { Markup } from './markup.js';
import { html } from './markup.js';

/** One field of the credential schema as the form shows it. */
export interface CredentialField {
  readonly name: string;
  /** Unique in the page; ties label, help and error to the input. */
  readonly id: string;
  readonly label: string;
  readonly help: string | null;
  readonly isPassword: boolean;
  readonly isRequired: boolean;
  readonly choices: readonly string[] | null;
  readonly maxLength: number | null;
  readonly inputMode: 'text' | 'url' | 'email';
  /** What to show again; always empty for a password. */
  readonly value: string;
  readonly error: string | null;
}

export function renderField(field: CredentialField): Markup {
  return html`<div class="field${field.error === null ? '' : ' invalid'}">
<label for="${field.id}">${field.label}${field.isRequired ? html` <span class="mark-required" aria-hidden="true">*</span>` : null}</label>
${field.help === null ? null : html`<p class="help" id="${field.id}-help">${field.help}</p>`}
${field.error === null ? null : html`<p class="error" id="${field.id}-error"><span class="visually-hidden">Error: </span>${field.error}</p>`}
${field.choices === null ? renderInput(field) : renderSelect(field, field.choices)}
</div>
`;
}

function renderInput(field: CredentialField): Markup {
  return html`<input type="${field.isPassword ? 'password' : 'text'}" inputmode="${field.inputMode}" ${renderAttributes(field)}${field.maxLength === null ? null : html` maxlength="${field.maxLength}"`} value="${field.isPassword ? '' : field.value}">`;
}

function renderSelect(field: CredentialField, choices: readonly string[]): Markup {
  return html`<select ${renderAttributes(field)}>
${field.value === '' ? html`<option value="">Choose…</option>\n` : null}${choices.map((choice) =>
  choice === field.value
    ? html`<option value="${choice}" selected>${choice}</option>\n`
    : html`<option value="${choice}">${choice}</option>\n`,
)}</select>`;
}

function renderAttributes(field: CredentialField): Markup {
  const described = [field.help === null ? null : `${field.id}-help`, field.error === null ? null : `${field.id}-error`]
    .filter((id) => id !== null)
    .join(' ');
  return html`id="${field.id}" name="${field.name}" autocomplete="off" autocapitalize="none" autocorrect="off" spellcheck="false"${
    described === '' ? null : html` aria-describedby="${described}"`
  }${field.isRequired ? html` required` : null}${field.error === null ? null : html` aria-invalid="true"`}`;
}
