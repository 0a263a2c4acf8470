import { jsonOption } from '../arguments.js';
import { openGateway } from '../broker.js';
import { defineCommand, exits } from '../command.js';
import { present } from '../print.js';
import { readConnectionId } from './connection-id.js';
import { type CredentialPayload, hideSecrets, viewCredential } from './credential.js';

export const token = defineCommand({
  description: [
    'For finding out why a call fails: it shows how the credential is applied, its scope and when it ends. The value ' +
      'itself is masked unless --reveal is given, also with --json. Reading it is recorded in the audit log, and renews a ' +
      'token that has ended.',
    'It asks the Gateway. The connection id is what opens it, so that it is read from a file and not from the command ' +
      'line. A key is sent only if it is one of an application or an agent.',
  ],
  options: {
    reveal: { kind: 'flag', help: 'print the credential itself' },
    json: jsonOption,
  },
  args: { FILE: { help: 'file with the connection id; - reads standard input' } },
  examples: ['token connection.id', 'token - --json < connection.id'],
  roles: ['app', 'agent'],
  async run({ options, args }, context) {
    const id = await readConnectionId(args.FILE, context);
    const gateway = await openGateway(context);
    const payload = await gateway.get<CredentialPayload>(`/v1/token/${id}`);
    const data = options.reveal ? payload : hideSecrets(payload);
    present({ data, view: viewCredential, isJson: options.json }, context);
    return exits.done;
  },
});
