import type { StoreAtOnce } from '@kabutar/core/receiving/accept.ts'
import { INLINE_BYTES, type LocalBlobs } from '../files/blobs.ts'
import type { Engine } from './engine.ts'
import type { SqliteQueue } from './queue.ts'

/**
 * Stores the contents of an accepted message and its queue entries in one transaction of `engine`, which `blobs` and
 * `queue` use too. That is one wait instead of two. Contents that are too large for the database are files: those are
 * durable before the entries are.
 */
export function storeAtOnce(engine: Engine, blobs: LocalBlobs, queue: SqliteQueue): StoreAtOnce {
  return async (contents, entries) => {
    const sending = queue.prepare(entries)
    const inline = contents
      .filter(({ body }) => body.length <= INLINE_BYTES)
      .map(({ key, body }) => blobs.prepare(key, body))
    for (const { key, body } of contents) {
      if (body.length > INLINE_BYTES) await blobs.put(key, body, { maxBytes: body.length })
    }
    await engine.commit(() => {
      for (const write of inline) write()
      sending.write()
    })
    sending.announce()
  }
}
