/**
 * Bounds what large work holds in memory at once: bodies of requests, messages that are read, composed or answered. One semaphore
 * counts all of it in bytes; the wiring makes it, so that a burst of large mail waits instead of ending the process.
 */
import type { Semaphore, TurnOptions } from '../store/semaphore.ts'

export type MemoryPorts = { readonly memory: Semaphore }

const MB = 1024 * 1024
/** Work on fewer bytes is not counted, so that small messages never wait for large ones. */
export const LARGE_BYTES = MB
/** Bytes of memory for each byte of a request (text, values, decoded file) and of a message in a relay's hands. */
export const REQUEST_FACTOR = 4
const SENDING_FACTOR = 5
/** A text takes several times its bytes while it is decoded; of a message at most 8 MB are text. */
const READING_FACTOR = 4
const MAX_READING_BYTES = 80 * MB
const MAX_WAIT_MS = 10_000

/** A request waits at most 10 s for room, then it is refused. */
const asRequest: TurnOptions = { waitMs: MAX_WAIT_MS }

/** Runs a request with a body of so many bytes, before the body is read. @throws {MailError} `busy` */
export function withBody<T>(memory: Semaphore, bytes: number, work: () => Promise<T>): Promise<T> {
  return bytes < LARGE_BYTES ? work() : memory.use(REQUEST_FACTOR * bytes, work, asRequest)
}

/** Answers a sent message of so many bytes. @throws {MailError} `busy` */
export function whileShowing<T>({ memory }: MemoryPorts, bytes: number, work: () => Promise<T>): Promise<T> {
  return bytes < LARGE_BYTES ? work() : memory.use(REQUEST_FACTOR * bytes, work, asRequest)
}

/** Answers a received message of so many bytes, whose attachments stay where they are. @throws {MailError} `busy` */
export function whileShowingReading<T>({ memory }: MemoryPorts, bytes: number, work: () => Promise<T>): Promise<T> {
  return bytes < LARGE_BYTES ? work() : memory.use(readingBytes(bytes), work, asRequest)
}

/** Reads a raw message of so many bytes and stores what it says. */
export function whileReading<T>(
  { memory, signal }: MemoryPorts & { readonly signal: AbortSignal },
  bytes: number,
  work: () => Promise<T>,
): Promise<T> {
  return memory.use(readingBytes(bytes), work, { signal })
}

/** Composes a message of so many bytes and hands it to the relay. */
export function whileSending<T>({ memory }: MemoryPorts, bytes: number, work: () => Promise<T>): Promise<T> {
  return bytes < LARGE_BYTES ? work() : memory.use(SENDING_FACTOR * bytes, work)
}

const readingBytes = (bytes: number) => Math.min(READING_FACTOR * bytes, MAX_READING_BYTES)
