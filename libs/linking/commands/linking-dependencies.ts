import type { CreateUserDependencies } from '#libs/users/create-user.js';

/** What the linking commands need from outside. Injected into their handlers under this token. */
export const LINKING_DEPENDENCIES = Symbol('LinkingDependencies');

export type LinkingDependencies = CreateUserDependencies;
