/**
 * The layering rules of docs/architecture.md as a tool. Paths are matched unanchored, because pnpm resolves packages
 * through its virtual store. "types" means `import type`: the composition root supplies the thing itself.
 */

/** Tests stand beside the code and may reach over the layers; so may the files that only tests import. */
const testCode = '([.]test[.]ts|[/.-](testing|fixture)[.]ts|/testing/.+[.]ts|/(test|describe-each)-[a-z-]+[.]ts)$';
/** Wiring: opens everything, or hands it to tests. */
const composition = '/src/((main|deps|testing)[.]ts$|(startup|commands)/)';

const broker = 'nexus-broker/src';
const gateway = 'nexus-gateway/src';
const thirdParty = (names) => `node_modules/(${names})/`;
const typesOnly = { dependencyTypesNot: ['type-only'] };

/** What a layer may import of the repository; builtins and npm packages have rules of their own. */
function layer(name, from, allowed) {
  return {
    name,
    severity: 'error',
    comment: `${name} may import only: ${allowed.join(', ')}`,
    from: { path: from, pathNot: [testCode, composition] },
    to: {
      path: ['nexus-broker/', 'nexus-gateway/', 'nexus-cli/', 'packages/[a-z-]+/', '^test/'],
      pathNot: [...allowed, 'node_modules/(?!@nexus)'],
    },
  };
}

/** Of these, a layer may import types and nothing that exists at run time. */
function layerTypes(name, from, targets) {
  return {
    name,
    severity: 'error',
    comment: `${name}: use \`import type\`; the composition root supplies the implementation`,
    from: { path: from, pathNot: [testCode, composition] },
    to: { path: targets, ...typesOnly },
  };
}

function onlyFrom(name, packages, allowed) {
  return {
    name,
    severity: 'error',
    comment: `${packages} may be imported only from: ${allowed.join(', ')}`,
    from: { pathNot: [...allowed, testCode, '^test/', 'packages/testkit/', 'node_modules/'] },
    to: { path: thirdParty(packages) },
  };
}

const core = 'packages/core/';
const http = 'packages/http/';
const vault = 'packages/vault/';
const auditChain = 'packages/audit-chain/';
const brokerApi = 'packages/broker-api/';
const strategies = 'packages/strategies/';
const catalogue = 'packages/catalogue/';
/** The templates as data; the forms of their files are for tools. */
const templates = `${catalogue}(src|dist)/templates`;

/** Sealing functions and error classes are for whoever stores secrets; what handles keys is wired by the root. */
const keyHandling = `${vault}(src|dist)/(?!vault[.]|key-provider[.])`;
/** Not the functions over stores that write an export, nor a class that callers must recognise by `instanceof`. */
const adapters = `${broker}/(stores|refresh|waiters)/|${broker}/audit/(?!render-export[.])|${broker}/oauth/(?!provider-error)`;

