import { jsonEvent } from '@eventstore/db-client';
import type { JSONType } from '@eventstore/db-client';
import { eventCatalog } from '#libs/event-catalog/event-catalog.js';
import type { DomainEvent } from '#libs/event-store/event-definition.js';
import type { StreamName } from '#libs/event-store/stream-name.js';
import { newUuid } from '#libs/platform/ids.js';
import { seal } from '#libs/privacy/sealed.js';
import type { TestInstallation } from './installation.js';

/**
 * Appends an event as processes did before text had a rule (security row T1): nothing of it is checked.
 * @param subject whose key encrypts what is personal
 * @returns its position
 */
export const appendFromBefore = async (
  { connection, keys }: Pick<TestInstallation, 'connection' | 'keys'>,
  { stream, event, subject }: { readonly stream: StreamName; readonly event: DomainEvent; readonly subject: string },
): Promise<bigint> => {
  const { type } = event;
  const id = newUuid();
  const key = await keys.forWriting(subject);
  const { personalFields = [], version = 1 } = eventCatalog.get(type) ?? {};
  const isPersonal = ([field]: [string, unknown]): boolean => personalFields.includes(field);
  const entries = Object.entries(event.data);
  const sealed = entries.filter(isPersonal).map(([field, value]) => {
    const place = [subject, key.id, stream, id, type, version, field];
    return [field, seal(key.secret, Buffer.from(JSON.stringify(value)), place).toString('base64')];
  });
  const plain = Object.fromEntries(entries.filter((entry) => !isPersonal(entry)));
  const data = { ...plain, $personal: { subject, key: key.id, fields: Object.fromEntries(sealed) } };
  const metadata = {
    $correlationId: id,
    $causationId: id,
    commandId: id,
    actor: { type: 'system', id: 'test' },
    organizationId: 'default',
    occurredAt: new Date().toISOString(),
    schemaVersion: version,
  };
  const appended = await connection.append((client) =>
    client.appendToStream(stream, jsonEvent({ id, type, data: data as JSONType & object, metadata })),
  );
  if (!appended.position) throw new Error('the store gave no position');
  return appended.position.commit;
};
