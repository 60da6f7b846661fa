import { LineCounter, parseDocument } from 'yaml';
import type { Document } from 'yaml';
import { z } from 'zod';
import { oauth2ProviderSecrets, oauth2ProviderSettingsSchema } from '#libs/identity-providers/oauth2/settings.js';
import { oidcProviderSecrets, oidcProviderSettingsSchema } from '#libs/identity-providers/oidc/settings.js';
import { samlProviderSecrets, samlProviderSettingsSchema } from '#libs/identity-providers/saml/settings.js';
import { secretNames } from '#libs/identity-providers/settings.js';
import type { DeclaredIdentityProvider } from '#libs/identity-providers/decide.js';
import type { IdentityProviderSettings } from '#libs/identity-providers/settings.js';
import { linkingPolicySchema } from '#libs/organizations/linking-policy.js';
import { loginPolicySchema } from '#libs/organizations/events.js';
import { organizationSettingsSchema } from '#libs/organizations/settings.js';
import { slugSchema } from '#libs/platform/slug.js';
import { interpolate, UnsetVariablesError } from './interpolate.js';
import { isRecord, withTemplates } from './with-templates.js';
import { unfitPath } from '#libs/platform/text.js';
import { checkRelyingParty, clientIdSchema, relyingPartyShape } from '#libs/relying-parties/settings.js';

/** A secret is never written into the file: it is named. */
const secretReferenceSchema = z.strictObject({
  env: z.string().regex(/^[A-Z][A-Z0-9_]*$/, 'must name an environment variable'),
});

const { organizationId: _organizationId, ...relyingPartyFields } = relyingPartyShape;

/** What every organization of the file begins with; each may say otherwise, setting by setting. */
const defaultsSchema = z.strictObject({
  loginPolicy: loginPolicySchema.partial().default({}),
  linkingPolicy: linkingPolicySchema.partial().default({}),
});

const references = <Secrets extends object>(secrets: Secrets) =>
  Object.fromEntries(Object.keys(secrets).map((name) => [name, secretReferenceSchema.optional()])) as {
    readonly [Name in keyof Secrets]: z.ZodOptional<typeof secretReferenceSchema>;
  };
const active = z.boolean().default(true);

/**
 * An identity provider as the file declares it: its settings, with secrets named, and whether people may sign in
 * through it.
 */
const declaredProviderSchema = z.discriminatedUnion('kind', [
  oidcProviderSettingsSchema.extend({ ...references(oidcProviderSecrets), active }),
  oauth2ProviderSettingsSchema.extend({ ...references(oauth2ProviderSecrets), active }),
  samlProviderSettingsSchema.extend({ ...references(samlProviderSecrets), active }),
]);

/** The file that `ligature config apply` reads. */
const fileSchema = z.strictObject({
  defaults: defaultsSchema.prefault({}),
  organizations: z.array(organizationSettingsSchema).default([]),
  identityProviders: z.array(declaredProviderSchema).default([]),
  relyingParties: z
    .array(
      z
        .strictObject({
          clientId: clientIdSchema,
          organization: slugSchema,
          ...relyingPartyFields,
          clientSecret: secretReferenceSchema.optional(),
        })
        .superRefine(checkRelyingParty),
    )
    .default([]),
});
type File = z.output<typeof fileSchema>;

/** What a file declares, secrets resolved. */
export interface Declaration {
  /** The file's line of a value, for mistakes that are found later. */
  readonly lineOf: LineOf;
  readonly organizations: File['organizations'];
  readonly identityProviders: readonly DeclaredIdentityProvider[];
  readonly relyingParties: readonly (Omit<File['relyingParties'][number], 'clientSecret'> & {
    readonly clientSecret?: string;
  })[];
}

/** The file cannot be applied; every mistake is named at once, with its line. Nothing was changed. */
export class DeclarationError extends Error {
  readonly code = 'configuration_file_invalid';
  constructor(readonly mistakes: readonly string[]) {
    super(
      `The configuration file cannot be applied; nothing was changed:\n${mistakes.map((mistake) => `  - ${mistake}`).join('\n')}`,
    );
  }
}

/** Parses and checks a configuration file. @throws {DeclarationError} */
export const parseDeclaration = (text: string, environment: NodeJS.ProcessEnv): Declaration => {
  const lines = new LineCounter();
  const document = parseDocument(interpolated(text, environment), { lineCounter: lines });
  if (document.errors.length > 0)
    throw new DeclarationError(
      document.errors.map((error) => `line ${error.linePos?.[0].line}: ${error.message.split('\n')[0]}`),
    );
  const lineOf = lineFinder(document, lines);
  const unfit = unfitPath(document.toJS());
  if (unfit !== undefined)
    throw new DeclarationError([
      `line ${lineOf(unfit.split('.'))}: ${unfit}: contains characters that cannot be stored`,
    ]);
  const templated = withTemplates(document.toJS() ?? {});
  if (templated.mistakes.length > 0)
    throw new DeclarationError(
      templated.mistakes.map(({ path, message }) => `line ${lineOf(path)}: ${path.join('.')}: ${message}`),
    );
  const parsed = fileSchema.safeParse(withDefaults(templated.file));
  if (!parsed.success) {
    throw new DeclarationError(
      parsed.error.issues.map((issue) => `line ${lineOf(issue.path)}: ${issue.path.join('.')}: ${issue.message}`),
    );
  }
  const mistakes = [
    ...unknownReferences(parsed.data, lineOf),
    ...unknownAcrValues(parsed.data, lineOf),
    ...duplicates(parsed.data, lineOf),
  ];
  /** A secret's value; one that is not set is a mistake. */
  const secretAt = (path: PropertyKey[], { env }: z.output<typeof secretReferenceSchema>): string => {
    const secret = environment[env];
    if (!secret) mistakes.push(`line ${lineOf(path)}: the environment variable ${env} is not set`);
    return secret ?? '';
  };
  const providerOf = (
    { active, ...declared }: File['identityProviders'][number],
    i: number,
  ): DeclaredIdentityProvider => {
    const resolved = Object.entries(declared).map(([name, value]) => [
      name,
      (secretNames as readonly string[]).includes(name) && value !== undefined
        ? secretAt(['identityProviders', i, name], secretReferenceSchema.parse(value))
        : (value as unknown),
    ]);
    return { active, settings: Object.fromEntries(resolved) as IdentityProviderSettings };
  };
  const declaration: Declaration = {
    lineOf,
    organizations: parsed.data.organizations,
    identityProviders: parsed.data.identityProviders.map(providerOf),
    relyingParties: parsed.data.relyingParties.map(({ clientSecret, ...party }, i) => ({
      ...party,
      ...(clientSecret ? { clientSecret: secretAt(['relyingParties', i, 'clientSecret'], clientSecret) } : {}),
    })),
  };
  if (mistakes.length > 0) throw new DeclarationError(mistakes);
  return declaration;
};