const brokerLayers = [
  layer('domain', `${broker}/domain/`, [core, vault, strategies, templates, `${broker}/domain/`]),
  // Strategies are pure and know only core, so the domain may check a strategy with them.
  layerTypes('domain-types', `${broker}/domain/`, [vault]),
  layer('services', `${broker}/services/`, [
    core,
    vault,
    auditChain,
    strategies,
    templates,
    `${broker}/(domain|services|disclosure|sessions|grants|stores|oauth|audit|refresh|waiters|keyring|webhooks|metrics)/`,
  ]),
  layerTypes('services-types', `${broker}/services/`, [adapters, keyHandling]),
  // What services and the refresh engine both do with a credential.
  layer('grants', `${broker}/grants/`, [core, vault, `${broker}/(domain|grants|stores|oauth|audit)/`]),
  layerTypes('grants-types', `${broker}/grants/`, [adapters, keyHandling]),
  // What every read of a credential does, whoever reads.
  layer('disclosure', `${broker}/disclosure/`, [
    core,
    vault,
    `${broker}/(domain|disclosure|grants|stores|oauth|audit|refresh)/`,
  ]),
  layerTypes('disclosure-types', `${broker}/disclosure/`, [adapters, keyHandling]),
  // What opens the way through a session and what ends it, whoever asks.
  layer('sessions', `${broker}/sessions/`, [
    core,
    vault,
    `${broker}/(domain|disclosure|sessions|grants|stores|oauth|audit|refresh)/`,
  ]),
  layerTypes('sessions-types', `${broker}/sessions/`, [adapters, keyHandling]),
  layer('stores', `${broker}/stores/`, [core, vault, `${broker}/(domain|stores)/`]),
  layerTypes('stores-types', `${broker}/stores/(?!codecs)`, [vault]),
  layer('oauth', `${broker}/oauth/`, [core, strategies, `${broker}/(domain|oauth)/`]),
  layer('audit', `${broker}/audit/`, [core, vault, auditChain, `${broker}/(domain|audit|stores)/`]),
  layerTypes('audit-types', `${broker}/audit/`, [`${broker}/stores/`, keyHandling]),
  layer('refresh', `${broker}/refresh/`, [core, vault, `${broker}/(domain|grants|refresh|stores|oauth|audit)/`]),
  layerTypes('refresh-types', `${broker}/refresh/`, [
    `${broker}/(stores|audit)/|${broker}/oauth/(?!provider-error)`,
    keyHandling,
  ]),
  // What takes events to their receivers, and what signs them.
  layer('webhooks', `${broker}/webhooks/`, [core, vault, `${broker}/(domain|webhooks|stores|oauth|audit)/`]),
  layerTypes('webhooks-types', `${broker}/webhooks/`, [
    `${broker}/(stores|audit)/|${broker}/oauth/(?!outgoing-error)`,
    keyHandling,
  ]),
  layer('waiters', `${broker}/waiters/`, [core, `${broker}/(domain|waiters|stores)/`]),
  layerTypes('waiters-types', `${broker}/waiters/`, [`${broker}/stores/`]),
  layer('routes-broker', `${broker}/routes/[^/]+/`, [
    core,
    http,
    brokerApi,
    strategies,
    `${broker}/(domain|services|routes)/`,
    `${broker}/(deps|config|stores/database)[.]ts`,
  ]),
  // A route names the type of what it hands to its service.
  layerTypes('routes-broker-types', `${broker}/routes/`, [`${broker}/(audit|stores)/`]),
  // Files directly in routes/ are what every route uses: access rules, which audit a refusal, and answer shapes.
  layer('routes-broker-access', `${broker}/routes/[^/]+[.]ts$`, [
    core,
    http,
    brokerApi,
    `${broker}/(domain|services|routes|audit)/`,
    `${broker}/(deps|config)[.]ts`,
  ]),
  // What keeps the key ring: the fence between replicas, re-sealing, rotation.
  layer('keyring', `${broker}/keyring/`, [core, vault, auditChain, `${broker}/(domain|keyring|stores|audit)/`]),
  layerTypes('keyring-types', `${broker}/keyring/`, [`${broker}/(stores|audit)/`]),
  // Copies of the database: taken, verified, put back.
  layer('backup', `${broker}/backup/`, [core, vault, auditChain, `${broker}/(domain|backup|stores|audit)/`]),
  layerTypes('backup-types', `${broker}/backup/`, [`${broker}/stores/`, keyHandling]),
  layer('jobs', `${broker}/jobs/`, [core, `${broker}/(services|jobs)/`]),
  layer('app-broker', `${broker}/(app|contract)[.]ts$`, [
    core,
    http,
    `${broker}/(routes|services)/`,
    `${broker}/keyring/describe-vault-outage`,
    `${broker}/(app|deps|config|document)[.]ts`,
  ]),
  layerTypes('app-broker-types', `${broker}/((app|contract)[.]ts$|routes/)`, [`${broker}/deps[.]ts`]),
  layerTypes('app-broker-services', `${broker}/(app|contract)[.]ts$`, [`${broker}/services/`]),
  {
    name: 'one-service-folder',
    severity: 'error',
    comment: 'A service never imports another service folder: shared rules move down into domain.',
    from: { path: `${broker}/services/([^/]+)/`, pathNot: testCode },
    to: { path: `${broker}/services/[^/]+/`, pathNot: `${broker}/services/$1/` },
  },
];

