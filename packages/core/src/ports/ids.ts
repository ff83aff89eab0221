import { createHash } from 'node:crypto'
import { v7 } from 'uuid'

/** Everything that must be unguessable. */
export interface Ids {
  /** A UUIDv7 (RFC 9562 section 5.7): ids sort by time, and an id tells its own day. */
  next(): string
  /** Answers random bytes that are fit for a key. */
  secret(bytes: number): Buffer
}

/** A UUIDv7 of a time in epoch milliseconds and 16 random bytes. */
export function uuidAt(ms: number, random: Uint8Array): string {
  return v7({ msecs: ms, random })
}

/** A UUIDv7 of a time whose random bits follow from `parts`: the same parts always give the same id. */
export function derivedUuid(ms: number, ...parts: readonly string[]): string {
  return uuidAt(ms, createHash('sha256').update(JSON.stringify(parts)).digest())
}

const UUID = /^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/

/** True for any UUID in lower case; ids of other versions are well-formed, just never ours. */
export function isUuid(text: string): boolean {
  return UUID.test(text)
}

/** Epoch milliseconds of a UUIDv7. */
export function timeOf(id: string): number {
  return Number.parseInt(id.slice(0, 8) + id.slice(9, 13), 16)
}
