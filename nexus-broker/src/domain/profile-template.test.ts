import { findTemplate, listTemplates, type Template } from '@nexus/catalogue/templates';
import { NexusError } from '@nexus/core/errors';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { JsonObject } from './field-reader.js';
import { expandPatch, expandReplacement, expandTemplate } from './profile-template.js';
import type { ProviderProfile } from './provider.js';
import { mergeProviderPatch, parseProviderProfile, parseReplacement } from './provider-profile.js';
import { toWriteProfile } from './wire-profile.js';

const catalogue = { findTemplate, listTemplates };
const environment = 'production';

function create(given: JsonObject): ProviderProfile {
  const { body, template } = expandTemplate(catalogue, given);
  return parseProviderProfile(body, { environment, template }).profile;
}

function patch(existing: ProviderProfile, changes: JsonObject): ProviderProfile {
  const { body, template } = expandPatch(catalogue, existing, changes);
  return mergeProviderPatch(existing, body, { environment, template }).profile;
}

function replace(existing: ProviderProfile, given: JsonObject): ProviderProfile {
  const { body, template } = expandReplacement(catalogue, existing, given);
  return parseReplacement(existing, body, { environment, template }).profile;
}

function clientOf({ authType, profile }: Template): JsonObject {
  if (authType !== 'oauth2') return {};
  const isPublic = profile['token_endpoint_auth_method'] === 'none';
  return { client_id: 'client-1', ...(isPublic ? {} : { client_secret: 'fixture-secret' }) };
}

/** What a body is refused for must not depend on the way it came; null where it is refused. */
function attempt(act: () => ProviderProfile): ProviderProfile | null {
  try {
    return act();
  } catch (error) {
    if (error instanceof NexusError) return null;
    throw error;
  }
}

/** Without a word about it, discovery follows the issuer at a registration, and stays as it is at a patch. */
const tied = ['auth_type', 'issuer', 'enable_discovery', 'token_endpoint_auth_method'];

/** A shipped template, and some fields of another one of its kind as what somebody gives beside it. */
const cases = fc.nat().chain((seed) => {
  const all = listTemplates();
  const template = all[seed % all.length] as Template;
  const alike = all.filter(({ authType }) => authType === template.authType);
  return fc.constantFrom(...alike).chain(({ profile }) => {
    const fields = Object.keys(profile).filter((name) => !tied.includes(name));
    return fc.subarray(fields).map((chosen) => ({
      template,
      overrides: Object.fromEntries(chosen.map((name) => [name, profile[name]])) as JsonObject,
    }));
  });
});

describe('a template and what is given beside it', () => {
  it('mean the same, whether given at once, later, or written back', () => {
    let accepted = 0;
    fc.assert(
      fc.property(cases, ({ template, overrides }) => {
        const plain = create({ template: template.name, ...clientOf(template) });
        const atOnce = attempt(() => create({ template: template.name, ...clientOf(template), ...overrides }));
        const later = attempt(() => patch(plain, overrides));
        expect(later).toEqual(atOnce);
        if (atOnce === null) return;
        accepted += 1;
        expect(patch(atOnce, { template: template.name })).toEqual(atOnce);
        expect(replace(atOnce, { ...toWriteProfile(atOnce), template: atOnce.template })).toEqual(atOnce);
        const nothing = Object.fromEntries(Object.keys(overrides).map((name) => [name, null]));
        expect(patch(atOnce, nothing)).toEqual(plain);
        expect(patch(atOnce, { template: null })).toEqual({ ...atOnce, template: null });
      }),
      { numRuns: 300 },
    );
    expect(accepted).toBeGreaterThan(100);
  });
});
