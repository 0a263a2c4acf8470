import type { FieldReader } from './field-reader.js';
import type { Environment } from './web-url.js';

/** What the readers of a profile share: its fields, and the findings that have error codes of their own. */
export interface ProfileContext {
  readonly fields: FieldReader;
  readonly environment: Environment;
  /** Sentences for `provider_unsafe`. */
  readonly unsafe: string[];
  /** Names for `reserved_parameter`. */
  readonly reserved: string[];
}
