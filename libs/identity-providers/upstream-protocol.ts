import type { VerifiedAssertion } from './verified-assertion.js';
import type { AskedOfProvider } from './reauthentication.js';
import type { IdentityProviderSettings, ProviderKind, SettingsOf } from './settings.js';
import { UpstreamError } from './upstream-error.js';
import type { UpstreamStep } from './upstream-error.js';

export interface BeginRequest<Settings, Intent> {
  readonly settings: Settings;
  /** What the flow is for; kept in its one-shot row, opaque to the protocol. */
  readonly intent: Intent;
  readonly browserId: string;
  /** Where the provider sends the browser back to: the redirect URI, the assertion consumer service. */
  readonly callbackUrl: string;
  /** Have the person authenticate again, and have it proven: refused where the provider cannot. */
  readonly reauthenticate?: boolean;
  /** What is passed on where the provider honours it; what came of it the assertion says. */
  readonly asked?: AskedOfProvider;
}

export interface CompleteRequest<Settings> {
  readonly settings: Settings;
  /**
   * The response as it came through the browser: query parameters, or the fields of a form. Nothing of it is believed.
   */
  readonly parameters: Readonly<Record<string, unknown>>;
  readonly browserId: string;
  readonly callbackUrl: string;
}

export interface UpstreamRefusal<Intent = never> {
  readonly kind: 'refused';
  /** What the flow was begun for, once the response has named a flow of this browser: where the person may go on. */
  readonly intent?: Intent;
  readonly code: string;
  readonly step: UpstreamStep;
  /** For the log only. */
  readonly detail: string;
}

/** Where to send the browser, and how. */
export type BegunSignIn =
  | { readonly kind: 'redirect'; readonly redirectTo: string }
  /** By a form that the browser posts. */
  | { readonly kind: 'post'; readonly postTo: string; readonly fields: Readonly<Record<string, string>> };

export interface CompletedSignIn<Intent> {
  readonly kind: 'verified';
  readonly assertion: VerifiedAssertion;
  /** From the one-shot row, never from the response. */
  readonly intent: Intent;
  readonly reauthenticated: boolean;
}

/**
 * A verified response that answers no request of ours, from a provider that is allowed to send such (security row S5).
 */
export interface UnsolicitedSignIn {
  readonly kind: 'unsolicited';
  readonly assertion: VerifiedAssertion;
}

/** How people sign in at providers of one kind, with every check of the protocol. */
export interface UpstreamProtocol<Settings, Intent> {
  /** Begins a flow: stores its one-shot row, and says where to send the browser. */
  begin(request: BeginRequest<Settings, Intent>): Promise<BegunSignIn | UpstreamRefusal>;
  /**
   * Checks a response to the end. Whatever comes in: an answer of this type, never a throw for what a stranger sent.
   */
  complete(
    request: CompleteRequest<Settings>,
  ): Promise<CompletedSignIn<Intent> | UnsolicitedSignIn | UpstreamRefusal<Intent>>;
}

/** One protocol for each kind: this table is the only place that knows them all. */
export type UpstreamProtocols<Intent> = { readonly [Kind in ProviderKind]: UpstreamProtocol<SettingsOf<Kind>, Intent> };

/** All kinds behind one face: a provider's settings say which protocol is spoken. */
export const upstreamSignIn = <Intent>(
  protocols: UpstreamProtocols<Intent>,
): UpstreamProtocol<IdentityProviderSettings, Intent> => {
  // The table's type pairs each kind with its own settings; a look-up by a value cannot show that to the compiler.
  const protocolOf = ({ kind }: IdentityProviderSettings) =>
    protocols[kind] as UpstreamProtocol<IdentityProviderSettings, Intent>;
  return {
    begin: (request) => protocolOf(request.settings).begin(request),
    complete: (request) => protocolOf(request.settings).complete(request),
  };
};

/** Turns an {@link UpstreamError} into the refusal that it stands for. */
export const refusing = async <T>(work: () => Promise<T>): Promise<T | UpstreamRefusal> => {
  try {
    return await work();
  } catch (error) {
    if (error instanceof UpstreamError)
      return { kind: 'refused', code: error.code, step: error.step, detail: error.message };
    throw error;
  }
};
