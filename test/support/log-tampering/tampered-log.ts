/** A log with one manipulation of every kind in turn, as the files a verifier is given. */

import { encodeVerifierKey } from '@nexus/audit-chain/signed-note';
import type { SeededRandom } from '../seeded-random.js';
import { entryManipulations } from './entry-manipulations.js';
import { fileManipulations, type LogFiles, writeLogFiles } from './file-manipulations.js';
import { historyManipulations } from './history-manipulations.js';
import { createRandomLog } from './random-log.js';

export interface TamperedLog {
  readonly manipulation: string;
  readonly files: LogFiles;
  readonly verifierKey: string;
  /** The exit code that must tell of it. */
  readonly code: number;
}

const tableManipulations = { ...entryManipulations, ...historyManipulations };
export const manipulationNames = [...Object.keys(tableManipulations), ...Object.keys(fileManipulations)];

/** Logs are made until one has something to do it to. */
export function tamper(manipulation: string, random: SeededRandom): TamperedLog {
  for (;;) {
    const log = createRandomLog(random);
    const { tables } = log;
    const ofTables = tableManipulations[manipulation];
    const code = ofTables?.({ log, tables, random }) ?? null;
    const files = writeLogFiles(log);
    const found = ofTables === undefined ? fileManipulations[manipulation]?.(files, random) : code;
    const verifierKey = encodeVerifierKey(log.firstSigner);
    if (found !== null && found !== undefined) return { manipulation, files, verifierKey, code: found };
  }
}
