/** What a guide asks of its reader: open the link, press Continue, sign in at the demo provider and allow the access. */
import { type Page, Person } from './person.js';

export async function consentAtDemo(start: { readonly gatewayUrl: string }, authUrl: string, name: string) {
  const person = new Person(start.gatewayUrl);
  await person.open(authUrl);
  let here = authUrl;
  const follow = async (answer: Page): Promise<Page> => {
    let page = answer;
    while (page.location !== '') {
      here = new URL(page.location, here).href;
      page = await person.open(here);
    }
    return page;
  };
  const submit = async (page: Page, ending: string, fields?: Readonly<Record<string, string>>): Promise<Page> => {
    const actions = [...page.text.matchAll(/action="([^"]+)"/g)].map(([, action = '']) => action);
    const action = actions.find((candidate) => candidate.endsWith(ending));
    if (action === undefined) throw new Error(`${here} has no form for ${ending}: ${page.text.slice(0, 500)}`);
    here = new URL(action, here).href;
    return follow(await person.press(here, fields));
  };
  const login = await follow(await person.press(authUrl));
  const consent = await submit(login, '/login', { name });
  const returned = await submit(consent, '/confirm');
  if (!here.includes('status=success')) throw new Error(`no connection: ${here} ${returned.text.slice(0, 500)}`);
}
