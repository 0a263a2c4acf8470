import { stringify } from 'yaml';

/** The one textual form of a contract, so that equal documents are equal files. */
export function renderContract(document: object): string {
  // JSON drops what is undefined; anchors would make the file depend on object identity.
  const plain: unknown = JSON.parse(JSON.stringify(document));
  const text = stringify(plain, { aliasDuplicateObjects: false, lineWidth: 120 });
  return `# Generated from the routes by \`npm run contract\`. Do not edit.\n${text}`;
}
