import { type Exchange, sendJson } from './exchange.js';

/**
 * The pretend API behind provider `demo-key`: every bearer value that starts with `demo-` is let in. It is a prop for
 * trying static credentials and their probe; there is nothing behind it to protect.
 */
export function answerDemoKey(exchange: Exchange): void {
  const key = /^Bearer (demo-[\x21-\x7e]+)$/.exec(exchange.request.headers.authorization ?? '')?.[1];
  if (key === undefined) {
    exchange.response.setHeader('WWW-Authenticate', 'Bearer realm="demo-key"');
    sendJson(exchange, 401, { error: 'invalid_key', message: 'Keys of this pretend API start with demo-.' });
    return;
  }
  sendJson(exchange, 200, {
    ok: true,
    account: 'demo-key-owner',
    key_ends_with: key.slice(-2),
    message: 'The key was accepted. This is a pretend API: it accepts every key that starts with demo-.',
  });
}
