/** A STAND-IN FOR YOUR IDENTITY PROVIDER, for docs/guides/on-behalf-of.md only: it signs whatever anybody asks for. */
import { generateKeyPairSync, randomUUID, sign } from 'node:crypto';
import { createServer } from 'node:http';

const port = Number(process.argv[2] ?? 8060);
const issuer = `http://127.0.0.1:${port}`;
const audience = 'nexus';
const lifetimeSeconds = 300;

const { privateKey, publicKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' });
const kid = randomUUID();

function encode(value) {
  return Buffer.from(JSON.stringify(value)).toString('base64url');
}

/** RFC 7515, section 7.1. */
function signToken(claims) {
  const input = `${encode({ alg: 'ES256', typ: 'JWT', kid })}.${encode(claims)}`;
  const signature = sign('sha256', Buffer.from(input), { key: privateKey, dsaEncoding: 'ieee-p1363' });
  return `${input}.${signature.toString('base64url')}`;
}

/** Claims of RFC 7519 and RFC 8693, from a query such as `sub=ada&scope=openid+email`. */
function describeUser({ clearance_level, may_act, ...texts }) {
  const now = Math.floor(Date.now() / 1000);
  return {
    iss: issuer,
    aud: audience,
    iat: now,
    exp: now + lifetimeSeconds,
    jti: randomUUID(),
    ...texts,
    ...(clearance_level === undefined ? {} : { clearance_level: Number(clearance_level) }),
    ...(may_act === undefined ? {} : { may_act: { sub: may_act } }),
  };
}

const documents = {
  '/.well-known/openid-configuration': { issuer, jwks_uri: `${issuer}/jwks` },
  '/jwks': { keys: [{ ...publicKey.export({ format: 'jwk' }), kid, alg: 'ES256', use: 'sig' }] },
};

const server = createServer((request, response) => {
  const { pathname, searchParams } = new URL(request.url ?? '/', issuer);
  if (pathname === '/token') response.end(signToken(describeUser(Object.fromEntries(searchParams))));
  else if (Object.hasOwn(documents, pathname)) response.end(JSON.stringify(documents[pathname]));
  else response.writeHead(404).end();
});
server.listen(port, '127.0.0.1');
