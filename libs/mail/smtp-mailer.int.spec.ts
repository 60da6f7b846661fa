import { once } from 'node:events';
import { createServer } from 'node:net';
import type { AddressInfo, Server, Socket } from 'node:net';
import { text } from 'node:stream/consumers';
import { afterEach, describe, expect, it } from '@jest/globals';
import { SMTPServer } from 'smtp-server';
import { MailNotSentError } from './mailer.js';
import type { Mail } from './mailer.js';
import { createSmtpMailer } from './smtp-mailer.js';

interface Received {
  readonly from: string;
  readonly to: readonly string[];
  readonly message: string;
}

const MAIL: Mail = {
  to: 'ada@example.org',
  subject: 'Is this your address?',
  text: 'Open this page:\n\nhttps://id.example.org/x\n',
  organizationId: 'default',
};
const FROM = 'Ligature <id@example.org>';

const running: { close(done: () => void): void }[] = [];
const sockets = new Set<Socket>();
afterEach(async () => {
  for (const socket of sockets) socket.destroy();
  await Promise.all(running.splice(0).map((server) => new Promise<void>((resolve) => server.close(resolve))));
});

/** A mail server on loopback that keeps what it gets; `ada@refused.example` has no mailbox. */
const startMailServer = async (): Promise<{ readonly url: string; readonly received: Received[] }> => {
  const received: Received[] = [];
  const server = new SMTPServer({
    authOptional: true,
    disabledCommands: ['STARTTLS'],
    allowInsecureAuth: true,
    onAuth: ({ username, password }, _session, done) =>
      username === 'id' && password === 'p@ss/word'
        ? done(null, { user: username })
        : done(new Error('wrong password')),
    onRcptTo: ({ address }, _session, done) =>
      address.endsWith('@refused.example')
        ? done(Object.assign(new Error(`${address} has no mailbox here`), { responseCode: 550 }))
        : done(),
    onData: (stream, { envelope }, done) => {
      void text(stream).then((message) => {
        const { mailFrom, rcptTo } = envelope;
        received.push({
          from: mailFrom === false ? '' : mailFrom.address,
          to: rcptTo.map(({ address }) => address),
          message,
        });
        done();
      });
    },
  });
  running.push(server);
  server.listen(0, '127.0.0.1');
  await once(server.server, 'listening');
  return { url: `smtp://127.0.0.1:${(server.server.address() as AddressInfo).port}`, received };
};

/** A server that is no mail server, or a bad one. */
const startTcpServer = async (onConnection: (socket: Socket) => void): Promise<string> => {
  const server: Server = createServer((socket) => {
    sockets.add(socket.on('error', () => undefined));
    onConnection(socket);
  }).listen(0, '127.0.0.1');
  running.push(server);
  await once(server, 'listening');
  return `smtp://127.0.0.1:${(server.address() as AddressInfo).port}`;
};

