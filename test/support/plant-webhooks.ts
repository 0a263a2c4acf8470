/** Sends events to a receiver, with secrets in every place of a webhook where none belongs. */
import { startScriptedProvider } from '@nexus/testkit/scripted-provider';
import { requestPlanted } from './plant-oauth.js';
import type { PlantedTraffic } from './planted-traffic.js';
import type { Answer } from './stack.js';
import { waitFor } from './wait.js';

const webhooks = '/admin/v1/webhooks';

const takeSecret = (traffic: PlantedTraffic, label: string) => (answer: Answer) => {
  const { secret } = answer.body;
  return typeof secret === 'string' ? [traffic.adopt(label, secret)] : [];
};

export async function plantWebhooks(traffic: PlantedTraffic, appKey: string): Promise<void> {
  const receiver = await startScriptedProvider();
  receiver.answer('/hook', { body: traffic.plant('secret in the answer of a receiver') });
  const url = receiver.url('/hook');
  const body = { url, events: ['connection.active', 'connection.revoked', 'connection.failed'] };
  const created = await traffic.broker('POST', webhooks, { body }, takeSecret(traffic, 'webhook secret'));
  const path = `${webhooks}/${created.body.id}`;
  await traffic.broker('POST', `${path}/rotate-secret`, {}, takeSecret(traffic, 'second webhook secret'));
  const { ref } = await requestPlanted(traffic, 'planted', { key: appKey });
  await traffic.broker('DELETE', `/admin/v1/connections/${ref}`);
  const delivered = await waitFor('an event is delivered', async () => {
    const { body: page } = await traffic.broker('GET', `${path}/deliveries?status=delivered`);
    return page.deliveries.length > 0 ? page.deliveries[0] : null;
  });
  await traffic.broker('POST', `${path}/deliveries/${delivered.id}/replay`);
  await traffic.broker('GET', webhooks);
  await traffic.broker('GET', path);
  await traffic.broker('PATCH', path, { body: { active: false } });
  await plantMistakes(traffic, path, url);
  await traffic.broker('DELETE', path);
  for (const request of receiver.requests()) traffic.keepSeen('a receiver of events', request);
  await receiver.close();
}

async function plantMistakes(traffic: PlantedTraffic, path: string, url: string): Promise<void> {
  const events = ['connection.active'];
  const unsafe = `http://user:${traffic.plant('password in the URL of a webhook')}@127.0.0.1:1/`;
  for (const body of [
    { url: unsafe, events },
    { url: `https://10.0.0.1/${traffic.plant('secret in the path of an unsafe webhook')}`, events },
    { url, events: [traffic.plant('secret among events')] },
    { url, events, secret: `whsec_${traffic.plant('secret that an admin chose')}` },
  ]) {
    await traffic.broker('POST', webhooks, { body });
    await traffic.broker('PATCH', path, { body });
  }
  await traffic.broker('GET', `${webhooks}/${traffic.plant('secret in the place of a webhook')}`);
  await traffic.broker('GET', `${path}/deliveries?cursor=${traffic.plant('secret in a cursor of deliveries')}`);
  await traffic.broker('POST', `${path}/deliveries/${traffic.plant('secret in the place of a delivery')}/replay`);
}
