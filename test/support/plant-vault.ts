/** Takes the key ring through every step, with secrets where none belong. */
import { chmod, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { PlantedTraffic } from './planted-traffic.js';

const vault = '/admin/v1/vault';

export async function plantVault(traffic: PlantedTraffic): Promise<void> {
  await plantKeks(traffic);
  await plantDataKeys(traffic);
  await traffic.broker('GET', vault);
  await traffic.broker('GET', `${vault}/blobs?limit=5`);
  await traffic.broker('GET', `${vault}/blobs?row=${traffic.plant('secret in the place of a row')}`);
  await traffic.broker('GET', `${vault}/blobs?cursor=${traffic.plant('secret in a cursor')}`);
}

/** The line of a second key is as an operator writes it; the key file alone may hold it. */
async function plantKeks(traffic: PlantedTraffic): Promise<void> {
  const file = join(traffic.stack.dataDir, 'kek.key');
  const line = await readFile(file, 'utf8');
  const [first = ''] = line.split(' ');
  await chmod(file, 0o600);
  await writeFile(file, `${line}kek-planted ${Buffer.alloc(32, 7).toString('base64')} 2026-01-01T00:00:00.000Z\n`);
  const steps = [
    ['', { id: 'kek-planted' }],
    ['/kek-planted/promote', undefined],
    [`/${first}/retire`, undefined],
    [`/${first}/retire`, undefined],
    ['', { id: traffic.plant('secret as the id of a key') }],
    ['', { id: 'kek', key: traffic.plant('key in a request') }],
    [`/${traffic.plant('secret in the place of a key')}/promote`, undefined],
    [`/${traffic.plant('secret in the place of a retired key')}/retire`, undefined],
  ] as const;
  for (const [path, body] of steps) {
    await traffic.broker('POST', `${vault}/keks${path}`, body === undefined ? {} : { body });
  }
}

async function plantDataKeys(traffic: PlantedTraffic): Promise<void> {
  const post = (path: string, body?: unknown) =>
    traffic.broker('POST', `${vault}/${path}`, body === undefined ? {} : { body });
  const created = await post('keys', { purpose: 'checkpoint' });
  await post(`keys/${created.body.id}/promote`);
  await post('rotate', {});
  for (const step of ['promote', 'retire', 'destroy', 'compromise']) await post(`keys/1/${step}`);
  await post('keys', { purpose: traffic.plant('secret as a purpose') });
  await post('rotate', { purposes: [traffic.plant('secret among purposes')] });
  await post(`keys/${traffic.plant('secret in the place of a number')}/retire`);
}
