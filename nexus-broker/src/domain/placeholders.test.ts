import { describe, expect, it } from 'vitest';
import {
  fillKnown,
  fillPlaces,
  fillText,
  findHostPlaceProblem,
  findPlaces,
  originText,
  sampleUrl,
} from './placeholders.js';

describe('placeholders', () => {
  it('are told apart by what stands around them', () => {
    expect(findPlaces('https://{sub}.acme.example/{tenant}/x?y={z}')).toEqual([
      { name: 'sub', use: 'label' },
      { name: 'tenant', use: 'text' },
      { name: 'z', use: 'text' },
    ]);
    expect(findPlaces('https://{host}/authorize')).toEqual([{ name: 'host', use: 'host' }]);
    expect(findPlaces('{instance_url}/services')).toEqual([{ name: 'instance_url', use: 'origin' }]);
    expect(findPlaces('/v1/{account}')).toEqual([{ name: 'account', use: 'text' }]);
  });

  it('take values in the form their place has', () => {
    const values = { sub: 'ACME', tenant: 'a/b?c', instance_url: 'https://Eu1.acme.example/' };
    expect(fillPlaces('https://{sub}.acme.example/{tenant}', values)).toBe('https://acme.acme.example/a%2Fb%3Fc');
    expect(fillPlaces('{instance_url}/v1', values)).toBe('https://eu1.acme.example/v1');
    expect(fillPlaces('https://acme.example/{missing}', values)).toBeNull();
    expect(fillKnown('https://{sub}.acme.example/bot{token}', values)).toBe('https://acme.acme.example/bot{token}');
    expect(fillPlaces('https://acme.example/{constructor}', {})).toBeNull();
  });

  it('S-1: in a host stand for one label below a name that is spelled out, or for the whole host', () => {
    for (const safe of [
      'https://{sub}.acme.example/x',
      'https://a.{sub}.acme.example',
      'https://{host}/x',
      '{origin}/x',
      'https://acme.example/{x}',
    ]) {
      expect(findHostPlaceProblem(safe), safe).toBeNull();
    }
    for (const unsafe of [
      'https://{sub}.example/x',
      'https://acme.{tld}/x',
      'https://acme-{region}.acme.example/x',
      'https://{sub}acme.example/x',
      'https://{a}{b}.acme.example',
      'https://{sub}.acme.{tld}/x',
      'https://{host}:8443/x',
      'https://{sub}.example./x',
      'https://{sub}.acme..example/x',
    ]) {
      expect(findHostPlaceProblem(unsafe), unsafe).not.toBeNull();
    }
  });

  it('leave a text that checks of form can read, and an origin that can be compared', () => {
    expect(sampleUrl('https://{sub}.acme.example/{x}')).toBe('https://x.acme.example/x');
    expect(sampleUrl('{instance_url}/v1')).toBe('https://host.example/v1');
    expect(originText('https://{sub}.acme.example/token')).toBe('https://{sub}.acme.example');
    expect(originText('https://ACME.example:443/token')).toBe('https://acme.example');
    expect(originText('foo')).toBe('foo');
    expect(fillKnown('https://acme.example/{constructor}', {})).toBe('https://acme.example/{constructor}');
    expect(fillText('{constructor}', {})).toBe('{constructor}');
  });
});
