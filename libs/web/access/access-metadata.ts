import { SetMetadata } from '@nestjs/common';

/** Who may call a route. Every route declares it. */
export type Access =
  | { readonly kind: 'public' }
  /** A client with an access token of ours that has this scope. */
  | { readonly kind: 'permission'; readonly permission: string }
  /** A user with a browser session; a form needs the token that was issued with it. */
  | { readonly kind: 'account_session' }
  /** A user with a browser session and this role in their organization. */
  | { readonly kind: 'role'; readonly role: string };

export const ACCESS = Symbol('Access');

export const declareAccess = (access: Access): MethodDecorator & ClassDecorator => SetMetadata(ACCESS, access);
