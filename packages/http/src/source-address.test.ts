import { describe, expect, it } from 'vitest';
import { createSourceAddressReader } from './source-address.js';

const read = createSourceAddressReader(['10.0.0.0/8', '2001:db8:1::/48', '192.0.2.9']);

describe('createSourceAddressReader', () => {
  it.each([
    ['the peer when no proxy is trusted', [], '203.0.113.5', '198.51.100.1', '203.0.113.5'],
    ['the peer when it is not a trusted proxy', ['10.0.0.0/8'], '203.0.113.5', '198.51.100.1', '203.0.113.5'],
    ['the forwarded address of a trusted proxy', ['10.0.0.0/8'], '10.1.2.3', '198.51.100.1', '198.51.100.1'],
    ['the peer when the proxy forwarded nothing', ['10.0.0.0/8'], '10.1.2.3', undefined, '10.1.2.3'],
  ])('A12: answers %s', (_name, trusted, peer, forwardedFor, expected) => {
    expect(createSourceAddressReader(trusted)({ peer, forwardedFor })).toBe(expected);
  });

  it.each([
    ['1.1.1.1, 198.51.100.1, 10.9.9.9', '198.51.100.1'],
    ['127.0.0.1, 10.1.1.1, 10.9.9.9', '127.0.0.1'],
    ['10.1.1.1, 10.9.9.9', '10.1.1.1'],
    ['1.1.1.1, not-an-address', '10.0.0.1'],
    ['1.1.1.1, not-an-address, 10.2.2.2', '10.2.2.2'],
    ['198.51.100.1:4711', '198.51.100.1'],
    ['[2001:DB8:2::1]:4711', '2001:db8:2::1'],
    ['::ffff:198.51.100.1', '198.51.100.1'],
    ['198.51.100.1,', '10.0.0.1'],
    ['', '10.0.0.1'],
    [',,,', '10.0.0.1'],
    ['1.1.1.1, 010.0.0.1', '10.0.0.1'],
  ])('A12: takes the right-most untrusted entry of "%s"', (forwardedFor, expected) => {
    expect(read({ peer: '::ffff:10.0.0.1', forwardedFor })).toBe(expected);
  });

  it('knows IPv6 proxies', () => {
    expect(read({ peer: '2001:db8:1::7', forwardedFor: '198.51.100.1' })).toBe('198.51.100.1');
    expect(read({ peer: '2001:db8:2::7', forwardedFor: '198.51.100.1' })).toBe('2001:db8:2::7');
  });

  it('answers an empty address without a socket', () => {
    expect(read({ peer: undefined, forwardedFor: '198.51.100.1' })).toBe('');
  });

  it('refuses a list entry that is no address', () => {
    expect(() => createSourceAddressReader(['proxy.internal'])).toThrow(TypeError);
  });
});
