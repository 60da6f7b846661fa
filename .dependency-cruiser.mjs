/**
 * The import rules of the architecture (docs/decisions/0006-published-language.md says what a context shows to others).
 * Run by `npm run architecture`.
 */
const TEST = '\\.spec\\.tsx?$';
const EXEMPT = `^(apps/demo|test-support|bench)/|${TEST}`;
const INFRASTRUCTURE =
  'event-store|event-catalog|privacy|platform|projection-engine|web|embedded-postgres|mail|throttling';
/**
 * What a context shows to the others: its events, its values, its queries and its command messages; never its handlers
 * or tables.
 */
const PUBLISHED =
  '(events|streams|settings|policy|history)\\.ts$|/queries/|\\.command\\.ts$|/verified-assertion\\.ts$|/login-via-idp\\.ts$' +
  '|^libs/accounts/(state|decide|assurance|credentials|create-user|execute-on-account|email-address|username|passwords|password-policy|account-mail|mail-tokens\\.postgres|pending-addresses\\.postgres)\\.ts$' +
  '|^libs/claims/(claim|claimable|claims|held-by)\\.ts$';

const only = (name, comment, pathNot, to) => ({
  name,
  comment,
  severity: 'error',
  from: { pathNot: `${EXEMPT}|${pathNot}` },
  to: { path: to },
});

export default {
  forbidden: [
    {
      name: 'no-circular',
      severity: 'error',
      from: {},
      to: { circular: true, viaOnly: { dependencyTypesNot: ['type-only'] } },
    },
    {
      name: 'pure-deciders',
      comment:
        'Events, state and deciders import no framework, no I/O, no clock, no random: time and ids come in with the command.',
      severity: 'error',
      from: {
        path: '^libs/[^/]+/(events|state|decide|assurance|credentials|claim|login-via-idp|external-identity|policy|restriction)\\.ts$',
        pathNot: `^libs/(${INFRASTRUCTURE})/`,
      },
      to: {
        path: '^node_modules/|^libs/|^(fs|net|http|https|crypto|timers)',
        pathNot:
          '^node_modules/zod/|^libs/event-store/(event-definition|command-execution|stream-name)\\.ts$|^libs/privacy/index-key\\.ts$|^libs/platform/(slug|secure-url)\\.ts$|^libs/[^/]+/(events|state|decide|assurance|credentials|claim|login-via-idp|settings|policy|restriction|streams)\\.ts$',
        dependencyTypesNot: ['type-only'],
      },
    },
    {
      name: 'contexts-by-their-published-language',
      comment:
        'A context imports another one’s events, values, queries and command messages, never its handlers or tables.',
      severity: 'error',
      from: {
        path: '^libs/([^/]+)/',
        pathNot: `${EXEMPT}|^libs/(${INFRASTRUCTURE}|account-pages|declared-configuration|installation|process-managers|administration)/`,
      },
      to: { path: '^libs/', pathNot: `^libs/$1/|^libs/(${INFRASTRUCTURE})/|${PUBLISHED}` },
    },
    {
      name: 'infrastructure-knows-no-context',
      severity: 'error',
      from: { path: '^libs/(event-store|privacy|platform|projection-engine|web|embedded-postgres)/', pathNot: TEST },
      to: { path: '^libs/', pathNot: '^libs/(event-store|privacy|platform|projection-engine|web|embedded-postgres)/' },
    },
    {
      name: 'projections-import-events-and-the-engine',
      severity: 'error',
      from: { path: '^projections/', pathNot: TEST },
      to: {
        path: '^(libs|apps)/',
        pathNot: '^libs/[^/]+/events\\.ts$|^libs/audit/facets\\.ts$|^libs/(event-store|projection-engine|platform)/',
      },
    },
    {
      name: 'projection-handlers-are-for-the-projector',
      severity: 'error',
      from: { path: '^libs/', pathNot: TEST },
      to: { path: '^projections/', pathNot: 'read-models?\\.ts$' },
    },
    {
      name: 'apps-are-imported-by-nobody',
      severity: 'error',
      from: { path: '^(libs|projections)/', pathNot: TEST },
      to: { path: '^apps/' },
    },
    {
      name: 'apps-do-not-import-each-other',
      severity: 'error',
      from: { path: '^apps/([^/]+)/', pathNot: TEST },
      to: { path: '^apps/', pathNot: '^apps/$1/' },
    },
    only(
      'db-client-in-event-store',
      'Only libs/event-store talks to EventStoreDB.',
      '^libs/event-store/|^apps/event-store/contract/',
      '^node_modules/@eventstore/db-client/dist',
    ),
    only(
      'db-client-stubs-in-the-node',
      'The node uses the client’s generated stubs; so does what moves logs byte by byte.',
      '^apps/event-store/|^libs/event-store/raw-store\\.ts$',
      '^node_modules/@eventstore/db-client/generated',
    ),
    only(
      'pg-in-its-places',
      'SQL drivers only where SQL is.',
      '^libs/platform/postgres/|\\.postgres\\.ts$|^apps/event-store/|^projections/|^libs/embedded-postgres/',
      '^node_modules/pg/',
    ),
    only(
      'typeorm-in-projections',
      'Entities map read models, nothing else.',
      '^projections/',
      '^node_modules/typeorm/',
    ),
    only(
      'passport-in-identity-providers',
      '',
      '^libs/identity-providers/',
      '^node_modules/(passport|passport-openidconnect|@node-saml/passport-saml)/',
    ),
    only('oidc-provider-in-openid-provider', '', '^libs/openid-provider/', '^node_modules/oidc-provider/'),
    {
      name: 'cqrs-for-dispatch-only',
      comment:
        'docs/decisions/0002-cqrs-for-dispatch-only.md: CommandBus and QueryBus; EventBus, sagas and aggregate roots lose events.',
      severity: 'error',
      from: {
        path: '^(libs|apps|projections)/',
        pathNot: '\\.module\\.ts$|\\.command\\.ts$|\\.controller\\.tsx?$|^libs/[^/]+/pages/|^apps/identity/|\\.spec\\.',
      },
      to: { path: '^node_modules/@nestjs/cqrs/' },
    },
  ],
  options: {
    doNotFollow: { path: 'node_modules' },
    tsConfig: { fileName: 'tsconfig.json' },
    tsPreCompilationDeps: true,
    webpackConfig: { fileName: 'scripts/dependency-cruiser.resolve.cjs' },
    enhancedResolveOptions: {
      exportsFields: ['exports'],
      conditionNames: ['import', 'types'],
      extensions: ['.ts', '.tsx', '.js', '.mjs', '.json'],
    },
  },
};
