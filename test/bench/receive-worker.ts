/**
 * Measures the CPU of the receive worker, which competes with the SMTP listener for one core: messages of 4 KB in batches of
 * ten, four batches at a time as packages/server runs them, over the engine on a disk. The queue itself is not counted.
 */

import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { ensureFirstAccount, FIRST_ACCOUNT } from '@kabutar/core/accounts/accounts.ts'
import { blobKey } from '@kabutar/core/messages/blob-keys.ts'
import { directCompute } from '@kabutar/core/ports/compute.ts'
import { encodeReceiveEntry } from '@kabutar/core/receiving/entries.ts'
import { receiveBatch } from '@kabutar/core/receiving/receive.ts'
import { newCaches } from '@kabutar/core/store/cache.ts'
import { Semaphore } from '@kabutar/core/store/semaphore.ts'
import { localBlobs } from '@kabutar/local/files/blobs.ts'
import { defaultMemoryBytes } from '@kabutar/local/memory.ts'
import { openEngine } from '@kabutar/local/sqlite/engine.ts'
import { sqliteQueue } from '@kabutar/local/sqlite/queue.ts'
import { sqliteTable } from '@kabutar/local/sqlite/table.ts'
import { systemClock } from '@kabutar/local/system-clock.ts'
import { uuidIds } from '@kabutar/local/uuid-ids.ts'
import { jsonLog } from '@kabutar/server/log.ts'
import { letterOf } from './received.ts'

const MESSAGES = Number(process.env.MESSAGES ?? 3000)
const BATCH = 10
const LOOPS = 4
const BYTES = 4096
const never = new AbortController().signal

const folder = mkdtempSync(join(tmpdir(), 'kabutar-bench-'))
const engine = openEngine(folder)
const clock = systemClock
const table = sqliteTable(engine, clock)
const blobs = localBlobs(engine, folder, { clock, baseUrl: new URL('http://127.0.0.1:1') })
const webhookQueue = sqliteQueue(engine, 'webhooks', clock, { maxAttempts: 5 })
const ids = uuidIds(clock)
const ports = {
  table,
  blobs,
  webhookQueue,
  webhookRetriesMs: [0],
  clock,
  compute: directCompute,
  memory: new Semaphore(defaultMemoryBytes(), clock),
  caches: newCaches(clock),
  ids,
  log: jsonLog('warn'),
}

let came = 0
/** Stores the octets as the SMTP listener does, and answers the queue entry. */
async function arrive() {
  const id = ids.next()
  await blobs.put(blobKey(FIRST_ACCOUNT, id), letterOf(came++, BYTES), { maxBytes: 2 * BYTES })
  const peer = { returnPath: 'eve@far.test', remoteAddress: '192.0.2.1', helo: 'far.test', tls: true }
  const envelope = { ...peer, recipients: ['ada@kabutar.test'], receivedAt: clock.now() }
  const body = encodeReceiveEntry({ kind: 'receive', accountId: FIRST_ACCOUNT, id, envelope })
  return { id, attempt: 1, body, sentAt: clock.now(), handle: id }
}

/** Answers the CPU per message, in microseconds. */
async function receiveAll(count: number): Promise<number> {
  const entries = await Promise.all(Array.from({ length: count }, arrive))
  const batches = Array.from({ length: count / BATCH }, (_, i) => entries.slice(i * BATCH, (i + 1) * BATCH))
  const from = process.cpuUsage()
  const work = async () => {
    for (let batch = batches.pop(); batch !== undefined; batch = batches.pop()) {
      const failures = await receiveBatch(ports, batch, never)
      if (failures.length > 0) throw new Error('messages could not be received')
    }
  }
  await Promise.all(Array.from({ length: LOOPS }, work))
  const { user, system } = process.cpuUsage(from)
  return (user + system) / count
}

try {
  await ensureFirstAccount(ports)
  await receiveAll(1000)
  console.log(`  ${(await receiveAll(MESSAGES)).toFixed(0)} us of CPU for each of ${MESSAGES} messages of 4 KB`)
} finally {
  engine.close()
  rmSync(folder, { recursive: true, force: true })
}
