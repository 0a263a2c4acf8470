/**
 * Certificates for tests, made when they are needed, so that none expires in the repository. Just enough of X.509
 * (RFC 5280) in DER for a private authority and the servers and clients it vouches for.
 */
import { createPrivateKey, generateKeyPairSync, type KeyObject, randomBytes, sign } from 'node:crypto';

export interface CertificateOptions {
  readonly commonName: string;
  /** DNS names and IPv4 addresses; default `localhost` and `127.0.0.1`. */
  readonly names?: readonly string[];
  readonly notBefore?: Date;
  readonly notAfter?: Date;
}

/** A PEM certificate with its PEM private key. */
export interface IssuedCertificate {
  readonly cert: string;
  readonly key: string;
}

export interface CertificateAuthority extends IssuedCertificate {
  issue(options: CertificateOptions): IssuedCertificate;
}

const day = 24 * 3600 * 1000;

export function createCertificateAuthority(commonName: string): CertificateAuthority {
  const keys = createKeys();
  const cert = createCertificate(
    { commonName },
    { isAuthority: true, keys, issuer: { commonName, key: keys.privateKey } },
  );
  return {
    cert,
    key: exportKey(keys.privateKey),
    issue(options) {
      const leaf = createKeys();
      const issuer = { commonName, key: keys.privateKey };
      return {
        cert: createCertificate(options, { isAuthority: false, keys: leaf, issuer }),
        key: exportKey(leaf.privateKey),
      };
    },
  };
}

/** A certificate that vouches for itself. */
export function createSelfSignedCertificate(options: CertificateOptions): IssuedCertificate {
  const keys = createKeys();
  const issuer = { commonName: options.commonName, key: keys.privateKey };
  return { cert: createCertificate(options, { isAuthority: false, keys, issuer }), key: exportKey(keys.privateKey) };
}

interface KeyPair {
  readonly publicKey: KeyObject;
  readonly privateKey: KeyObject;
}

interface Signing {
  readonly isAuthority: boolean;
  readonly keys: KeyPair;
  readonly issuer: { readonly commonName: string; readonly key: KeyObject };
}

function createKeys(): KeyPair {
  return generateKeyPairSync('ec', { namedCurve: 'P-256' });
}

function exportKey(key: KeyObject): string {
  return createPrivateKey(key.export({ format: 'pem', type: 'pkcs8' }))
    .export({ format: 'pem', type: 'pkcs8' })
    .toString();
}

const ecdsaWithSha256 = sequence(objectId('2a8648ce3d040302'));

function createCertificate(options: CertificateOptions, { isAuthority, keys, issuer }: Signing): string {
  const notBefore = options.notBefore ?? new Date(Date.now() - day);
  const notAfter = options.notAfter ?? new Date(Date.now() + 30 * day);
  const body = sequence(
    explicit(0, integer(Buffer.from([2]))),
    integer(Buffer.concat([Buffer.from([1]), randomBytes(15)])),
    ecdsaWithSha256,
    name(issuer.commonName),
    sequence(time(notBefore), time(notAfter)),
    name(options.commonName),
    keys.publicKey.export({ format: 'der', type: 'spki' }),
    explicit(3, sequence(...(isAuthority ? authorityExtensions() : leafExtensions(options)))),
  );
  const signature = sign('sha256', body, issuer.key);
  const der = sequence(body, ecdsaWithSha256, bitString(signature));
  const lines = der.toString('base64').match(/.{1,64}/g) ?? [];
  return ['-----BEGIN CERTIFICATE-----', ...lines, '-----END CERTIFICATE-----', ''].join('\n');
}

function authorityExtensions(): Buffer[] {
  // basicConstraints CA:TRUE, keyUsage keyCertSign.
  return [
    extension('551d13', sequence(tagged(0x01, Buffer.from([0xff])))),
    extension('551d0f', tagged(0x03, Buffer.from([2, 0x04]))),
  ];
}

function leafExtensions(options: CertificateOptions): Buffer[] {
  const names = (options.names ?? ['localhost', '127.0.0.1']).map((entry) =>
    /^\d+(?:\.\d+){3}$/.test(entry)
      ? tagged(0x87, Buffer.from(entry.split('.').map(Number)))
      : tagged(0x82, Buffer.from(entry, 'ascii')),
  );
  // extKeyUsage serverAuth and clientAuth.
  const usages = sequence(objectId('2b06010505070301'), objectId('2b06010505070302'));
  return [extension('551d11', sequence(...names)), extension('551d25', usages)];
}

function extension(id: string, value: Buffer): Buffer {
  return sequence(objectId(id), tagged(0x04, value));
}

function name(commonName: string): Buffer {
  return sequence(tagged(0x31, sequence(objectId('550403'), tagged(0x0c, Buffer.from(commonName, 'utf8')))));
}

function time(date: Date): Buffer {
  const digits = date.toISOString().replace(/[-:T]/g, '').slice(0, 14);
  return tagged(0x18, Buffer.from(`${digits}Z`, 'ascii'));
}

function sequence(...parts: Buffer[]): Buffer {
  return tagged(0x30, Buffer.concat(parts));
}

function explicit(index: number, value: Buffer): Buffer {
  return tagged(0xa0 + index, value);
}

function integer(value: Buffer): Buffer {
  return tagged(0x02, value);
}

function bitString(value: Buffer): Buffer {
  return tagged(0x03, Buffer.concat([Buffer.from([0]), value]));
}

function objectId(hex: string): Buffer {
  return tagged(0x06, Buffer.from(hex, 'hex'));
}

function tagged(tag: number, value: Buffer): Buffer {
  const { length } = value;
  const head =
    length < 128 ? [tag, length] : length < 256 ? [tag, 0x81, length] : [tag, 0x82, length >> 8, length & 255];
  return Buffer.concat([Buffer.from(head), value]);
}
