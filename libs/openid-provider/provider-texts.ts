/** The texts of the OpenID Provider's own pages. */
export const PROVIDER_TEXTS = {
  signOut: {
    title: 'Sign out',
    question: 'Sign out?',
    explanation: 'You are about to sign out of every app that you use with this account in this browser.',
    confirm: 'Sign out',
    stay: 'Stay signed in',
  },
  signedOut: { title: 'Signed out', heading: 'You are signed out', explanation: 'You can close this page.' },
  error: {
    title: 'That did not work',
    explanation: 'The request could not be answered. Go back to the app and start again.',
    signOutHere: 'Sign out here',
  },
  deviceCode: {
    title: 'Connect a device',
    heading: 'Connect a device',
    explanation: 'Type the code that your device shows.',
    label: 'Code',
    submit: 'Continue',
    wrong: 'This code is not known, has expired, or was used. Check it, or have your device show a new one.',
    aborted: 'Nothing was connected.',
    failed: 'That did not work. Have your device show a new code.',
    tooMany: 'Too many codes were tried. Wait a few minutes.',
  },
  deviceConfirm: {
    title: 'Connect a device',
    heading: (app: string) => `Give ${app} access?`,
    explanation: (app: string) => `A device wants to use ${app} with your account. It shows this code:`,
    warning:
      'Continue only if you started this yourself, and the device before you shows exactly this code. Whoever sent you the code, by mail, chat or phone, would get into your account.',
    confirm: 'It is my device: continue',
    abort: 'Cancel',
  },
  deviceDone: { title: 'Device connected', heading: 'Your device is connected', explanation: 'You can close this page and go back to it.' },
  consent: {
    title: 'Allow access',
    heading: (app: string) => `Allow ${app} to use your account?`,
    explanation: 'It asks for:',
    scopes: {
      openid: 'an identifier that stands for you',
      profile: 'your name',
      email: 'your e-mail address',
      linked_identities: 'which identities you linked to your account',
      offline_access: 'access while you are not signed in, until you take it away',
    } as Readonly<Record<string, string>>,
    resource: (resource: string, scopes: readonly string[]) => `${scopes.join(', ')} at ${resource}`,
    allow: 'Allow',
    deny: 'Do not allow',
    expired: { title: 'This page has expired', nextStep: 'Go back to the app and start again.' },
  },
} as const;
