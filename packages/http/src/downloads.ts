/**
 * Serves what a signed link names, a whole blob or an attachment, without an API key until the link expires. On AWS no link
 * leads here: blobs and attachments are S3's own presigned links (aws/src/s3/part-links.ts).
 */
import { readRange } from '@kabutar/core/messages/received.ts'
import { attachmentDisposition } from '@kabutar/core/ports/blob-rules.ts'
import type { BlobPart, Blobs, ByteRange, LinkOptions } from '@kabutar/core/ports/blobs.ts'
import { decodeChunks } from '@kabutar/mail/mime/decode.ts'
import { type Context, Hono } from 'hono'
import type { Env } from './env.ts'
import { HttpError } from './errors.ts'

type Download = {
  readonly key: string
  readonly filename: string
  readonly contentType: string
  /** Undefined: the whole blob. */
  readonly part?: BlobPart
}
interface DownloadLinks {
  linkPart(key: string, part: BlobPart, options: LinkOptions): Promise<URL>
  /** Undefined if the URL is not ours, was changed, or has expired. */
  verifyLink(url: URL): Download | undefined
}
export type DownloadPorts = { readonly blobs: Blobs; readonly downloads: DownloadLinks }

/** GET and HEAD /downloads/…, with ranges of whole blobs. The link is the permission, so its query is never logged. */
export function downloads(ports: DownloadPorts) {
  const open = async (c: Context) => {
    const download = ports.downloads.verifyLink(new URL(c.req.url))
    if (download === undefined) throw new HttpError(403, 'invalid_access', 'The link is not valid or has expired.')
    return download.part === undefined ? wholeBlob(ports, c, download) : partOfBlob(ports, download, download.part)
  }
  return new Hono<Env>().get('/:account/:blob', open).get('/parts/:account/:blob/:name', open)
}

async function wholeBlob({ blobs }: DownloadPorts, c: Context, download: Download): Promise<Response> {
  const open = await blobs.open(download.key)
  if (open === undefined) throw gone()
  const headers = { ...headersOf(download), 'Accept-Ranges': 'bytes' }
  const asked = rangeOf(c.req.header('Range'), open.size)
  if (asked === undefined) {
    return new Response(streamOf(open.body), { headers: { ...headers, 'Content-Length': String(open.size) } })
  }
  if (asked === 'unsatisfiable') {
    return new Response(null, { status: 416, headers: { ...headers, 'Content-Range': `bytes */${open.size}` } })
  }
  const { from, to } = asked
  const part = await blobs.open(download.key, asked)
  if (part === undefined) throw gone()
  const range = { 'Content-Range': `bytes ${from}-${to}/${open.size}`, 'Content-Length': String(to - from + 1) }
  return new Response(streamOf(part.body), { status: 206, headers: { ...headers, ...range } })
}

async function partOfBlob({ blobs }: DownloadPorts, download: Download, part: BlobPart): Promise<Response> {
  const { from, to, encoding } = part
  if ((await blobs.open(download.key)) === undefined) throw gone()
  const body = decodeChunks(readRange(blobs, download.key, from, to), encoding)
  return new Response(streamOf(body), { headers: headersOf(download) })
}

/** Prevents that a browser shows, sniffs or runs a file under our name: mail comes from strangers. */
function headersOf({ filename, contentType }: Download): Record<string, string> {
  return {
    'Content-Type': contentType,
    'Content-Disposition': attachmentDisposition(filename),
    'X-Content-Type-Options': 'nosniff',
    'Content-Security-Policy': "sandbox; default-src 'none'",
    'Cache-Control': 'private, no-store',
  }
}

/** Reads one range of bytes (RFC 9110 section 14.2); undefined for any other header, which is answered with the whole. */
export function rangeOf(header: string | undefined, size: number): ByteRange | 'unsatisfiable' | undefined {
  const [, first = '', last = ''] = /^bytes=(\d{0,15})-(\d{0,15})$/.exec(header ?? '') ?? []
  if (first === '' && last === '') return undefined
  if (first === '') {
    const length = Math.min(Number(last), size)
    return length === 0 ? 'unsatisfiable' : { from: size - length, to: size - 1 }
  }
  const from = Number(first)
  const to = last === '' ? size - 1 : Math.min(Number(last), size - 1)
  if (last !== '' && Number(last) < from) return undefined
  return from >= size ? 'unsatisfiable' : { from, to }
}

const gone = () => new HttpError(404, 'not_found', 'The file was deleted.')
const streamOf = (body: AsyncIterable<Uint8Array>) => ReadableStream.from(body) as ReadableStream<Uint8Array>