describe('the SMTP mailer', () => {
  it('hands over one mail to one receiver, marked as automatic, and nothing but text', async () => {
    const { url, received } = await startMailServer();
    await createSmtpMailer(url, FROM).send(MAIL);
    expect(received).toHaveLength(1);
    expect(received[0]).toMatchObject({ from: 'id@example.org', to: ['ada@example.org'] });
    const message = received[0]?.message ?? '';
    expect(message).toMatch(/^From: Ligature <id@example.org>\r\n/m);
    expect(message).toMatch(/^To: ada@example.org\r\n/m);
    expect(message).toMatch(/^Subject: Is this your address\?\r\n/m);
    expect(message).toMatch(/^Auto-Submitted: auto-generated\r\n/m);
    expect(message).toMatch(/^Content-Type: text\/plain/m);
    expect(message).toContain('https://id.example.org/x');
  });

  it('signs in with the user and password of its URL', async () => {
    const { url, received } = await startMailServer();
    await createSmtpMailer(url.replace('smtp://', `smtp://id:${encodeURIComponent('p@ss/word')}@`), FROM).send(MAIL);
    expect(received).toHaveLength(1);
    const wrong = createSmtpMailer(url.replace('smtp://', 'smtp://id:s3cret@'), FROM).send(MAIL);
    await expect(wrong).rejects.toThrow('EAUTH');
    await expect(wrong).rejects.not.toThrow(/s3cret/);
  });

  it.each<[string, Partial<Mail>]>([
    ['a line break in the receiver', { to: 'ada@example.org\r\nBcc: eve@evil.example' }],
    ['a line feed in the receiver', { to: 'ada@example.org\nBcc: eve@evil.example' }],
    ['two receivers', { to: 'ada@example.org, eve@evil.example' }],
    ['two receivers by semicolon', { to: 'ada@example.org;eve@evil.example' }],
    ['a display name', { to: 'ada@example.org <eve@evil.example>' }],
    ['a group', { to: 'all:ada@example.org,eve@evil.example;' }],
    ['a quoted local part', { to: '"ada@example.org"@evil.example' }],
    ['a bidi override in the receiver', { to: 'ada\u202e@example.org' }],
    ['no receiver', { to: '' }],
    ['a line break in the subject', { subject: 'Hello\r\nBcc: eve@evil.example' }],
    ['a line feed in the subject', { subject: 'Hello\nBcc: eve@evil.example' }],
    ['a Unicode line separator in the subject', { subject: 'Hello\u2028Bcc: eve@evil.example' }],
    ['a NUL in the subject', { subject: 'Hello\u0000' }],
  ])('L26: refuses %s', async (_why, change) => {
    const { url, received } = await startMailServer();
    await expect(createSmtpMailer(url, FROM).send({ ...MAIL, ...change })).rejects.toThrow(MailNotSentError);
    expect(received).toEqual([]);
  });

  it('takes no text for a file or an address to fetch, and keeps what looks like a head or an end in the body', async () => {
    const { url, received } = await startMailServer();
    const body = 'Bcc: eve@evil.example\r\n.\r\nRCPT TO:<eve@evil.example>\r\n';
    await createSmtpMailer(url, FROM).send({ ...MAIL, subject: '{"path":"/etc/passwd"}', text: body });
    expect(received.map(({ to }) => to)).toEqual([['ada@example.org']]);
    const message = received[0]?.message ?? '';
    expect(message.slice(0, message.indexOf('\r\n\r\n'))).not.toMatch(/^Bcc/m);
    expect(message).toContain('RCPT TO:<eve@evil.example>');
  });

  it('says that a mail was refused, without the receiver’s address', async () => {
    const { url } = await startMailServer();
    const refused = createSmtpMailer(url, FROM).send({ ...MAIL, to: 'ada@refused.example' });
    await expect(refused).rejects.toThrow('EENVELOPE 550');
    await expect(refused).rejects.not.toThrow(/ada|refused\.example/);
  });

  it('gives up on a server that is silent, and on one that drips', async () => {
    const silent = await startTcpServer(() => undefined);
    await expect(createSmtpMailer(silent, FROM, { stepMs: 100, mailMs: 5_000 }).send(MAIL)).rejects.toThrow(
      'ETIMEDOUT',
    );
    const dripping = await startTcpServer((socket) => {
      socket.write('220 hello\r\n');
      const drip = setInterval(() => socket.write('250-and more\r\n'), 20);
      socket.on('close', () => clearInterval(drip));
    });
    await expect(createSmtpMailer(dripping, FROM, { stepMs: 2_000, mailMs: 300 }).send(MAIL)).rejects.toThrow(
      MailNotSentError,
    );
  });

  it('does not hand over mails in the clear, but on loopback', async () => {
    const said: string[] = [];
    const url = await startTcpServer((socket) => {
      socket.write('220 hello\r\n');
      socket.on('data', (line) => {
        said.push(line.toString());
        socket.write(line.toString().startsWith('EHLO') ? '250 no TLS here\r\n' : '500 what\r\n');
      });
    });
    // Reaches this machine too, and is no name of loopback: it stands for a host elsewhere.
    await expect(createSmtpMailer(url.replace('127.0.0.1', '0.0.0.0'), FROM).send(MAIL)).rejects.toThrow(
      MailNotSentError,
    );
    expect(said.join('')).toContain('STARTTLS');
    expect(said.join('')).not.toContain('ada@example.org');
  });

  it('fails when nobody listens', async () => {
    const url = await startTcpServer(() => undefined);
    const [server] = running.splice(0);
    await new Promise<void>((resolve) => server?.close(resolve));
    await expect(createSmtpMailer(url, FROM).send(MAIL)).rejects.toThrow('ESOCKET');
  });
});
