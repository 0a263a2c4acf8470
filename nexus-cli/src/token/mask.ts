/** Below this the ends of a secret would be too much of it. */
const longEnough = 24;

/** `ghp_…x9Qz`: enough to tell two credentials apart, too little to use one. */
export function maskSecret(value: string): string {
  return value.length < longEnough ? '••••' : `${value.slice(0, 4)}…${value.slice(-4)}`;
}
