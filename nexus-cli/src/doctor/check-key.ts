/** Whether the Broker knows the key, and as what. */
import type { BrokerStatus, Key } from '@nexus/broker-api/administration';
import { type Finding, fail, ok, warn } from './finding.js';
import { type Probed, probe, type Target } from './probe.js';

const dayMs = 24 * 3_600_000;
const expiryWarnDays = 14;

/** Roles whose keys cannot read the status, by the beginning of the key. */
const narrowRoles: Readonly<Record<string, string>> = {
  nxg_: 'gateway',
  nxp_: 'app',
  nxk_: 'agent',
};

export interface KeyReport {
  readonly finding: Finding;
  /** Null where the key may not read it, or the Broker could not. */
  readonly status: BrokerStatus | null;
}

/** Reads the status with the key, and the list of keys where it is one of an administrator: both name no secret. */
export async function checkKey(target: Target, key: string, now: () => number): Promise<KeyReport> {
  const answer = await probe(target, '/admin/v1/status', key);
  if ('code' in answer)
    return { finding: fail('key', `not asked: ${answer.code}`, 'See the Broker above.'), status: null };
  if (answer.status !== 200) return { finding: describeRefusal(answer, key), status: null };
  if (!isStatus(answer.body)) {
    const finding = fail('key', 'what answers there does not know the status', 'Correct NEXUS_BROKER_URL.');
    return { finding, status: null };
  }
  const status = answer.body;
  if (key.startsWith('nxu_')) return { finding: ok('key', 'known, role auditor'), status };
  // The same beginning for both roles; only an administrator may list keys.
  const list = await probe(target, '/admin/v1/keys', key);
  if ('code' in list || list.status !== 200) return { finding: ok('key', 'known, role operator'), status };
  const { keys } = list.body as unknown as { readonly keys: readonly Key[] };
  return { finding: checkExpiry(keys, key, now()), status };
}

/** Of the version of this program, more or less: as much as the checks need. */
function isStatus(body: unknown): body is BrokerStatus {
  const known = ['migrations', 'refresh', 'keys', 'sealing'];
  return typeof body === 'object' && body !== null && known.every((name) => name in body);
}

function describeRefusal({ status, body }: Probed, key: string): Finding {
  if (status === 401) {
    return fail(
      'key',
      'the Broker does not know it, or it was revoked or has expired',
      'Have an administrator create one: nexus-cli keys create. NEXUS_API_KEY_FILE names the file it is in.',
    );
  }
  if (status === 403) {
    const role = narrowRoles[key.slice(0, 4)] ?? 'without administration';
    return warn(
      'key',
      `known, role ${role}: it may not read the status`,
      'Use the key of an operator, an auditor or an administrator.',
    );
  }
  const { code = 'no reason given' } = body ?? {};
  return fail('key', `the Broker cannot say: status ${status}, ${String(code)}`, 'The log of the Broker says more.');
}

/** Which of the keys it is can be told from the last characters alone, so that only a unique match counts. */
function checkExpiry(keys: readonly Key[], key: string, now: number): Finding {
  const alike = keys.filter((one) => one.revoked_at === null && one.role === 'admin' && key.endsWith(one.last_four));
  const [own] = alike.length === 1 ? alike : [];
  const known = `known, role admin${own === undefined ? '' : `, named ${own.name}`}`;
  if (own === undefined || own.expires_at === null) return ok('key', known);
  const days = Math.floor((Date.parse(own.expires_at) - now) / dayMs);
  if (days >= expiryWarnDays) return ok('key', `${known}, good for ${days} days`);
  return warn('key', `${known}, good for ${days} days`, 'Create the next one now: nexus-cli keys create.');
}
