import type { ReceivedAttachment } from '@kabutar/core/messages/message.ts'
import { decodeChunks } from '@kabutar/mail/mime/decode.ts'
import type { Range } from '@kabutar/mail/read/message.ts'

type ImageOptions = {
  /** Bounds the addresses of all images together. */
  readonly maxBytes: number
  /** Aborts when nobody waits for the answer any more. */
  readonly signal: AbortSignal
}

const CID = /\bcid:([^\s"'<>()]{1,300})/gi

/**
 * Puts the images that a message brings along in place of their `cid:` addresses (RFC 2392), as far as `maxBytes` reaches.
 * Only the ranges of those images are read from the raw message, one after the other, and each once: a stranger may mention a
 * part a thousand times, and a part that is no image too. Reading stops when `signal` aborts; the answer is not whole then.
 */
export async function withImages(
  html: string,
  attachments: readonly ReceivedAttachment[],
  range: Range,
  { maxBytes, signal }: ImageOptions,
): Promise<string> {
  const named = new Map(
    attachments.flatMap((part) => (part.contentId && mayBeImage(part) ? [[part.contentId, part]] : [])),
  )
  const imageOf = (address: string) => named.get(decoded(address))
  const uris = new Map<ReceivedAttachment, string | undefined>()
  let left = maxBytes
  for (const [, address = ''] of html.matchAll(CID)) {
    if (signal.aborted) break
    const image = imageOf(address)
    if (image === undefined || (image.size / 3) * 4 > left) continue
    const uri = uris.has(image) ? uris.get(image) : await dataUri(range, image, signal)
    const fits = uri !== undefined && uri.length <= left
    if (fits) left -= uri.length
    if (!uris.has(image)) uris.set(image, fits ? uri : undefined)
  }
  left = maxBytes
  return html.replace(CID, (address, name: string) => {
    const image = imageOf(name)
    const uri = image && uris.get(image)
    if (uri === undefined || uri.length > left) return address
    left -= uri.length
    return uri
  })
}

const UNTYPED = 'application/octet-stream'
/** Some senders give every file this type, their inline images too; mail programs show those all the same. */
const mayBeImage = ({ contentType }: ReceivedAttachment) => contentType.startsWith('image/') || contentType === UNTYPED

async function dataUri(range: Range, image: ReceivedAttachment, signal: AbortSignal): Promise<string | undefined> {
  const { from, to, encoding, contentType } = image
  const read = async (end: number) => {
    const chunks: Uint8Array[] = []
    for await (const chunk of decodeChunks(range(from, end), encoding)) {
      if (signal.aborted) break
      chunks.push(chunk)
    }
    return Buffer.concat(chunks)
  }
  const type = contentType === UNTYPED ? imageTypeOf(await read(Math.min(to, from + SNIFFED_BYTES))) : contentType
  return type && `data:${type};base64,${(await read(to)).toString('base64')}`
}

/** Encoded bytes of an untyped part that are read to know its type. */
const SNIFFED_BYTES = 1024

const SIGNATURES = { 'image/png': '\x89PNG\r\n\x1a\n', 'image/jpeg': '\xff\xd8\xff', 'image/gif': 'GIF8' } as const

/** Answers the image type by the first bytes, as browsers do (WHATWG MIME Sniffing section 6.1); undefined for no image. */
function imageTypeOf(bytes: Buffer): string | undefined {
  const begin = bytes.toString('latin1', 0, 12)
  if (begin.startsWith('RIFF') && begin.endsWith('WEBP')) return 'image/webp'
  return Object.entries(SIGNATURES).find(([, signature]) => begin.startsWith(signature))?.[0]
}

function decoded(name: string): string {
  try {
    return decodeURIComponent(name)
  } catch {
    return name
  }
}
