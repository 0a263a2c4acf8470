/** The part of oidc-provider the demo uses; the package ships no types of its own. */
declare module 'oidc-provider' {
  import type { EventEmitter } from 'node:events';
  import type { IncomingMessage, ServerResponse } from 'node:http';

  export interface StoredPayload {
    readonly [name: string]: unknown;
  }

  export interface ModelAdapter {
    upsert(id: string, payload: StoredPayload, expiresIn?: number): Promise<void>;
    find(id: string): Promise<StoredPayload | undefined>;
    findByUid(uid: string): Promise<StoredPayload | undefined>;
    findByUserCode(userCode: string): Promise<StoredPayload | undefined>;
    destroy(id: string): Promise<void>;
    revokeByGrantId(grantId: string): Promise<void>;
    consume(id: string): Promise<void>;
  }

  export interface Grant {
    readonly accountId: string;
    readonly clientId: string;
    getOIDCScope(): string;
    addOIDCScope(scope: string): void;
    addOIDCClaims(claims: readonly string[]): void;
    save(): Promise<string>;
    destroy(): Promise<void>;
  }

  export interface GrantModel {
    new (input: { readonly accountId: string; readonly clientId: string }): Grant;
    find(id: string): Promise<Grant | undefined>;
  }

  export interface Session {
    readonly accountId?: string;
    grantIdFor(clientId: string): string | undefined;
    destroy(): Promise<void>;
  }

  export interface Interaction {
    readonly uid: string;
    readonly prompt: { readonly name: string; readonly details: { readonly [name: string]: unknown } };
    readonly params: { readonly [name: string]: unknown };
    readonly session?: { readonly accountId: string };
    readonly grantId?: string;
  }

  export type InteractionResult =
    | { readonly login: { readonly accountId: string } }
    | { readonly consent: { readonly grantId: string } }
    | { readonly error: string; readonly error_description: string };

  export interface RevocableModel {
    revokeByGrantId(grantId: string): Promise<void>;
  }

  /** The Koa context of one request, as far as it is touched here. */
  export interface Context {
    type: string;
    body: unknown;
    set(name: string, value: string): void;
  }

  export class Provider extends EventEmitter {
    constructor(issuer: string, configuration: { readonly [name: string]: unknown });
    readonly Grant: GrantModel;
    readonly AccessToken: RevocableModel;
    readonly RefreshToken: RevocableModel;
    readonly AuthorizationCode: RevocableModel;
    readonly Session: { get(context: Context): Promise<Session> };
    createContext(request: IncomingMessage, response: ServerResponse): Context;
    callback(): (request: IncomingMessage, response: ServerResponse) => Promise<void>;
    interactionDetails(request: IncomingMessage, response: ServerResponse): Promise<Interaction>;
    interactionFinished(
      request: IncomingMessage,
      response: ServerResponse,
      result: InteractionResult,
      options?: { readonly mergeWithLastSubmission?: boolean },
    ): Promise<void>;
  }

  export const errors: {
    readonly SessionNotFound: new (message: string) => Error;
  };
}
