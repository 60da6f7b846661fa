import type { Writable } from 'node:stream';

/** Ends with the call: cancelled by the client, deadline passed, connection lost, or answered. */
export const signalOf = (call: Writable & { readonly cancelled: boolean }): AbortSignal => {
  const controller = new AbortController();
  const abort = (): void => controller.abort();
  call.once('cancelled', abort);
  call.once('close', abort);
  if (call.cancelled || call.destroyed) abort();
  return controller.signal;
};

/**
 * Writes one message, and waits while the client does not keep up, so that what a slow client has not read stays in
 * PostgreSQL. Does nothing once the call has ended.
 */
export const send = async <T>(call: Writable, message: T, signal: AbortSignal): Promise<void> => {
  if (signal.aborted || call.destroyed) return;
  if (call.write(message)) return;
  await new Promise<void>((resolve) => {
    const done = (): void => {
      call.off('drain', done);
      signal.removeEventListener('abort', done);
      resolve();
    };
    call.once('drain', done);
    signal.addEventListener('abort', done);
  });
};
