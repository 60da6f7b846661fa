import { z } from 'zod';

/**
 * The schemas that hold a person's data or a secret; what they hold is stored encrypted under its subject's key
 * (domain.md, "Privacy").
 */
const personalSchemas = new WeakSet<z.ZodType>();

/**
 * Marks a field of an event as personal. The field becomes optional: after an erasure it can no longer be read, and
 * every reader must do without it. Only top-level fields can be personal.
 */
export const personal = <S extends z.ZodType>(schema: S): z.ZodOptional<S> => {
  const optional = schema.optional();
  personalSchemas.add(optional);
  return optional;
};

const secretSchemas = new WeakSet<z.ZodType>();

/**
 * Marks a field of an event as a secret, such as a password's hash: stored like a personal one, and shown to nobody,
 * auditors included.
 */
export const secret = <S extends z.ZodType>(schema: S): z.ZodOptional<S> => {
  const optional = personal(schema);
  secretSchemas.add(optional);
  return optional;
};

/** Turns the plain data of one schema version into the next one's. Pure; personal fields are already decrypted. */
export type Upcaster = (data: Record<string, unknown>) => Record<string, unknown>;

export interface EventDefinition<Type extends string = string, Data extends object = object> {
  /** The stored event type: PascalCase, past tense, stable for ever. Never derived from a class name. */
  readonly type: Type;
  /** The current schema version, 1 or more; the metadata of each event says which one it was written with. */
  readonly version: number;
  readonly schema: z.ZodType<Data>;
  readonly personalFields: readonly string[];
  /** Those of the personal fields that no reader outside may be shown. */
  readonly secretFields: readonly string[];
  /** `upcasters[n - 1]` turns version n into n + 1; there are `version - 1` of them. */
  readonly upcasters: readonly Upcaster[];
}

/** An event as the domain sees it. */
export interface DomainEvent<Type extends string = string, Data extends object = object> {
  readonly type: Type;
  readonly data: Data;
}

/** The event that a definition defines. */
export type EventOf<D> = D extends EventDefinition<infer Type, infer Data> ? DomainEvent<Type, Data> : never;

/**
 * Defines an event: its stable type, its schema, and how older versions are read, in one place. Schemas are strict: no
 * field is stored that the schema does not name.
 */
export const defineEvent = <Type extends string, Shape extends z.core.$ZodLooseShape>(
  type: Type,
  shape: Shape,
  upcasters: readonly Upcaster[] = [],
): EventDefinition<Type, z.output<z.ZodObject<Shape, z.core.$strict>>> => {
  const schema = z.strictObject(shape);
  const marked = (marks: WeakSet<z.ZodType>): string[] =>
    Object.entries(shape)
      .filter(([, field]) => marks.has(field as z.ZodType))
      .map(([name]) => name);
  return {
    type,
    version: upcasters.length + 1,
    schema: schema as never,
    personalFields: marked(personalSchemas),
    secretFields: marked(secretSchemas),
    upcasters,
  };
};
