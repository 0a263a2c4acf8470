import type { ConnectionRequested } from '@nexus/broker-api/connections';
import type { CommandContext } from '../command.js';
import { print } from '../print.js';
import { readScreen } from '../views/screen.js';
import { renderQrCode } from './qr-code.js';

interface Link {
  readonly requested: ConnectionRequested;
  readonly mayUseQr: boolean;
}

/** On standard error: what comes out of the command is the connection. */
export function showLink({ requested, mayUseQr }: Link, { env, stderr, screen }: CommandContext): void {
  const { auth_url: link, provider_name: provider, scopes, expires_at: end } = requested;
  const asked = scopes.length === 0 ? '' : ` with ${scopes.join(' ')}`;
  print(stderr, `Open this link to connect ${provider}${asked}, before ${end}:`);
  print(stderr, '');
  print(stderr, `  ${link}`);
  print(stderr, '');
  const { isTerminal, columns, colour } = readScreen({ env, stream: stderr, noColour: false });
  if (!mayUseQr || !isTerminal || columns === null) return;
  // A person who wants no colour on one stream wants none on the other.
  const code = renderQrCode(link, { columns, colour: colour && (screen.colour || !screen.isTerminal) });
  if (code !== null) stderr.write(`${code.join('\n')}\n\n`);
}
