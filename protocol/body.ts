/**
 * Tables that say which key of a CBOR map is which field of an interface, usable both ways.
 *
 * @module
 */
import type { CborMap } from "./cbor-reader.ts";
import type { Cbor, CborEntries } from "./cbor-writer.ts";
import { ERROR_CODE } from "./frame.ts";
import type { Kind } from "./kind.ts";
import { ProtocolError } from "./protocol-error.ts";

export interface Body<T> {
  /** Keys that the table does not name are ignored (TP7). @throws {ProtocolError} on a misfit */
  read(map: CborMap): T;
  /** @throws {RangeError} on a value that is not of its kind */
  write(value: T): CborEntries;
}

interface Field<T, Optional extends boolean> {
  readonly optional: Optional;
  /** Undefined means absent. */
  read(map: CborMap): T | undefined;
  write(value: T, map: CborEntries): void;
}

/** Names every field of `T`, and the optional ones as optional. */
type Fields<T> = {
  readonly [K in keyof T]-?: object extends Pick<T, K>
    ? Field<Exclude<T[K], undefined>, true>
    : Field<T[K], false>;
};

export function required<T>(key: number, kind: Kind<T>): Field<T, false> {
  return {
    optional: false,
    read(map) {
      const wire = map.get(key);
      if (wire === undefined) throw new ProtocolError(ERROR_CODE.malformed, "A key is missing");
      return kind.read(wire);
    },
    write: (value, map) => map.set(key, kind.write(value)),
  };
}

export function optional<T>(key: number, kind: Kind<T>): Field<T, true> {
  return {
    optional: true,
    read(map) {
      const wire = map.get(key);
      return wire === undefined ? undefined : kind.read(wire);
    },
    write: (value, map) => map.set(key, kind.write(value)),
  };
}

/** A group in the sense of CDDL: an object in here, but its keys lie in the map around it. */
export function group<T extends object>(inner: Body<T>): Field<T, false> {
  return {
    optional: false,
    read: (map) => inner.read(map),
    write(value, map) {
      for (const [key, wire] of inner.write(value)) map.set(key, wire);
    },
  };
}

/**
 * @param fields the table, in the order of the keys: they are written in that order
 * @param agrees what must be true of the fields together
 */
export function body<T extends object>(
  fields: Fields<T>,
  agrees: (value: T) => boolean = () => true,
): Body<T> {
  const table = Object.entries<Field<unknown, boolean>>(fields);
  return {
    read(map) {
      const values: Record<string, unknown> = {};
      for (const [name, field] of table) {
        const value = field.read(map);
        if (value !== undefined) values[name] = value;
      }
      // `Fields<T>` names every field of T with its kind, and each kind has just checked its value.
      const whole = values as T;
      if (!agrees(whole)) throw new ProtocolError(ERROR_CODE.malformed, "Two values contradict");
      return whole;
    },
    write(whole) {
      if (!agrees(whole)) throw new RangeError("Cannot encode values that contradict each other");
      const values = whole as Readonly<Record<string, unknown>>;
      const map = new Map<number | string, Cbor>();
      for (const [name, field] of table) {
        const value = values[name];
        if (value !== undefined || !field.optional) field.write(value, map);
      }
      return map;
    },
  };
}