/**
 * Puts the file's defaults under what its organizations say. What has another shape than expected is left for the
 * schema to refuse.
 */
const withDefaults = (file: unknown): unknown => {
  if (!isRecord(file) || !isRecord(file.defaults) || !Array.isArray(file.organizations)) return file;
  const { loginPolicy, linkingPolicy } = file.defaults;
  const over = (base: unknown, own: unknown): unknown =>
    isRecord(base) && (own === undefined || isRecord(own)) ? { ...base, ...own } : own;
  const organizations = (file.organizations as unknown[]).map((organization) => {
    if (!isRecord(organization)) return organization;
    const identityProviders = Array.isArray(organization.identityProviders)
      ? (organization.identityProviders as unknown[]).map((offered) =>
          isRecord(offered) ? { ...offered, policy: over(linkingPolicy, offered.policy) } : offered,
        )
      : organization.identityProviders;
    return {
      ...organization,
      loginPolicy: over(loginPolicy, organization.loginPolicy),
      ...(identityProviders === undefined ? {} : { identityProviders }),
    };
  });
  return { ...file, organizations };
};

type LineOf = (path: readonly PropertyKey[]) => number;

const interpolated = (text: string, environment: NodeJS.ProcessEnv): string => {
  try {
    return interpolate(text, environment);
  } catch (error) {
    if (error instanceof UnsetVariablesError)
      throw new DeclarationError(error.names.map((name) => `the environment variable ${name} is not set`));
    throw error;
  }
};

/** The line of a value, or of the nearest thing around it that is there. */
const lineFinder =
  (document: Document, lines: LineCounter): LineOf =>
  (path) => {
    for (let length = path.length; length >= 0; length -= 1) {
      const node = document.getIn(path.slice(0, length), true) as { range?: [number, number, number] } | undefined;
      if (node?.range) return lines.linePos(node.range[0]).line;
    }
    return 1;
  };

/** What a provider grants has a place among the organization's classes: an unknown one could not be compared. */
const unknownAcrValues = (file: File, lineOf: LineOf): string[] =>
  file.organizations.flatMap(({ id, loginPolicy, identityProviders }, i) =>
    identityProviders.flatMap(({ id: providerId, policy: { grantsAcr } }, j) =>
      grantsAcr === undefined || loginPolicy.acrValues?.includes(grantsAcr)
        ? []
        : `line ${lineOf(['organizations', i, 'identityProviders', j, 'policy', 'grantsAcr'])}: ${providerId} grants ${grantsAcr}, which is not among the loginPolicy.acrValues of organization ${id}`,
    ),
  );

const unknownReferences = (file: File, lineOf: LineOf): string[] => {
  const providers = new Set(file.identityProviders.map(({ id }) => id));
  const organizations = new Set(file.organizations.map(({ id }) => id));
  return [
    ...file.organizations.flatMap(({ id, identityProviders }, i) =>
      identityProviders.flatMap((offered, j) =>
        providers.has(offered.id)
          ? []
          : `line ${lineOf(['organizations', i, 'identityProviders', j, 'id'])}: organization ${id} offers ${offered.id}, which is not declared under identityProviders`,
      ),
    ),
    ...file.relyingParties.flatMap(({ clientId, organization, organizations: others }, i) =>
      [organization, ...others]
        .filter((id) => !organizations.has(id))
        .map(
          (id) =>
            `line ${lineOf(['relyingParties', i, 'organization'])}: ${clientId} belongs to ${id}, which is not declared under organizations`,
        ),
    ),
  ];
};

const duplicates = (file: File, lineOf: LineOf): string[] => {
  const of = (section: 'organizations' | 'identityProviders' | 'relyingParties', ids: readonly string[]): string[] =>
    ids.flatMap((id, i) =>
      ids.indexOf(id) < i ? `line ${lineOf([section, i])}: ${id} is declared twice under ${section}` : [],
    );
  return [
    ...file.organizations.flatMap(({ id, identityProviders }, i) =>
      identityProviders.flatMap((offered, j) =>
        identityProviders.findIndex((other) => other.id === offered.id) < j
          ? [
              `line ${lineOf(['organizations', i, 'identityProviders', j])}: organization ${id} offers ${offered.id} twice`,
            ]
          : [],
      ),
    ),
    ...of(
      'organizations',
      file.organizations.map(({ id }) => id),
    ),
    ...of(
      'identityProviders',
      file.identityProviders.map(({ id }) => id),
    ),
    ...of(
      'relyingParties',
      file.relyingParties.map(({ clientId }) => clientId),
    ),
  ];
};
