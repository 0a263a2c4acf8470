export type { KeyRingDeps } from '../../keyring/key-ring-deps.js';