/** Files directly in the Gateway's src: its few rules about callers, cookies and paths. Its wiring is not among them. */
const gatewayRules = `${gateway}/(?!main|deps)[a-z-]+[.]ts$`;

const gatewayLayers = [
  layer('routes-gateway', `${gateway}/routes/`, [
    core,
    http,
    brokerApi,
    gatewayRules,
    `${gateway}/(routes|schemas|translate|pages)/`,
    `${gateway}/deps[.]ts`,
  ]),
  layerTypes('routes-gateway-client', `${gateway}/(routes|translate)/`, [`${brokerApi}(src|dist)/client`]),
  layer('translate', `${gateway}/translate/`, [core, brokerApi, `${gateway}/(schemas|translate|pages)/`]),
  layerTypes('translate-types', `${gateway}/translate/`, [brokerApi, `${gateway}/(schemas|pages)/`]),
  layer('schemas', `${gateway}/schemas/`, [core, `${gateway}/schemas/`]),
  layer('pages', `${gateway}/pages/`, [core, http, `${gateway}/pages/`]),
  layer('app-gateway', `${gateway}/(app|contract)[.]ts$`, [
    core,
    http,
    gatewayRules,
    `${gateway}/(routes|pages)/`,
    `${gateway}/deps[.]ts`,
  ]),
  layerTypes('app-gateway-types', `${gateway}/((app|contract)[.]ts$|routes/)`, [`${gateway}/deps[.]ts`]),
];

const packageLayers = [
  ['core', []],
  ['config', [core]],
  ['vault', [core]],
  ['audit-chain', [core]],
  ['http', [core]],
  ['broker-api', [core]],
  ['strategies', [core]],
  ['catalogue', [core]],
].map(([name, allowed]) => layer(`package-${name}`, `packages/${name}/src/`, [`packages/${name}/`, ...allowed]));

const packageDependencies = [
  ['core', 'none'],
  ['config', 'zod'],
  ['vault', '@noble/ciphers'],
  ['http', 'hono|@hono/[^/]+|pino|zod'],
  ['broker-api', 'zod|@hono/zod-openapi|undici'],
  ['strategies', 'none'],
  ['audit-chain', 'none'],
  ['catalogue', 'yaml|zod'],
].map(([name, allowed]) => ({
  name: `dependencies-of-${name}`,
  severity: 'error',
  comment: `packages/${name} may use these npm packages only: ${allowed}`,
  from: { path: `packages/${name}/src/`, pathNot: testCode },
  to: { path: 'node_modules/', pathNot: thirdParty(allowed) },
}));

