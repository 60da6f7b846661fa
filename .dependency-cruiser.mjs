/**
 * The import rules of the architecture (docs/decisions/0006-published-language.md says what a context shows to others).
 * Run by `npm run architecture`.
 */
const TEST = '\\.spec\\.tsx?$';
const EXEMPT = '^apps/demo/';
const INFRASTRUCTURE =
  'event-store|event-catalog|privacy|platform|projection-engine|web|embedded-postgres|mail|throttling';
/**
 * What a context shows to the others: the top of its folder, its queries, its command messages, and (of users) the claim
 * protocol. Its other folders are its own.
 */
const SHOWN = '^libs/[^/]+/[^/]+$|^libs/[^/]+/queries/|\\.command\\.ts$|^libs/users/claims/[^/]+$';

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
        path: '^libs/[^/]+/(events|state|decide|assurance|credentials|claim|login-via-idp|external-identity|linking-policy|restriction)\\.ts$',
        pathNot: `^libs/(${INFRASTRUCTURE})/`,
      },
      to: {
        path: '^node_modules/|^libs/|^(fs|net|http|https|crypto|timers)',
        pathNot:
          '^node_modules/zod/|^libs/event-store/(event-definition|command-execution|stream-name)\\.ts$|^libs/privacy/index-key\\.ts$|^libs/platform/(slug|secure-url)\\.ts$|^libs/[^/]+/(events|state|decide|assurance|credentials|claim|login-via-idp|settings|linking-policy|verified-assertion|link-events|external-identity-stream|restriction|streams)\\.ts$',
        dependencyTypesNot: ['type-only'],
      },
    },
    {
      name: 'contexts-do-not-circle',
      comment: 'Contexts depend on each other in one direction.',
      severity: 'error',
      scope: 'folder',
      from: { path: '^(libs|projections)/[^/]+$' },
      to: { path: '^(libs|projections)/[^/]+$', circular: true },
    },
    {
      name: 'contexts-by-what-they-show',
      comment: 'A context imports what stands at the top of another one, its queries and its command messages.',
      severity: 'error',
      from: {
        path: '^libs/([^/]+)/',
        pathNot: `${EXEMPT}|^libs/(${INFRASTRUCTURE}|declared-configuration|installation|process-managers|administration)/`,
      },
      to: { path: '^libs/', pathNot: `^libs/$1/|^libs/(${INFRASTRUCTURE})/|${SHOWN}` },
    },
    {
      name: 'tables-are-a-contexts-own',
      severity: 'error',
      from: {
        path: '^libs/([^/]+)/',
        pathNot: `${EXEMPT}|^libs/(${INFRASTRUCTURE}|installation)/`,
      },
      to: {
        path: '\\.postgres\\.ts$',
        pathNot: `^libs/$1/|^libs/(${INFRASTRUCTURE})/`,
        dependencyTypesNot: ['type-only'],
      },
    },
    {
      name: 'infrastructure-knows-no-context',
      severity: 'error',
      from: { path: '^libs/(event-store|privacy|platform|projection-engine|web|embedded-postgres)/' },
      to: { path: '^libs/', pathNot: '^libs/(event-store|privacy|platform|projection-engine|web|embedded-postgres)/' },
    },
    {
      name: 'projections-import-events-and-the-engine',
      severity: 'error',
      from: { path: '^projections/' },
      to: {
        path: '^(libs|apps)/',
        pathNot: '^libs/[^/]+/(link-)?events\\.ts$|^libs/(event-store|event-catalog|projection-engine|platform)/',
      },
    },
    {
      name: 'projection-handlers-are-for-the-projector',
      severity: 'error',
      from: { path: '^libs/' },
      to: { path: '^projections/', pathNot: 'read-models?\\.ts$' },
    },
    {
      name: 'apps-are-imported-by-nobody',
      severity: 'error',
      from: { path: '^(libs|projections)/' },
      to: { path: '^apps/' },
    },
    {
      name: 'apps-do-not-import-each-other',
      severity: 'error',
      from: { path: '^apps/([^/]+)/' },
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
    // Tests go everywhere.
    exclude: { path: `${TEST}|^(test-support|bench)/` },
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
