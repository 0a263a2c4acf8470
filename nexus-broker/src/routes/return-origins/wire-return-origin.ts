import type { ReturnOrigin } from '../../domain/return-origin.js';

export function toWireReturnOrigin(returnOrigin: ReturnOrigin) {
  return {
    id: returnOrigin.returnOriginId,
    origin: returnOrigin.origin,
    app_name: returnOrigin.appName,
    completion: returnOrigin.completion,
    path_prefix: returnOrigin.pathPrefix,
    created_at: returnOrigin.createdAt,
  };
}
