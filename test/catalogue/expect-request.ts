/** Compares requests with what a provider wants them to be, and says in words what is wrong with them. */
import type { SeenRequest } from '@nexus/testkit/local-internet';

/** A value that must be there; null: whatever it is. */
export type Wanted = Readonly<Record<string, string | null>>;

export class Faults {
  readonly #found: string[] = [];

  add(what: string): void {
    this.#found.push(what);
  }

  list(): readonly string[] {
    return this.#found;
  }

  /** @throws Error with every fault in words. */
  expectNone(): void {
    if (this.#found.length > 0) throw new Error(this.#found.join('\n'));
  }

  /** Neither more nor fewer parameters than these. */
  compare(where: string, given: Readonly<Record<string, string>>, wanted: Wanted): void {
    for (const [name, value] of Object.entries(wanted)) {
      if (!Object.hasOwn(given, name)) this.add(`${where}: ${name} is missing`);
      else if (value !== null && given[name] !== value) {
        this.add(`${where}: ${name} is ${JSON.stringify(given[name])}, not ${JSON.stringify(value)}`);
      }
    }
    for (const name of Object.keys(given)) {
      if (!Object.hasOwn(wanted, name)) this.add(`${where}: ${name} is not expected (${JSON.stringify(given[name])})`);
    }
  }

  compareHeaders(where: string, request: SeenRequest, wanted: Readonly<Record<string, string>>): void {
    for (const [name, value] of Object.entries(wanted)) {
      const given = request.headers[name.toLowerCase()];
      if (given !== value) this.add(`${where}: the header ${name} is ${JSON.stringify(given)}, not ${value}`);
    }
  }

  /** Parameters of a query, or of a body in the format that is wanted. */
  readParameters(
    where: string,
    request: SeenRequest,
    format: 'query' | 'form' | 'json',
    ofUrl: ReadonlySet<string> = new Set(),
  ): Record<string, string> {
    const query = [...request.url.searchParams].filter(([name]) => !ofUrl.has(name));
    if (format === 'query') {
      if (request.body !== '') this.add(`${where}: a body is not expected`);
      return this.#toRecord(where, query);
    }
    if (query.length > 0) this.add(`${where}: the query ${request.url.search} is not expected`);
    const type = (request.headers['content-type'] ?? '').split(';', 1)[0];
    const wantedType = format === 'json' ? 'application/json' : 'application/x-www-form-urlencoded';
    if (type !== wantedType) this.add(`${where}: the content type is ${type}, not ${wantedType}`);
    if (format === 'form') return this.#toRecord(where, new URLSearchParams(request.body));
    try {
      return this.#toRecord(where, Object.entries(JSON.parse(request.body) as Record<string, string>));
    } catch {
      this.add(`${where}: the body is not JSON`);
      return {};
    }
  }

  #toRecord(where: string, pairs: Iterable<readonly [string, string]>): Record<string, string> {
    const record: Record<string, string> = {};
    for (const [name, value] of pairs) {
      if (Object.hasOwn(record, name)) this.add(`${where}: ${name} is there twice`);
      record[name] = value;
    }
    return record;
  }
}
