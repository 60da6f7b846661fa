import { expandTemplate, templateMistakes } from '#libs/identity-providers/templates.js';

type Fields = Readonly<Record<string, unknown>>;

export const isRecord = (value: unknown): value is Fields =>
  typeof value === 'object' && value !== null && !Array.isArray(value);

interface Templated {
  readonly file: unknown;
  readonly mistakes: readonly { readonly path: readonly PropertyKey[]; readonly message: string }[];
}

/**
 * Puts the templates that identity providers name (`template: entra`, `parameters: { tenant: … }`) under what is
 * declared of them, and what a template says of linking under the policies of the organizations that offer them. What
 * has another shape than expected is left for the schema.
 */
export const withTemplates = (file: unknown): Templated => {
  if (!isRecord(file) || !Array.isArray(file.identityProviders)) return { file, mistakes: [] };
  const policies = new Map<unknown, Fields>();
  const mistakes: { path: readonly PropertyKey[]; message: string }[] = [];
  const identityProviders = (file.identityProviders as unknown[]).map((declared, i) => {
    if (!isRecord(declared) || declared.template === undefined) return declared;
    const { template, parameters = {}, ...own } = declared;
    const given = isRecord(parameters) ? parameters : {};
    const found = templateMistakes(String(template), given);
    mistakes.push(...found.map(({ path, message }) => ({ path: ['identityProviders', i, ...path], message })));
    if (found.length > 0) return own;
    const { settings, linkingPolicy } = expandTemplate(String(template), given as Record<string, string>);
    policies.set(declared.id, linkingPolicy);
    return { ...settings, ...own };
  });
  return { file: { ...file, identityProviders, ...organizationsOver(policies, file.organizations) }, mistakes };
};

const organizationsOver = (
  policies: ReadonlyMap<unknown, Fields>,
  organizations: unknown,
): { readonly organizations?: unknown } => {
  if (!Array.isArray(organizations)) return {};
  const under = (offered: unknown): unknown => {
    if (!isRecord(offered) || !(offered.policy === undefined || isRecord(offered.policy))) return offered;
    return { ...offered, policy: { ...policies.get(offered.id), ...offered.policy } };
  };
  return {
    organizations: (organizations as unknown[]).map((organization) =>
      isRecord(organization) && Array.isArray(organization.identityProviders)
        ? { ...organization, identityProviders: (organization.identityProviders as unknown[]).map(under) }
        : organization,
    ),
  };
};
