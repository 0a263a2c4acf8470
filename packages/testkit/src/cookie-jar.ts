/** Cookies of one origin, as a browser profile would keep them for tests: names, values, paths and removal. */
export interface CookieJar {
  store(setCookies: readonly string[]): void;
  /** The `Cookie` header for a request path. */
  header(path: string): string;
}

export function createCookieJar(): CookieJar {
  const cookies = new Map<string, { readonly name: string; readonly value: string; readonly path: string }>();
  return {
    store(setCookies) {
      for (const line of setCookies) {
        const [pair = '', ...attributes] = line.split(';').map((part) => part.trim());
        const name = pair.slice(0, pair.indexOf('='));
        const value = pair.slice(pair.indexOf('=') + 1);
        const attribute = (wanted: string) =>
          attributes.find((text) => text.toLowerCase().startsWith(`${wanted}=`))?.slice(wanted.length + 1);
        const path = attribute('path') ?? '/';
        const expires = attribute('expires');
        const isGone = attribute('max-age') === '0' || (expires !== undefined && Date.parse(expires) <= Date.now());
        if (isGone || value === '') cookies.delete(`${name}|${path}`);
        else cookies.set(`${name}|${path}`, { name, value, path });
      }
    },
    header: (path) =>
      [...cookies.values()]
        .filter((cookie) => path === cookie.path || path.startsWith(cookie.path.replace(/\/?$/, '/')))
        .map(({ name, value }) => `${name}=${value}`)
        .join('; '),
  };
}
