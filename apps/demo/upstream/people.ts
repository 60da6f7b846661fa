/** Somebody with an account at a demo provider. */
export interface Person {
  /** `sub`, or the persistent NameID: opaque, never reassigned. */
  readonly subject: string;
  readonly name: string;
  readonly username: string;
  readonly email: string;
  readonly emailVerified: boolean;
}

export interface Directory {
  readonly id: 'acme' | 'globex' | 'corp';
  readonly name: string;
  readonly people: readonly Person[];
}

export const ACME: Directory = {
  id: 'acme',
  name: 'Acme',
  people: [
    { subject: 'acme-1815', name: 'Ada Lovelace', username: 'ada', email: 'ada@acme.example', emailVerified: true },
    { subject: 'acme-1906', name: 'Grace Hopper', username: 'grace', email: 'grace@acme.example', emailVerified: true },
    { subject: 'acme-1912', name: 'Alan Turing', username: 'alan', email: 'alan@acme.example', emailVerified: true },
    // Claims somebody else's address without having proven it: whoever matches by e-mail alone is fooled (security.md,
    // L5 and L7).
    { subject: 'acme-6666', name: 'Mallory', username: 'mallory', email: 'ada@acme.example', emailVerified: false },
  ],
};

export const GLOBEX: Directory = {
  id: 'globex',
  name: 'Globex',
  people: [
    {
      subject: '7f3c9a',
      name: 'Ada Lovelace',
      username: 'a.lovelace',
      email: 'a.lovelace@globex.example',
      emailVerified: true,
    },
    {
      subject: 'c20b41',
      name: 'Katherine Johnson',
      username: 'k.johnson',
      email: 'k.johnson@globex.example',
      emailVerified: true,
    },
    {
      subject: '91e8d5',
      name: 'Alan Turing',
      username: 'a.turing',
      email: 'a.turing@globex.example',
      emailVerified: true,
    },
  ],
};

export const CORP: Directory = {
  id: 'corp',
  name: 'Corp',
  people: [
    {
      subject: 'e-1815',
      name: 'Ada Lovelace',
      username: 'lovelace',
      email: 'lovelace@corp.example',
      emailVerified: true,
    },
    {
      subject: 'e-1910',
      name: 'Dorothy Hodgkin',
      username: 'hodgkin',
      email: 'hodgkin@corp.example',
      emailVerified: true,
    },
    { subject: 'e-1912', name: 'Alan Turing', username: 'turing', email: 'turing@corp.example', emailVerified: true },
  ],
};
