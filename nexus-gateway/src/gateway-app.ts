import type { createHttpApp } from '@nexus/http/app';

export type GatewayApp = ReturnType<typeof createHttpApp>;
