import { setTimeout as delay } from 'node:timers/promises';

/** Waits until there is something, asking again and again. @throws when there is nothing within `patienceMs` */
export const until = async <T>(ask: () => Promise<T | undefined | false>, patienceMs = 10_000): Promise<T> => {
  const deadline = Date.now() + patienceMs;
  for (;;) {
    const answer = await ask();
    if (answer !== undefined && answer !== false) return answer;
    if (Date.now() > deadline) throw new Error('Waited in vain');
    await delay(20);
  }
};
