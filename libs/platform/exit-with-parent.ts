const FORCE_AFTER_MS = 5_000;

/**
 * Ends this process when the supervisor that started it is gone, however it went: the channel between them closes even
 * at SIGKILL. Without this, a killed `npm start` would leave children behind that hold its ports. It does nothing in a
 * process that has no such channel.
 */
export const exitWithParent = (): void => {
  if (process.connected === undefined) return;
  const end = (): void => {
    setTimeout(() => process.exit(1), FORCE_AFTER_MS).unref();
    process.kill(process.pid, 'SIGTERM');
  };
  if (!process.connected) return end();
  process.once('disconnect', end);
  // The channel alone keeps no process alive.
  process.channel?.unref();
};
