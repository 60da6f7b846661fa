import type { Adapter, AdapterPayload } from 'oidc-provider';

interface Entry {
  readonly payload: AdapterPayload;
  readonly expiresAt: number;
}

/**
 * oidc-provider's storage, in memory. It keeps no sessions: a demo provider asks at every sign-in who you are, so that
 * one browser can be several people, `prompt=login` and `max_age` are honoured always, and `auth_time` is the time of
 * the click.
 * @returns the factory for one provider; its models share one store
 */
export const createMemoryAdapter = (): ((model: string) => Adapter) => {
  const entries = new Map<string, Entry>();
  const forgetExpired = (): void => {
    for (const [key, { expiresAt }] of entries) if (expiresAt <= Date.now()) entries.delete(key);
  };
  return (model) => {
    const find = (id: string): AdapterPayload | undefined => {
      const entry = entries.get(`${model} ${id}`);
      return entry && entry.expiresAt > Date.now() ? entry.payload : undefined;
    };
    const findBy = (field: 'uid' | 'userCode', value: string): AdapterPayload | undefined =>
      [...entries].find(([key, { payload }]) => key.startsWith(`${model} `) && payload[field] === value)?.[1].payload;
    return {
      upsert: async (id, payload, expiresIn) => {
        if (model === 'Session') return;
        forgetExpired();
        entries.set(`${model} ${id}`, {
          payload,
          expiresAt: expiresIn === undefined ? Infinity : Date.now() + expiresIn * 1000,
        });
      },
      find: async (id) => find(id),
      findByUid: async (uid) => findBy('uid', uid),
      findByUserCode: async (userCode) => findBy('userCode', userCode),
      consume: async (id) => {
        const payload = find(id);
        if (payload) payload.consumed = Math.floor(Date.now() / 1000);
      },
      destroy: async (id) => void entries.delete(`${model} ${id}`),
      revokeByGrantId: async (grantId) => {
        for (const [key, { payload }] of entries) if (payload.grantId === grantId) entries.delete(key);
      },
    };
  };
};
