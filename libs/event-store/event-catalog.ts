import type { EventDefinition } from './event-definition.js';

/** Every event that a process can read or write, by stored type. */
export type EventCatalog = ReadonlyMap<string, EventDefinition>;

/** @throws when two definitions have the same type */
export const createEventCatalog = (...contexts: readonly (readonly EventDefinition[])[]): EventCatalog => {
  const catalog = new Map<string, EventDefinition>();
  for (const definition of contexts.flat()) {
    if (catalog.has(definition.type)) throw new Error(`The event type ${definition.type} is defined twice`);
    catalog.set(definition.type, definition);
  }
  return catalog;
};
