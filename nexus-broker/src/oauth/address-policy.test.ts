import { describe, expect, it } from 'vitest';
import { type AddressKind, classifyAddress, parseAddress, parseNetwork } from './address-policy.js';

const kinds: readonly (readonly [string, AddressKind])[] = [
  ['8.8.8.8', 'public'],
  ['1.1.1.1', 'public'],
  ['93.184.216.34', 'public'],
  ['172.15.255.255', 'public'],
  ['172.32.0.0', 'public'],
  ['100.63.255.255', 'public'],
  ['100.128.0.0', 'public'],
  ['192.0.1.0', 'public'],
  ['198.17.255.255', 'public'],
  ['198.20.0.0', 'public'],
  ['223.255.255.255', 'public'],
  ['11.0.0.0', 'public'],
  ['0.0.0.0', 'blocked'],
  ['0.255.255.255', 'blocked'],
  ['10.0.0.0', 'blocked'],
  ['10.255.255.255', 'blocked'],
  ['100.64.0.0', 'blocked'],
  ['100.100.100.200', 'blocked'],
  ['100.127.255.255', 'blocked'],
  ['127.0.0.1', 'loopback'],
  ['127.255.255.255', 'loopback'],
  ['168.63.129.16', 'blocked'],
  ['169.254.169.254', 'blocked'],
  ['172.16.0.0', 'blocked'],
  ['172.31.255.255', 'blocked'],
  ['192.0.0.192', 'blocked'],
  ['192.0.2.1', 'blocked'],
  ['192.88.99.1', 'blocked'],
  ['192.168.0.1', 'blocked'],
  ['198.18.0.0', 'blocked'],
  ['198.19.255.255', 'blocked'],
  ['198.51.100.1', 'blocked'],
  ['203.0.113.1', 'blocked'],
  ['224.0.0.1', 'blocked'],
  ['239.255.255.255', 'blocked'],
  ['240.0.0.1', 'blocked'],
  ['255.255.255.255', 'blocked'],
  ['2606:4700:4700::1111', 'public'],
  ['2a00:1450:4001:80b::200e', 'public'],
  ['2001:200::1', 'public'],
  ['::', 'blocked'],
  ['::1', 'loopback'],
  ['::2', 'blocked'],
  ['::127.0.0.1', 'blocked'],
  ['::8.8.8.8', 'blocked'],
  ['::ffff:127.0.0.1', 'loopback'],
  ['::ffff:10.0.0.1', 'blocked'],
  ['::ffff:8.8.8.8', 'blocked'],
  ['::ffff:0:127.0.0.1', 'blocked'],
  ['64:ff9b::7f00:1', 'blocked'],
  ['64:ff9b::8.8.8.8', 'blocked'],
  ['64:ff9b:1::1', 'blocked'],
  ['100::1', 'blocked'],
  ['2001::1', 'blocked'],
  ['2001:0:7f00:1::1', 'blocked'],
  ['2001:2::1', 'blocked'],
  ['2001:10::1', 'blocked'],
  ['2001:db8::1', 'blocked'],
  ['2002:7f00:1::', 'blocked'],
  ['2002:808:808::1', 'blocked'],
  ['3ffe::1', 'blocked'],
  ['3fff::1', 'blocked'],
  ['5f00::1', 'blocked'],
  ['fc00::1', 'blocked'],
  ['fd00:ec2::254', 'blocked'],
  ['fe80::1', 'blocked'],
  ['fec0::1', 'blocked'],
  ['ff02::1', 'blocked'],
];

describe('address policy', () => {
  it.each(kinds)('S-1: classifies %s as %s', (text, kind) => {
    const address = parseAddress(text);
    expect(address).not.toBeNull();
    expect(classifyAddress(address ?? [])).toBe(kind);
  });

  it.each([
    '',
    '1.2.3',
    '1.2.3.4.5',
    '256.1.1.1',
    '01.2.3.4',
    '1.2.3.-4',
    ':',
    ':::',
    '1::2::3',
    '1:2:3:4:5:6:7',
    '1:2:3:4:5:6:7:8:9',
    'fe80::1%eth0',
    '::12345',
    '::1.2.3',
    '1:2:3:4:5:6:7::8',
    'g::1',
  ])('does not read %j as an address', (text) => {
    expect(parseAddress(text)).toBeNull();
  });

  it('reads networks, and refuses prefixes that are too long', () => {
    expect(parseNetwork('10.0.0.0/8')).toEqual({ bytes: [10, 0, 0, 0], prefix: 8 });
    expect(parseNetwork('10.1.2.3')).toEqual({ bytes: [10, 1, 2, 3], prefix: 32 });
    expect(parseNetwork('fd00::/8')?.prefix).toBe(8);
    for (const text of ['10.0.0.0/33', '::/129', '10.0.0.0/', '10.0.0.0/8/8', '10.0.0.0/-1', 'host/8']) {
      expect(parseNetwork(text)).toBeNull();
    }
  });
});
