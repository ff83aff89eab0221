import { partCopyKey } from '@kabutar/core/messages/derived-blobs.ts'
import type { Blobs, LinkOptions } from '@kabutar/core/ports/blobs.ts'
import { StoreError } from '@kabutar/core/ports/table.ts'
import { decodeChunks } from '@kabutar/mail/mime/decode.ts'

type BlobPart = { readonly from: number; readonly to: number; readonly encoding: string }

const MAX_PART_BYTES = 40 * 1024 * 1024

/**
 * Links to attachments inside a raw message, on S3 alone: a decoded copy is put beside the others under `parts/` when a
 * link is asked for, and S3 gives it out. So an attachment of any size needs no secret of ours and no answer of a
 * function, which may have 6 MB. Copies are removed with their message, and by the bucket's lifecycle after a day: that
 * is for those whose message stays, and for one that is made in the moment of its message's deletion.
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
    /** No link leads to /downloads here. */
    verifyLink: () => undefined,
    /** Nor to /uploads: uploads are S3's too. */
    verifyUpload: () => undefined,
  }
}

async function* range(blobs: Blobs, key: string, { from, to }: BlobPart): AsyncGenerator<Uint8Array> {
  if (to <= from) return
  const part = await blobs.open(key, { from, to: to - 1 })
  // Else an empty copy would stand for the attachment.
  if (part === undefined) throw new StoreError('Unavailable', 'the message of an attachment is not there')
  yield* part.body
}