module.exports = {
  forbidden: [
    {
      name: 'no-cycles',
      severity: 'error',
      comment: 'A cycle has no order in which it can be read.',
      from: {},
      to: { circular: true },
    },
    {
      name: 'resolvable',
      severity: 'error',
      comment: 'Every import names something that exists.',
      from: {},
      to: { couldNotResolve: true },
    },
    {
      name: 'no-dev-dependencies-at-run-time',
      severity: 'error',
      comment: 'A dependency of running code stands in `dependencies`.',
      from: {
        path: '(packages/[a-z-]+|nexus-[a-z]+)/src/',
        pathNot: [testCode, composition, 'packages/(testkit|repo-tools)/'],
      },
      to: { dependencyTypes: ['npm-dev'], dependencyTypesNot: ['type-only'], pathNot: 'node_modules/@types/' },
    },
    ...brokerLayers,
    ...gatewayLayers,
    ...packageLayers,
    layer('cli', 'nexus-cli/src/', [core, auditChain, brokerApi, catalogue, 'nexus-cli/src/']),
    layerTypes('cli-wire-types', 'nexus-cli/src/', [brokerApi]),
    ...packageDependencies,
    onlyFrom('sql-only-in-stores', 'kysely|pg|better-sqlite3', [`${broker}/stores/`, 'packages/quickstart/']),
    onlyFrom('openid-client-only-in-oauth', 'openid-client', [`${broker}/oauth/`]),
    onlyFrom('jose-only-in-oauth', 'jose', [`${broker}/oauth/`]),
    onlyFrom('ciphers-only-in-vault', '@noble/ciphers', ['packages/vault/']),
    {
      name: 'catalogue-at-run-time',
      severity: 'error',
      comment: 'Whoever reads the templates reads them from the bundle, and loads neither zod nor yaml for it.',
      from: { path: `${catalogue}src/templates[.]ts$` },
      to: { path: `${catalogue}|${thirdParty('yaml|zod')}` },
    },
    onlyFrom('hono-only-at-the-edge', 'hono|@hono/node-server', [
      'nexus-[a-z]+/src/routes/',
      'nexus-[a-z]+/src/(app|contract|main)[.]ts$',
      `${gateway}/pages/`,
      http,
    ]),
    onlyFrom('openapi-only-at-the-edge', '@hono/zod-openapi', [
      'nexus-[a-z]+/src/routes/',
      'nexus-[a-z]+/src/(app|contract|main)[.]ts$',
      `${gateway}/schemas/`,
      http,
      brokerApi,
    ]),
    {
      name: 'one-route-folder',
      severity: 'error',
      comment: 'A route folder may not import another; what both need stands directly in routes/.',
      from: { path: '(nexus-[a-z]+)/src/routes/([^/]+)/', pathNot: testCode },
      to: { path: 'nexus-[a-z]+/src/routes/[^/]+/', pathNot: '$1/src/routes/$2/' },
    },
    {
      name: 'no-foreign-service',
      severity: 'error',
      comment: 'No workspace imports a service; repo-tools and test/ use its exports for tools and tests.',
      from: { path: '(nexus-[a-z]+|packages/[a-z-]+|test)/', pathNot: 'node_modules/' },
      to: {
        path: 'nexus-[a-z]+/(src|dist)/',
        pathNot: [
          '$1/',
          'nexus-[a-z]+/(src|dist)/(testing|contract|config|audit-events|domain/audit-event|main|reference|manifest/schema)[./]',
        ],
      },
    },
    {
      name: 'service-exports-only-for-tools',
      severity: 'error',
      comment: 'The tool and test exports of a service are for repo-tools and test/ alone.',
      from: { path: '(nexus-[a-z]+|packages/[a-z-]+)/', pathNot: ['packages/repo-tools/', 'node_modules/'] },
      to: { path: 'nexus-[a-z]+/(src|dist)/', pathNot: '$1/' },
    },
    {
      name: 'testkit-only-in-tests',
      severity: 'error',
      comment: 'The testkit scripts providers and databases; running code must not reach it.',
      from: { pathNot: [testCode, '^test/', 'packages/testkit/', 'node_modules/'] },
      to: { path: 'packages/testkit/' },
    },
  ],
  options: {
    doNotFollow: { path: 'node_modules' },
    exclude: { path: '(^|/)(dist|coverage)/' },
    tsPreCompilationDeps: true,
    combinedDependencies: false,
    enhancedResolveOptions: {
      exportsFields: ['exports'],
      conditionNames: ['nexus-source', 'types', 'import', 'node', 'default'],
      extensions: ['.ts', '.mjs', '.js', '.json', '.d.ts'],
    },
    tsConfig: { fileName: 'tsconfig.base.json' },
  },
};
