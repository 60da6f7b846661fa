import type { LinkingPolicy } from '#libs/organizations/linking-policy.js';

/** What a template needs to be told: what it may look like, and what it is. */
export interface TemplateParameter {
  readonly pattern: RegExp;
  readonly description: string;
}

/**
 * Settings that fit a well-known provider, to begin with: data, no code. Whatever a declaration says itself stands over
 * them. `{name}` in a text is the parameter of that name.
 */
export interface ProviderTemplate {
  readonly parameters: Readonly<Record<string, TemplateParameter>>;
  readonly settings: Readonly<Record<string, unknown>>;
  /**
   * What may be believed of this provider where accounts are linked: the defaults of the organizations that offer it.
   */
  readonly linkingPolicy: Partial<LinkingPolicy>;
  /** Why the two are what they are, with the provider's own words for it. */
  readonly why: string;
}

const HOST = /^[a-z0-9](?:[a-z0-9.-]{0,250}[a-z0-9])?(?::\d{1,5})?$/;
const DOMAIN = { pattern: /^[a-z0-9](?:[a-z0-9-]*\.)+[a-z]{2,}$/, description: 'a domain, such as example.org' };
const OPENID = { kind: 'oidc', scopes: ['openid', 'profile', 'email'] } as const;
/** What a provider does not document is not asked for. */
const NO_REAUTHENTICATION = { prompt: false, maxAge: false, acrValues: false } as const;

export const providerTemplates: Readonly<Record<string, ProviderTemplate>> = {
  google: {
    parameters: {},
    settings: {
      ...OPENID,
      displayName: 'Google',
      issuer: 'https://accounts.google.com',
      idTokenSigningAlgs: ['RS256'],
      reauthentication: NO_REAUTHENTICATION,
    },
    linkingPolicy: { emailTrustedDomains: ['gmail.com', 'googlemail.com'] },
    why:
      'Google is authoritative for its own mail domains; any other verified address was verified once and may have ' +
      'gone to somebody else since. Google does not support requests for re-authentication, and returns auth_time ' +
      'only to apps with "session age claims".',
  },
  'google-workspace': {
    parameters: { domain: DOMAIN },
    settings: {
      ...OPENID,
      displayName: 'Google Workspace',
      issuer: 'https://accounts.google.com',
      idTokenSigningAlgs: ['RS256'],
      reauthentication: NO_REAUTHENTICATION,
      requiredClaims: { hd: '{domain}' },
    },
    linkingPolicy: { emailTrustedDomains: ['{domain}'] },
    why: 'The claim hd names the organization that the account belongs to; an address alone does not.',
  },
  entra: {
    parameters: {
      tenant: {
        pattern: /^[0-9a-f]{8}-(?:[0-9a-f]{4}-){3}[0-9a-f]{12}$/,
        description: 'the directory (tenant) id, a GUID; common, organizations and consumers would let every tenant in',
      },
    },
    settings: {
      ...OPENID,
      displayName: 'Microsoft',
      issuer: 'https://login.microsoftonline.com/{tenant}/v2.0',
      idTokenSigningAlgs: ['RS256'],
      // It documents prompt=login, and neither max_age nor acr_values.
      reauthentication: { prompt: true, maxAge: false, acrValues: false },
      // sub is another one for each app; tid and oid name the person for good.
      subjectClaims: ['tid', 'oid'],
      requiredClaims: { tid: '{tenant}' },
    },
    linkingPolicy: { emailTrustedDomains: [] },
    why:
      'A tenant’s administrator can set any address, unverified ("nOAuth"): no address is believed. auth_time is an ' +
      'optional claim: add it to the ID token of the app registration, or no re-authentication is proven.',
  },
  apple: {
    parameters: {
      teamId: { pattern: /^[A-Z0-9]{10}$/, description: 'the team id of the developer account' },
      keyId: {
        pattern: /^[A-Z0-9]{10}$/,
        description: 'the id of the key for Sign in with Apple; the key itself is clientSecretKey',
      },
    },
    settings: {
      kind: 'oidc',
      displayName: 'Apple',
      issuer: 'https://appleid.apple.com',
      scopes: ['openid', 'name', 'email'],
      idTokenSigningAlgs: ['RS256'],
      responseMode: 'form_post',
      reauthentication: NO_REAUTHENTICATION,
      clientSecretJwt: { teamId: '{teamId}', keyId: '{keyId}' },
    },
    linkingPolicy: { emailTrustedDomains: ['privaterelay.appleid.com', 'icloud.com'] },
    why: 'Names and addresses come by a posted form only; the name in it is not signed and is left out. Addresses of its own domains are Apple’s to give.',
  },
  github: {
    parameters: {},
    settings: {
      kind: 'oauth2',
      displayName: 'GitHub',
      issuer: 'https://github.com',
      authorizationEndpoint: 'https://github.com/login/oauth/authorize',
      tokenEndpoint: 'https://github.com/login/oauth/access_token',
      userEndpoint: 'https://api.github.com/user',
      emailsEndpoint: 'https://api.github.com/user/emails',
      scopes: ['read:user', 'user:email'],
      subjectField: 'id',
      fieldMapping: { preferredUsername: 'login', name: 'name' },
    },
    linkingPolicy: { emailTrustedDomains: [] },
    why: 'The id never changes; a login name can be given up and taken by somebody else. GitHub verifies addresses once and gives out none.',
  },
  gitlab: {
    parameters: { host: { pattern: HOST, description: 'gitlab.com, or the host of your own' } },
    settings: {
      ...OPENID,
      displayName: 'GitLab',
      issuer: 'https://{host}',
      idTokenSigningAlgs: ['RS256'],
      // Its auth_time is the account's last sign-in on any device (User#current_sign_in_at): no proof for this one.
      reauthentication: { ...NO_REAUTHENTICATION, authTime: false },
    },
    linkingPolicy: { emailTrustedDomains: [] },
    why: 'GitLab verifies addresses once and gives out none. For a GitLab of your own, name the domains that it is authoritative for.',
  },
  okta: {
    parameters: { domain: { pattern: HOST, description: 'the Okta domain, such as example.okta.com' } },
    settings: { ...OPENID, displayName: 'Okta', issuer: 'https://{domain}', idTokenSigningAlgs: ['RS256'] },
    linkingPolicy: { emailTrustedDomains: [] },
    why: 'Addresses are what the directory’s administrators say: name the domains that it is authoritative for.',
  },
  oidc: {
    parameters: {},
    settings: { ...OPENID },
    linkingPolicy: { emailTrustedDomains: [] },
    why: 'Of a provider that nobody knows no address is believed.',
  },
  saml: {
    parameters: {},
    settings: { kind: 'saml', nameIdFormat: 'persistent' },
    linkingPolicy: { emailTrustedDomains: [] },
    why: 'SAML has no word for a verified address; a persistent NameID is the name that never changes.',
  },
};

