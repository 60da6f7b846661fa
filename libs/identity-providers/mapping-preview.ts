import { mappedClaims } from './mapped-claims.js';
import { subjectOf } from './oidc/subject.js';
import type { IdentityProviderSettings } from './settings.js';
import { UpstreamError } from './upstream-error.js';

/** What would be taken over of what a provider says of somebody, and what would be left. */
export interface MappingPreview {
  /** Whom it names; or why nobody. */
  readonly subject: string;
  readonly claims: Readonly<Record<string, string | boolean>>;
  readonly leftOut: readonly string[];
}

/** @param said the claims of an id_token, the object of a user API, or SAML attributes by name, each with one value */
export const previewMapping = (
  settings: IdentityProviderSettings,
  said: Readonly<Record<string, unknown>>,
): MappingPreview => {
  const { mapping, subjectNames } = mappingOf(settings);
  const verifiedBy = settings.kind === 'oidc' ? settings.claimMapping.emailVerified : undefined;
  const taken = new Set([...Object.values(mapping), ...subjectNames, verifiedBy]);
  return {
    subject: subjectIn(settings, said),
    claims: {
      ...mappedClaims(mapping, said),
      emailVerified:
        settings.kind === 'saml' ? settings.emailsVerified : verifiedBy !== undefined && said[verifiedBy] === true,
    },
    leftOut: Object.keys(said).filter((name) => !taken.has(name)),
  };
};

const mappingOf = (
  settings: IdentityProviderSettings,
): { readonly mapping: Parameters<typeof mappedClaims>[0]; readonly subjectNames: readonly string[] } => {
  switch (settings.kind) {
    case 'oidc': {
      const { emailVerified: _verified, ...mapping } = settings.claimMapping;
      return { mapping, subjectNames: settings.subjectClaims };
    }
    case 'oauth2':
      return { mapping: settings.fieldMapping, subjectNames: [settings.subjectField] };
    case 'saml':
      return {
        mapping: settings.attributeMapping,
        subjectNames: settings.identifier.from === 'attribute' ? [settings.identifier.name] : [],
      };
  }
};

const subjectIn = (settings: IdentityProviderSettings, said: Readonly<Record<string, unknown>>): string => {
  switch (settings.kind) {
    case 'oidc':
      try {
        return subjectOf(settings, typeof said.sub === 'string' ? said.sub : '(no sub)', said).subject;
      } catch (error) {
        if (error instanceof UpstreamError) return `nobody: ${error.message}`;
        throw error;
      }
    case 'oauth2':
      return `${settings.subjectField} ${JSON.stringify(said[settings.subjectField] ?? null)}`;
    case 'saml':
      return settings.identifier.from === 'attribute'
        ? `${settings.identifier.name} ${JSON.stringify(said[settings.identifier.name] ?? null)}`
        : 'the NameID';
  }
};
