import { LineCounter, parseDocument } from 'yaml';
import type { Document } from 'yaml';
import { z } from 'zod';
import { oidcProviderShape } from '#libs/identity-providers/settings.js';
import { linkingPolicySchema } from '#libs/linking/policy.js';
import { loginPolicySchema } from '#libs/organizations/events.js';
import { organizationSettingsSchema } from '#libs/organizations/settings.js';
import { slugSchema } from '#libs/platform/slug.js';
import { interpolate, UnsetVariablesError } from './interpolate.js';
import { checkRelyingParty, clientIdSchema, relyingPartyShape } from '#libs/relying-parties/settings.js';

/** A secret is never written into the file: it is named. */
const secretReferenceSchema = z.strictObject({ env: z.string().regex(/^[A-Z][A-Z0-9_]*$/, 'must name an environment variable') });

const { organizationId: _organizationId, ...relyingPartyFields } = relyingPartyShape;

/** What every organization of the file begins with; each may say otherwise, setting by setting. */
const defaultsSchema = z.strictObject({
  loginPolicy: loginPolicySchema.partial().default({}),
  linkingPolicy: linkingPolicySchema.partial().default({}),
});

/** The file that `ligature config apply` reads. */
const fileSchema = z.strictObject({
  defaults: defaultsSchema.prefault({}),
  organizations: z.array(organizationSettingsSchema).default([]),
  identityProviders: z
    .array(
      z.strictObject({
        id: slugSchema,
        ...oidcProviderShape,
        clientSecret: secretReferenceSchema.optional(),
        active: z.boolean().default(true),
      }),
    )
    .default([]),
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
  readonly organizations: File['organizations'];
  readonly identityProviders: readonly (Omit<File['identityProviders'][number], 'clientSecret'> & { readonly clientSecret?: string })[];
  readonly relyingParties: readonly (Omit<File['relyingParties'][number], 'clientSecret'> & { readonly clientSecret?: string })[];
}

/** The file cannot be applied; every mistake is named at once, with its line. Nothing was changed. */
export class DeclarationError extends Error {
  readonly code = 'configuration_file_invalid';
  constructor(readonly mistakes: readonly string[]) {
    super(`The configuration file cannot be applied; nothing was changed:\n${mistakes.map((mistake) => `  - ${mistake}`).join('\n')}`);
  }
}

/** Parses and checks a configuration file. @throws {DeclarationError} */
export const parseDeclaration = (text: string, environment: NodeJS.ProcessEnv): Declaration => {
  const lines = new LineCounter();
  const document = parseDocument(interpolated(text, environment), { lineCounter: lines });
  if (document.errors.length > 0)
    throw new DeclarationError(document.errors.map((error) => `line ${error.linePos?.[0].line}: ${error.message.split('\n')[0]}`));
  const lineOf = lineFinder(document, lines);
  const parsed = fileSchema.safeParse(withDefaults(document.toJS() ?? {}));
  if (!parsed.success) {
    throw new DeclarationError(parsed.error.issues.map((issue) => `line ${lineOf(issue.path)}: ${issue.path.join('.')}: ${issue.message}`));
  }
  const mistakes = [...unknownReferences(parsed.data, lineOf), ...duplicates(parsed.data, lineOf)];
  const withSecret = <T extends { clientSecret?: { env: string } | undefined }>(
    declared: T,
    path: PropertyKey[],
  ): Omit<T, 'clientSecret'> & { clientSecret?: string } => {
    const { clientSecret, ...rest } = declared;
    if (!clientSecret) return rest;
    const secret = environment[clientSecret.env];
    if (!secret) mistakes.push(`line ${lineOf([...path, 'clientSecret'])}: the environment variable ${clientSecret.env} is not set`);
    return { ...rest, clientSecret: secret ?? '' };
  };
  const declaration: Declaration = {
    organizations: parsed.data.organizations,
    identityProviders: parsed.data.identityProviders.map((provider, i) => withSecret(provider, ['identityProviders', i])),
    relyingParties: parsed.data.relyingParties.map((party, i) => withSecret(party, ['relyingParties', i])),
  };
  if (mistakes.length > 0) throw new DeclarationError(mistakes);
  return declaration;
};

/** Puts the file's defaults under what its organizations say. What has another shape than expected is left for the schema to refuse. */
const withDefaults = (file: unknown): unknown => {
  const isRecord = (value: unknown): value is Record<string, unknown> =>
    typeof value === 'object' && value !== null && !Array.isArray(value);
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
    ids.flatMap((id, i) => (ids.indexOf(id) < i ? `line ${lineOf([section, i])}: ${id} is declared twice under ${section}` : []));
  return [
    ...file.organizations.flatMap(({ id, identityProviders }, i) =>
      identityProviders.flatMap((offered, j) =>
        identityProviders.findIndex((other) => other.id === offered.id) < j
          ? [`line ${lineOf(['organizations', i, 'identityProviders', j])}: organization ${id} offers ${offered.id} twice`]
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
