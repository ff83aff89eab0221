/** Receives one batch of large mail from a bucket, as the function does, and prints how much memory that took. */

import { readFileSync } from 'node:fs'
import { s3Blobs, s3Client } from '@kabutar/aws/s3/blobs.ts'
import { receiveFromSes } from '@kabutar/aws/ses/inbound.ts'
import { claimDomain } from '@kabutar/core/domains/domains.ts'
import type { Delivery, Queue } from '@kabutar/core/ports/queue.ts'
import { dayPartition, dayPrefix } from '@kabutar/core/store/keys.ts'
import { Semaphore } from '@kabutar/core/store/semaphore.ts'
import { memoryEngine } from '@kabutar/local/sqlite/engine.ts'
import { sqliteQueue } from '@kabutar/local/sqlite/queue.ts'
import { testPorts } from '@kabutar/testing/sending-rig.ts'
import { standIn } from '../aws/servers.ts'
import { notificationOf } from '../aws/ses-receipt.ts'

const [endpoint = '', bucket = '', count = ''] = process.argv.slice(2)
const never = new AbortController().signal

const sending = await testPorts()
await claimDomain(sending, 'b', 'b.test')
const receiveQueue: Queue = sqliteQueue(memoryEngine(), 'receive', sending.clock, { maxAttempts: 5 })
/** As the function has it: half of the heap of 512 MB, less what the SDK takes. */
const MEMORY_BYTES = 200 * 1024 * 1024
const ports = {
  ...sending,
  memory: new Semaphore(MEMORY_BYTES, sending.clock),
  receiveQueue,
  blobs: s3Blobs(s3Client({ ...standIn(endpoint), forcePathStyle: true }), bucket),
}
const delivery = (body: string, n: number): Delivery => ({ id: `${n}`, body, attempt: 1, sentAt: 0, handle: `${n}` })
const batch = Array.from({ length: Number(count) }, (_, n) => {
  const [sesId, key] = [`ses${n}`, `inbound/ses${n}`]
  const recipients = ['ada@kabutar.test', 'bob@b.test']
  return delivery(JSON.stringify(notificationOf({ sesId, key, recipients, receivedAt: new Date(0) })), n)
})

const before = peakMb()
const failures = [...(await receiveFromSes({ ...ports, clock: { ...ports.clock, now: () => 0 } }, batch, never))]
for (let rounds = 0; rounds < 10; rounds++) {
  const own = await receiveQueue.receive({ max: 10, visibilityMs: 60_000, waitMs: 0 })
  if (own.length === 0) break
  failures.push(...(await receiveFromSes(ports, own, never)))
  await receiveQueue.settle(own.map((delivery) => ({ delivery, ok: true })))
}
const { items } = await ports.table.query({ pk: dayPartition('a'), prefix: dayPrefix('in'), limit: 9 })
console.log(JSON.stringify({ failures: failures.length, days: items.length, before, peak: peakMb() }))

/** Not from `resourceUsage`: a new process begins with its parent's peak there. */
function peakMb(): number {
  const [, kilobytes] = /VmHWM:\s+(\d+) kB/.exec(readFileSync('/proc/self/status', 'utf8')) ?? []
  return Math.round(Number(kilobytes) / 1024)
}
