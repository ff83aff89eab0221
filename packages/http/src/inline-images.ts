import type { ReceivedAttachment } from '@kabutar/core/messages/message.ts'
import { decodeChunks } from '@kabutar/mail/mime/decode.ts'
import type { Range } from '@kabutar/mail/read/message.ts'

const CID = /\bcid:([^\s"'<>()]{1,300})/gi

/**
 * Puts the images that a message brings along in place of their `cid:` addresses (RFC 2392), as far as `maxBytes` reaches.
 * Only the ranges of those images are read from the raw message, one after the other.
 */
export async function withImages(
  html: string,
  attachments: readonly ReceivedAttachment[],
  range: Range,
  maxBytes: number,
): Promise<string> {
  const named = new Map(
    attachments.flatMap((part) => (part.contentId && mayBeImage(part) ? [[part.contentId, part]] : [])),
  )
  const uris = new Map<string, string>()
  let left = maxBytes
  for (const [, address = ''] of html.matchAll(CID)) {
    const image = named.get(decoded(address))
    if (image === undefined || (image.size / 3) * 4 > left) continue
    const uri = uris.get(address) ?? (await dataUri(range, image))
    if (uri === undefined || uri.length > left) continue
    uris.set(address, uri)
    left -= uri.length
  }
  left = maxBytes
  return html.replace(CID, (address, name: string) => {
    const uri = uris.get(name)
    if (uri === undefined || uri.length > left) return address
    left -= uri.length
    return uri
  })
}

const UNTYPED = 'application/octet-stream'
/** Some senders give every file this type, their inline images too; mail programs show those all the same. */
const mayBeImage = ({ contentType }: ReceivedAttachment) => contentType.startsWith('image/') || contentType === UNTYPED

async function dataUri(range: Range, image: ReceivedAttachment): Promise<string | undefined> {
  const { from, to, encoding, contentType } = image
  const chunks: Uint8Array[] = []
  for await (const chunk of decodeChunks(range(from, to), encoding)) chunks.push(chunk)
  const bytes = Buffer.concat(chunks)
  const type = contentType === UNTYPED ? imageTypeOf(bytes) : contentType
  return type && `data:${type};base64,${bytes.toString('base64')}`
}

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
