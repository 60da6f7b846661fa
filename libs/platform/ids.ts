import { v7 } from 'uuid';

/** The injected source of fresh identifiers: UUIDv7 (RFC 9562, section 5.7), so that they sort by time of making. */
export type NewId = () => string;

export const newUuid: NewId = () => v7();

const uuid = /^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/;

/** Whether a string is a UUID in lower-case canonical form, the only form Ligature writes or accepts as an id. */
export const isUuid = (value: string): boolean => uuid.test(value);
