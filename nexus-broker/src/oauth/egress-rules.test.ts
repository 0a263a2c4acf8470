import { describe, expect, it } from 'vitest';
import { createEgressRules } from './egress-rules.js';
import { OutgoingError } from './outgoing-error.js';

const production = createEgressRules({ environment: 'production', egressAllow: [] });
const development = createEgressRules({ environment: 'development', egressAllow: [] });

function isAccepted(rules: typeof production, url: string): boolean {
  try {
    rules.readUrl(url);
    return true;
  } catch (error) {
    expect(error).toBeInstanceOf(OutgoingError);
    expect((error as OutgoingError).wasSent).toBe(false);
    return false;
  }
}

/** URL, accepted in production, accepted in development. */
const urls: readonly (readonly [string, boolean, boolean])[] = [
  ['https://provider.example/token', true, true],
  ['https://provider.example:443/token', true, true],
  ['https://provider.example:8443/token?x=1', true, true],
  ['https://provider.example:65535/', true, true],
  ['https://provider.example./', true, true],
  ['https://8.8.8.8/', true, true],
  ['https://[2606:4700:4700::1111]/', true, true],
  ['https://xn--bcher-kva.example/', true, true],
  ['https://provider.example:80/', false, false],
  ['https://provider.example:22/', false, false],
  ['https://provider.example:25/', false, false],
  ['https://provider.example:0/', false, false],
  ['https://provider.example:6667/', false, false],
  ['https://provider.example:10080/', false, false],
  ['https://provider.example:65536/', false, false],
  ['http://provider.example/token', false, false],
  ['http://8.8.8.8/', false, false],
  ['http://10.0.0.1/', false, false],
  ['http://localhost:3000/token', false, true],
  ['http://127.0.0.1:3000/token', false, true],
  ['http://[::1]:3000/', false, true],
  ['https://localhost:3000/', false, true],
  ['https://127.1:22/', false, true],
  ['https://{tenant}.provider.example/', false, false],
  ['https://{host}/token', false, false],
  ['https://user@provider.example/', false, false],
  ['https://user:secret@provider.example/', false, false],
  ['https://:secret@provider.example/', false, false],
  ['https://provider.example/token#fragment', false, false],
  ['https://provider.example/#', false, false],
  ['https://169.254.169.254/latest/meta-data', false, false],
  ['ftp://provider.example/', false, false],
  ['file:///etc/passwd', false, false],
  ['gopher://provider.example/', false, false],
  ['javascript:alert(1)', false, false],
  ['data:text/plain,x', false, false],
  ['blob:https://provider.example/x', false, false],
  ['ws://localhost/', false, false],
  ['//provider.example/', false, false],
  ['/token', false, false],
  ['https://', false, false],
  ['https:///', false, false],
  ['', false, false],
];

describe('egress rules', () => {
  it.each(urls)('S-5: %s (production %s, development %s)', (url, inProduction, inDevelopment) => {
    expect(isAccepted(production, url)).toBe(inProduction);
    expect(isAccepted(development, url)).toBe(inDevelopment);
  });

  it('EGRESS_ALLOW exempts exactly what it names, and never plain http in production', () => {
    const rules = createEgressRules({
      environment: 'production',
      egressAllow: ['idp.internal', 'vault.internal:8200', '10.1.0.0/16', 'fd00:1::/32', '[::1]:9443', ' '],
    });
    const accepted = [
      'https://idp.internal/token',
      'https://idp.internal:22/',
      'https://IDP.internal/',
      'https://vault.internal:8200/',
      'https://10.1.2.3/',
      'https://10.1.2.3:636/',
      'https://[fd00:1::5]/',
      'https://[::1]:9443/',
    ];
    const refused = [
      'http://idp.internal/token',
      'http://10.1.2.3/',
      'https://10.2.0.1/',
      'https://[::1]/',
      'https://[::1]:9444/',
      'https://[::ffff:10.1.2.3]/',
      'https://localhost/',
    ];
    for (const url of accepted) expect([url, isAccepted(rules, url)]).toEqual([url, true]);
    for (const url of refused) expect([url, isAccepted(rules, url)]).toEqual([url, false]);
    const vet = (url: string, address: string) => () => rules.vetAddress({ url: new URL(url), address });
    expect(vet('https://idp.internal/', '192.168.7.7')).not.toThrow();
    expect(vet('https://sub.idp.internal/', '192.168.7.7')).toThrow(OutgoingError);
    expect(vet('https://vault.internal:8201/', '192.168.7.7')).toThrow(OutgoingError);
    expect(vet('https://other.example/', '10.1.9.9')).not.toThrow();
    expect(vet('https://other.example/', 'fe80::1%eth0')).toThrow(OutgoingError);
  });

  it('refuses an EGRESS_ALLOW entry it cannot read', () => {
    for (const entry of ['https://idp.internal', 'a/b', 'user@host', 'host:99999', 'host?x']) {
      expect(() => createEgressRules({ environment: 'production', egressAllow: [entry] })).toThrow(/EGRESS_ALLOW/);
    }
  });
});
