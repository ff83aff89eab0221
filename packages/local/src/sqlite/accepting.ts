/** Content and queue entries of an accepted message in one commit: half the waits, and no half of a message. */
import { checkBlobKey } from '@kabutar/core/ports/blob-rules.ts'
import type { Blobs } from '@kabutar/core/ports/blobs.ts'
import type { Queue } from '@kabutar/core/ports/queue.ts'
import type { StoreAtOnce } from '@kabutar/core/receiving/accept.ts'
import { INLINE_BYTES } from '../files/blobs.ts'
import type { Engine } from './engine.ts'

/** `blobs` and `queue` are of `engine`. Content that lies in a file is durable before the entries are. */
export function storeAtOnce(engine: Engine, blobs: Blobs, queue: Queue): StoreAtOnce {
  return async (contents, entries) => {
    for (const { key } of contents) checkBlobKey(key)
    const put = () => contents.map(({ key, body }) => blobs.put(key, body, { maxBytes: body.length }))
    if (contents.every(({ body }) => body.length <= INLINE_BYTES)) {
      await engine.joined(() => Promise.all([...put(), queue.send(entries)]))
      return
    }
    await Promise.all(put())
    await queue.send(entries)
  }
}
