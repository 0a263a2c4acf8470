/** The origins that the endpoints of a profile name, placeholders as they stand. */
interface Endpoints {
  readonly issuer?: string | undefined;
  readonly auth_url?: string | undefined;
  readonly token_url?: string | undefined;
  readonly refresh_url?: string | undefined;
  readonly introspection_endpoint?: string | undefined;
  readonly revocation_endpoint?: string | undefined;
  readonly user_info_endpoint?: string | undefined;
  readonly api_base_url?: string | undefined;
  readonly upgrade?: { readonly url: string } | undefined;
  readonly revoke?: { readonly request?: { readonly url: string } | undefined } | undefined;
  readonly account?: { readonly request?: { readonly url: string } | undefined } | undefined;
}

/** Each once, the provider's own first. A URL relative to the API names none. */
export function computeOrigins(endpoints: Endpoints): string[] {
  const urls = [
    endpoints.issuer,
    endpoints.auth_url,
    endpoints.token_url,
    endpoints.refresh_url,
    endpoints.upgrade?.url,
    endpoints.introspection_endpoint,
    endpoints.revocation_endpoint,
    endpoints.revoke?.request?.url,
    endpoints.user_info_endpoint,
    endpoints.account?.request?.url,
    endpoints.api_base_url,
  ];
  const origins = urls.flatMap((url) => url?.match(/^(?:https:\/\/[^/?#]+|\{[a-z0-9_]+\})/)?.[0] ?? []);
  return [...new Set(origins)];
}
