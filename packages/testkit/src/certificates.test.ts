import { X509Certificate } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import { createCertificateAuthority, createSelfSignedCertificate } from './certificates.js';

describe('certificates', () => {
  it('issues certificates that the authority vouches for, with the names asked for', () => {
    const authority = createCertificateAuthority('Test authority');
    const root = new X509Certificate(authority.cert);
    const leaf = new X509Certificate(authority.issue({ commonName: 'api', names: ['api.test', '10.1.2.3'] }).cert);
    expect(root.ca).toBe(true);
    expect(leaf.ca).toBe(false);
    expect(leaf.verify(root.publicKey)).toBe(true);
    expect(leaf.checkIssued(root)).toBe(true);
    expect(leaf.checkHost('api.test')).toBe('api.test');
    expect(leaf.checkIP('10.1.2.3')).toBe('10.1.2.3');
    expect(leaf.checkHost('other.test')).toBeUndefined();
  });

  it('makes expired and self-signed ones', () => {
    const certificate = new X509Certificate(
      createSelfSignedCertificate({ commonName: 'x', notAfter: new Date('2020-01-01T00:00:00Z') }).cert,
    );
    expect(certificate.validTo).toBe('Jan  1 00:00:00 2020 GMT');
    expect(certificate.verify(certificate.publicKey)).toBe(true);
  });
});
