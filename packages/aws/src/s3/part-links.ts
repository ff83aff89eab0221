import { partCopyKey } from '@kabutar/core/messages/blob-keys.ts'
import type { BlobPart, Blobs, LinkOptions } from '@kabutar/core/ports/blobs.ts'
import { StoreError } from '@kabutar/core/ports/table.ts'
import { decodeChunks } from '@kabutar/mail/mime/decode.ts'

const MAX_PART_BYTES = 40 * 1024 * 1024

/**
 * Links to attachments inside a raw message. When a link is asked for, a decoded copy of the attachment is stored under
 * `parts/`, and the link is S3's own to that copy: an answer of a function has at most 6 MB, and an attachment may be
 * larger. Copies are deleted with their message, and by the bucket's lifecycle rule after a day.
 */
export function partLinks(blobs: Blobs) {
  return {
    async linkPart(key: string, part: BlobPart, options: LinkOptions): Promise<URL> {
      const copy = partCopyKey(key, part)
      if ((await blobs.open(copy, { from: 0, to: 0 })) === undefined) {
        await blobs.put(copy, decodeChunks(range(blobs, key, part), part.encoding), { maxBytes: MAX_PART_BYTES })
      }
      return blobs.link(copy, options)
    },
    /** Accepts nothing: downloads and uploads are links to S3, so none leads to /downloads or /uploads of the API. */
    verifyLink: () => undefined,
    verifyUpload: () => undefined,
  }
}

async function* range(blobs: Blobs, key: string, { from, to }: BlobPart): AsyncGenerator<Uint8Array> {
  if (to <= from) return
  const part = await blobs.open(key, { from, to: to - 1 })
  // Without the error an empty copy would be stored for the attachment.
  if (part === undefined) throw new StoreError('Unavailable', 'the raw message of an attachment is missing')
  yield* part.body
}