/** What is wrong with the use of a template. */
export const templateMistakes = (
  name: string,
  parameters: Readonly<Record<string, unknown>>,
): readonly { readonly path: readonly string[]; readonly message: string }[] => {
  const template = templateNamed(name);
  if (!template)
    return [{ path: ['template'], message: `is not known; there are ${Object.keys(providerTemplates).join(', ')}` }];
  return [
    ...Object.entries(template.parameters).flatMap(([parameter, { pattern, description }]) => {
      const value = parameters[parameter];
      return typeof value === 'string' && pattern.test(value)
        ? []
        : [{ path: ['parameters', parameter], message: `must be ${description}` }];
    }),
    ...Object.keys(parameters)
      .filter((parameter) => !Object.hasOwn(template.parameters, parameter))
      .map((parameter) => ({ path: ['parameters', parameter], message: `is no parameter of ${name}` })),
  ];
};

/**
 * A template's settings and linking policy, parameters filled in. Only what {@link templateMistakes} has nothing to say
 * about.
 */
export const expandTemplate = (
  name: string,
  parameters: Readonly<Record<string, string>>,
): {
  readonly settings: Readonly<Record<string, unknown>>;
  readonly linkingPolicy: Readonly<Record<string, unknown>>;
} => {
  const { settings, linkingPolicy } = templateNamed(name) ?? { settings: {}, linkingPolicy: {} };
  const filled = (value: unknown): unknown => {
    if (typeof value === 'string')
      return value.replaceAll(/\{(\w+)\}/g, (whole, parameter: string) => parameters[parameter] ?? whole);
    if (Array.isArray(value)) return value.map(filled);
    return typeof value === 'object' && value !== null
      ? Object.fromEntries(Object.entries(value).map(([key, inner]) => [key, filled(inner)]))
      : value;
  };
  return {
    settings: filled(settings) as Record<string, unknown>,
    linkingPolicy: filled(linkingPolicy) as Record<string, unknown>,
  };
};

const templateNamed = (name: string): ProviderTemplate | undefined =>
  Object.hasOwn(providerTemplates, name) ? providerTemplates[name] : undefined;
