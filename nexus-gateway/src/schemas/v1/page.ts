/** How the contract describes the pages people see. Their markup is no part of it. */
import { z } from '@hono/zod-openapi';

export const TicketParam = z.object({
  ticket: z
    .string()
    .openapi({ param: { name: 'ticket', in: 'path' }, description: 'The flow ticket.', example: 'nxt_EXAMPLE' }),
});

export const formBody = {
  required: false,
  description: 'Nothing to continue to a provider, or the fields of the credential schema.',
  content: {
    'application/x-www-form-urlencoded': {
      schema: { type: 'object', additionalProperties: { type: 'string' } },
    },
  },
} as const;

const descriptions = {
  200: 'The page.',
  303: 'On to the provider or to the return URL.',
  400: 'What was sent cannot be used.',
  403: 'The form was not sent by our own page.',
  410: 'The link has expired, was used, or never existed.',
  413: 'The form is too large.',
  415: 'The form has another content type.',
  429: 'Too many requests.',
  502: 'The provider cannot be reached.',
  503: 'The Broker is not available.',
} as const;

type PageStatus = keyof typeof descriptions;
const pageContent = { 'text/html': { schema: { type: 'string' } } } as const;
type PageResponses<S extends PageStatus> = {
  readonly [Status in S]: { readonly description: string; readonly content: typeof pageContent };
};

/** Every answer is a page or a redirect; a person is never left on JSON. */
export function pageResponses<const S extends PageStatus>(...statuses: readonly S[]): PageResponses<S> {
  const entries = statuses.map((status) => [
    status,
    status === 303
      ? { description: descriptions[status] }
      : { description: descriptions[status], content: pageContent },
  ]);
  return Object.fromEntries(entries) as PageResponses<S>;
}
