/**
 * Makes a data folder with many received messages. The handler of the receive queue writes them, in batches and without waiting
 * for the disk, because only reading them is measured. They come over ten days, at an even pace.
 */

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

const DAYS_MS = 10 * 86_400_000
const BATCH = 100
const never = new AbortController().signal

export const letterOf = (n: number, bytes: number) =>
  Buffer.from(
    `From: Eve <eve@far.test>\r\nTo: Ada <ada@kabutar.test>\r\nSubject: Letter ${n}\r\nMessage-ID: <${n}@far.test>\r\n` +
      `Date: Sun, 22 Nov 2026 12:00:00 +0000\r\n\r\n${`${'x'.repeat(76)}\r\n`.repeat(Math.ceil(bytes / 78))}`,
  )

/** Makes the messages and answers their ids, oldest first. */
export async function fillReceived(folder: string, count: number): Promise<readonly string[]> {
  const engine = openEngine(folder)
  engine.db.exec('PRAGMA synchronous=OFF')
  let now = Date.now() - DAYS_MS
  const clock = { ...systemClock, now: () => now, sleep: async () => undefined }
  const table = sqliteTable(engine, clock)
  const blobs = localBlobs(engine, folder, { clock, baseUrl: new URL('http://127.0.0.1:1') })
  const webhookQueue = sqliteQueue(engine, 'webhooks', clock, { maxAttempts: 5 })
  const ports = {
    table,
    blobs,
    webhookQueue,
    webhookRetriesMs: [0],
    clock,
    compute: directCompute,
    memory: new Semaphore(defaultMemoryBytes(), clock),
    caches: newCaches(clock),
    ids: uuidIds(clock),
    log: jsonLog('warn'),
  }
  await ensureFirstAccount(ports)
  const ids: string[] = []
  const arrive = async () => {
    now += DAYS_MS / count
    const id = ports.ids.next()
    const envelope = { returnPath: 'eve@far.test', remoteAddress: '192.0.2.1', helo: 'far.test', tls: true }
    await blobs.put(blobKey(FIRST_ACCOUNT, id), letterOf(ids.push(id), 600), { maxBytes: 4096 })
    const entry = {
      kind: 'receive' as const,
      accountId: FIRST_ACCOUNT,
      id,
      envelope: { ...envelope, recipients: ['ada@kabutar.test'], receivedAt: now },
    }
    return { id, attempt: 1, body: encodeReceiveEntry(entry), sentAt: now, handle: id }
  }
  while (ids.length < count) {
    const batch = await Promise.all(Array.from({ length: Math.min(BATCH, count - ids.length) }, arrive))
    const failures = await receiveBatch(ports, batch, never)
    if (failures.length > 0) throw new Error('the messages could not be stored')
  }
  engine.close()
  return ids
}
