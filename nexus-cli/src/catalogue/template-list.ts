import type { Template } from '@nexus/catalogue/templates';
import type { Line, Screen } from '../views/screen.js';
import { tableLines } from '../views/table.js';

/** What `--json` tells of each; `catalogue show` has the rest. */
export function summarize(template: Template) {
  const { name, displayName, category, authType, aliases, verifiedOn, digest } = template;
  return {
    name,
    display_name: displayName,
    category,
    auth_type: authType,
    aliases,
    verified_on: verifiedOn,
    digest,
  };
}

export function viewTemplates(
  { templates }: { templates: readonly ReturnType<typeof summarize>[] },
  screen: Screen,
): Line[] {
  const rows = templates.map((one) => [
    one.name,
    one.display_name,
    one.category,
    one.auth_type,
    one.verified_on ?? 'unverified',
  ]);
  return tableLines(
    { columns: [{ title: 'NAME', keep: true }, 'PROVIDER', 'CATEGORY', 'AUTH', 'VERIFIED'], rows },
    screen,
  );
}
