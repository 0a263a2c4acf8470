/** What a refresh came to, for whoever waited for it. */
export type RefreshOutcome =
  | { readonly kind: 'refreshed' }
  /** Somebody else stored a newer credential, or the last call was too recent for another. */
  | { readonly kind: 'still_fresh' }
  | { readonly kind: 'attention' }
  | { readonly kind: 'failed'; readonly retryAfterSeconds: number | null };
