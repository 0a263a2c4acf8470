/** The `Link` header of a page that has a successor (RFC 8288): the same query, continued after the cursor. */
export function linkNextPage(publicUrl: string, requestUrl: string, cursor: string): string {
  const current = new URL(requestUrl);
  const next = new URL(current.pathname, publicUrl);
  next.search = current.search;
  next.searchParams.set('after', cursor);
  return `<${next.href}>; rel="next"`;
}
