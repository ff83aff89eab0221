import { setTimeout as sleep } from 'node:timers/promises'
import type { Blobs } from '@kabutar/core/ports/blobs.ts'
import type { Log } from '@kabutar/core/ports/log.ts'
import type { Delivery, Queue } from '@kabutar/core/ports/queue.ts'
import type { Table } from '@kabutar/core/ports/table.ts'
import { countingTable } from '@kabutar/testing/counting-table.ts'
import { CPU_FACTOR, LATENCY_MS, SDK_CALL_CPU_MS, WHOLE_CORE_MB } from './prices.ts'
import { type Counts, GB, sqsRequestsFor, tally } from './tally.ts'

/** Counts what a run would be billed for. Ports are wrapped; each call also takes the time that AWS would. */
export type Meter = ReturnType<typeof meter>

const SQS_BATCH = 10
/** The bytes that packages/aws/src/s3/blobs.ts reads at once. */
const FIRST_BYTES = 256 * 1024

export type MeterOptions = {
  /** Calls take as long as AWS's; if false, the counted time means nothing. @default true */
  readonly waits?: boolean
}

export function meter({ waits = true }: MeterOptions = {}) {
  const { add, take } = tally()
  let calls = 0
  const sources: (() => void)[] = []
  const call = async (ms: number) => {
    calls++
    if (waits) await sleep(ms)
  }
  return {
    add,
    call,
    /** Adds a source that counts by itself; it is asked whenever counts are taken. */
    source: (add: () => void) => sources.push(add),
    take(): Counts {
      for (const source of sources) source()
      return take()
    },
    /** Runs one invocation of a function with that much memory: waits count as they are, CPU by its share of a core. */
    async invocation<T>(memoryMb: number, work: () => Promise<T>): Promise<T> {
      const [from, cpu, callsBefore] = [performance.now(), process.cpuUsage(), calls]
      const answer = await work()
      const { user, system } = process.cpuUsage(cpu)
      const ownMs = (user + system) / 1000
      const waitMs = Math.max(0, performance.now() - from - ownMs)
      const cpuMs = ownMs * CPU_FACTOR + (calls - callsBefore) * SDK_CALL_CPU_MS
      const billedMs = waitMs + cpuMs * (WHOLE_CORE_MB / memoryMb)
      add('lambdaRequests', 1)
      add('lambdaGbSeconds', (billedMs / 1000) * (memoryMb / 1024))
      return answer
    },
  }
}

/** Counts units by AWS's rules; rows that are there at the end are stored for a month. */
export function meteredTable(meter: Meter, inner: Table): Table {
  const counted = countingTable(inner)
  const timed =
    <A extends unknown[], R>(run: (...args: A) => Promise<R>) =>
    async (...args: A): Promise<R> => {
      await meter.call(LATENCY_MS.table)
      return run(...args)
    }
  meter.source(() => {
    const { write, read } = counted.units()
    meter.add('tableWrites', write)
    meter.add('tableReads', read)
    meter.add('tableGbMonth', counted.grownBytes() / GB)
    counted.reset()
  })
  const write = timed(counted.write)
  return {
    get: timed(counted.get),
    getMany: timed(counted.getMany),
    query: timed(counted.query),
    write,
    writeInOrder: async (writes) => {
      for (const one of writes) await write(one)
    },
    transact: timed(counted.transact),
  }
}

export type MeteredQueue = Queue & {
  /** Answers the entries that were sent and not yet received, in batches as an event source mapping passes them. */
  batches(size: number): readonly (readonly Delivery[])[]
}

export function meteredQueue(meter: Meter): MeteredQueue {
  let waiting: Delivery[] = []
  let sent = 0
  return {
    maxAttempts: 5,
    async send(messages) {
      for (const batch of inTens(messages)) {
        await meter.call(LATENCY_MS.queue)
        meter.add('sqsRequests', sqsRequestsFor(batch.map(({ body }) => body)))
      }
      waiting.push(...messages.map(({ body }) => ({ id: `q${sent++}`, body, attempt: 1, sentAt: 0, handle: 'h' })))
    },
    batches(size) {
      const taken = waiting
      waiting = []
      // The mapping receives and deletes at most ten at a time.
      for (const ten of inTens(taken, Math.min(size, SQS_BATCH)))
        meter.add('sqsRequests', sqsRequestsFor(ten.map(({ body }) => body)) + 1)
      return [...inTens(taken, size)]
    },
    receive: async () => [],
    settle: async () => [],
    extend: async () => {},
    depth: async () => ({ ready: waiting.length, leased: 0, delayed: 0 }),
  }
}

function* inTens<T>(all: readonly T[], size = SQS_BATCH): Generator<readonly T[]> {
  for (let from = 0; from < all.length; from += size) yield all.slice(from, from + size)
}

export function meteredBlobs(meter: Meter, inner: Blobs): Blobs {
  const read = async () => {
    await meter.call(LATENCY_MS.blob)
    meter.add('s3Reads', 1)
  }
  return {
    async put(key, body, options) {
      await meter.call(LATENCY_MS.blob)
      meter.add('s3Writes', 1)
      await inner.put(key, body, options)
      meter.add('s3GbMonth', ((await inner.open(key))?.size ?? 0) / GB)
    },
    async get(key) {
      await read()
      return inner.get(key)
    },
    async open(key, range) {
      await read()
      const open = await inner.open(key, range)
      const bytes = open && Math.min(range?.to ?? open.size - 1, open.size - 1) + 1 - (range?.from ?? 0)
      return open && (bytes ?? 0) > FIRST_BYTES ? { size: open.size, body: counted(read, open.body) } : open
    },
    async delete(keys) {
      await meter.call(LATENCY_MS.blob)
      for (const key of keys) meter.add('s3GbMonth', -((await inner.open(key))?.size ?? 0) / GB)
      await inner.delete(keys)
    },
    uploadLink: (key, wanted) => inner.uploadLink(key, wanted),
    link: inner.link,
  }
}

/** Counts a second GET for the bytes that the first did not bring. */
async function* counted(read: () => Promise<void>, body: AsyncIterable<Uint8Array>): AsyncGenerator<Uint8Array> {
  await read()
  yield* body
}

/** Logs at WARN, as the functions do. */
export function meteredLog(meter: Meter): Log {
  const count: Log['warn'] = (message, fields) =>
    meter.add('logGb', Buffer.byteLength(JSON.stringify({ message, ...fields })) / GB)
  return { debug() {}, info() {}, warn: count, error: count }
}
