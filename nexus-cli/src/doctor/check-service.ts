/** Whether a service can be reached, is ready, is the version it should be, and agrees on what time it is. */

import { isLoopback } from '../settings.js';
import { type Finding, fail, ok, skipped, warn } from './finding.js';
import { type Probed, probe, type Target, type Unreached } from './probe.js';

export interface Service {
  /** `Broker` or `Gateway`. */
  readonly name: string;
  /** The setting that says where it is. */
  readonly setting: string;
  /** The path of its health check. */
  readonly health: string;
  /** Whether that answers like it; the Gateway speaks of its Broker, which the Broker does not. */
  isLike(answer: Readonly<Record<string, unknown>>): boolean;
  /** A command or a place that tells more when it is not ready. */
  readonly look: string;
}

export const brokerService: Service = {
  name: 'Broker',
  setting: 'NEXUS_BROKER_URL',
  health: '/health',
  isLike: (answer) => isHealth(answer) && !('broker' in answer),
  look: 'The log of the Broker says more.',
};

export const gatewayService: Service = {
  name: 'Gateway',
  setting: 'NEXUS_GATEWAY_URL',
  health: '/v1/health',
  isLike: (answer) => isHealth(answer) && 'broker' in answer,
  look: 'It serves while its Broker does: see BROKER_URL and GATEWAY_API_KEY_FILE of the Gateway, and the Broker above.',
};

function isHealth({ status, version }: Readonly<Record<string, unknown>>): boolean {
  return (status === 'ok' || status === 'unavailable') && typeof version === 'string';
}

const dayMs = 24 * 3_600_000;
const certificateWarnDays = 14;
const tolerableMs = 30_000;

export interface ServiceReport {
  readonly findings: readonly Finding[];
  /** Whether it is what it should be, ready or not. Only then it is asked anything else, and shown a key. */
  readonly isReachable: boolean;
}

/** `version` is that of this program, `now` the time here. */
export async function checkService(
  service: Service,
  target: Target,
  { version, now }: { readonly version: string; readonly now: () => number },
): Promise<ServiceReport> {
  const probed = await probe(target, service.health);
  const tls = checkTls(service, target, probed, now());
  if ('code' in probed) {
    const isTls = tls.state === 'fail';
    const reached = isTls
      ? skipped(service.name, 'not asked before TLS is mended')
      : fail(service.name, `${target.url.origin} cannot be reached: ${probed.code}`, mendUnreached(service, probed));
    return { findings: [reached, tls, skipped(`${service.name} clock`, 'not reached')], isReachable: false };
  }
  return {
    findings: [checkHealth(service, target, probed, version), tls, checkClock(service, probed)],
    isReachable: probed.body !== null && service.isLike(probed.body),
  };
}

function mendUnreached({ name, setting }: Service, { code }: Unreached): string {
  switch (code) {
    case 'ECONNREFUSED':
      return `Start the ${name}, or correct ${setting}: nothing listens at that address.`;
    case 'ENOTFOUND':
    case 'EAI_AGAIN':
      return `Correct the name of the host in ${setting}, or the DNS.`;
    case 'ECONNRESET':
      return `Correct ${setting}: what listens there breaks off. A ${name} with TLS is reached with https.`;
    default:
      return `Correct ${setting}, or the network between here and the ${name}.`;
  }
}

function checkHealth(service: Service, { url }: Target, { status, body }: Probed, version: string): Finding {
  const { name, setting, look } = service;
  if (body === null || !service.isLike(body)) {
    return fail(name, `what answers at ${url.origin} is not a ${name} (status ${status})`, `Correct ${setting}.`);
  }
  const { version: theirs, reason } = body;
  if (status !== 200) return fail(name, `not ready${typeof reason === 'string' ? `: ${reason}` : ''}`, look);
  const found = `ready at ${url.origin}, version ${String(theirs)}`;
  if (theirs === version) return ok(name, found);
  return warn(name, `${found}; this is nexus-cli ${version}`, 'Use the nexus-cli of the same version.');
}

function checkClock({ name }: Service, { aheadMs }: Probed): Finding {
  const check = `${name} clock`;
  if (aheadMs === null) return skipped(check, 'the answer says no time');
  const seconds = Math.round(Math.abs(aheadMs) / 1_000);
  if (Math.abs(aheadMs) <= tolerableMs) return ok(check, seconds === 0 ? 'agrees' : `${seconds} s apart`);
  return fail(
    check,
    `${seconds} s ${aheadMs > 0 ? 'ahead of' : 'behind'} this machine`,
    'Let NTP set the clocks of both machines: tokens end too early or too late by a wrong one.',
  );
}

/** By what code of Node or OpenSSL: what it means, and what to do. */
const tlsProblems: Readonly<Record<string, readonly [string, string]>> = {
  CERT_HAS_EXPIRED: ['the certificate has expired', 'Renew it.'],
  CERT_NOT_YET_VALID: ['the certificate is not valid yet', 'Set the clock of this machine, or wait.'],
  ERR_TLS_CERT_ALTNAME_INVALID: [
    'the certificate is for another name',
    'Use the name it was issued for, or have one issued for this name.',
  ],
  UNABLE_TO_VERIFY_LEAF_SIGNATURE: ['nobody known signed the certificate', 'Name its authority: NEXUS_TLS_CA_FILE.'],
  UNABLE_TO_GET_ISSUER_CERT_LOCALLY: ['nobody known signed the certificate', 'Name its authority: NEXUS_TLS_CA_FILE.'],
  SELF_SIGNED_CERT_IN_CHAIN: ['nobody known signed the certificate', 'Name its authority: NEXUS_TLS_CA_FILE.'],
  DEPTH_ZERO_SELF_SIGNED_CERT: ['the certificate vouches for itself', 'Name it as authority: NEXUS_TLS_CA_FILE.'],
  CERT_SIGNATURE_FAILURE: ['the signature of the certificate is wrong', 'Name the right authority: NEXUS_TLS_CA_FILE.'],
  EPROTO: ['TLS could not be agreed on', 'If it speaks plain HTTP, use http:// in its address.'],
};

function checkTls({ name, setting }: Service, { url }: Target, probed: Probed | Unreached, now: number): Finding {
  const check = `${name} TLS`;
  if (url.protocol === 'http:') {
    if (isLoopback(url)) return ok(check, 'not needed on loopback');
    return warn(check, 'keys and tokens travel readable', `Use https in ${setting}.`);
  }
  if ('code' in probed) {
    const { code } = probed;
    const known = tlsProblems[code];
    if (known !== undefined) return fail(check, known[0], known[1]);
    if (/^ERR_SSL_.*(CERTIFICATE|UNKNOWN_CA|BAD_CERT)/.test(code)) {
      return fail(
        check,
        'it asks for a certificate of this program and does not get one it accepts',
        'Name a certificate its authority signed: NEXUS_TLS_CERT_FILE and NEXUS_TLS_KEY_FILE.',
      );
    }
    if (code.startsWith('ERR_SSL')) return fail(check, `TLS could not be agreed on: ${code}`, `Check ${setting}.`);
    return skipped(check, 'not reached');
  }
  const { certificateEnds } = probed;
  if (certificateEnds === null) return skipped(check, 'no certificate was shown');
  const days = Math.floor((certificateEnds - now) / dayMs);
  if (days >= certificateWarnDays) return ok(check, `the certificate is good for ${days} days`);
  return warn(check, `the certificate is good for ${days} days`, 'Renew it now.');
}
