/** Uploads of files larger than a request: the application gets a link, puts the file there, and attaches it by its id. */
import { createHash } from 'node:crypto'
import { MailError } from '@kabutar/core/errors.ts'
import { createUpload, MAX_UPLOAD_BYTES, type UploadPorts } from '@kabutar/core/messages/uploads.ts'
import type { Blobs } from '@kabutar/core/ports/blobs.ts'
import { Hono } from 'hono'
import * as z from 'zod'
import { arriving, jsonBody } from './body.ts'
import { accountOf, type Env } from './env.ts'
import { HttpError } from './errors.ts'

export const UploadRequest = z
  .object({
    size: z.int().min(1).meta({ maximum: MAX_UPLOAD_BYTES }).describe('Bytes of the file, exactly.'),
  })
  .meta({ id: 'CreateUpload' })
type UploadTarget = { readonly key: string; readonly bytes: number }
interface UploadLinks {
  /** Returns what the link takes; undefined if it is not ours, was changed, or has expired. */
  verifyUpload(url: URL): UploadTarget | undefined
}
export type UploadRoutePorts = UploadPorts & { readonly downloads: UploadLinks }

/** POST /uploads answers with the link. */
export function uploads(ports: UploadPorts) {
  return new Hono<Env>().post('/', async (c) => {
    const { size } = await jsonBody(c, UploadRequest)
    const { id, url, expiresAt } = await createUpload(ports, accountOf(c), size)
    const headers = { 'Content-Length': String(size), 'If-None-Match': '*' }
    return c.json(
      { object: 'upload', id, method: 'PUT', url: url.href, headers, expires_at: expiresAt.toISOString() },
      201,
    )
  })
}

/**
 * PUT /uploads/… takes a file; the link is the permission. A link takes one file: sending the same again is no error, since
 * the first answer may have been lost. On AWS the link leads to S3, which answers 412 to every file after the first.
 */
export function uploadLinks({ blobs, downloads }: UploadRoutePorts) {
  const coming = new Set<string>()
  return new Hono<Env>().put('/:account/:blob', async (c) => {
    const upload = downloads.verifyUpload(new URL(c.req.url))
    if (upload === undefined) throw new HttpError(403, 'invalid_access', 'The link is not valid or has expired.')
    const declared = c.req.header('Content-Length')
    if (declared === undefined) throw new HttpError(411, 'validation_error', 'Missing the `Content-Length` header.')
    if (Number(declared) !== upload.bytes) {
      throw new HttpError(403, 'invalid_access', `The link takes exactly ${upload.bytes} bytes.`)
    }
    if (coming.has(upload.key)) throw new MailError('conflict', 'The file is being uploaded by another request.')
    coming.add(upload.key)
    try {
      await putOnce(blobs, upload, arriving(c.req.raw))
    } finally {
      coming.delete(upload.key)
    }
    return c.json({ object: 'upload', id: c.req.param('blob') })
  })
}

/** @throws {HttpError} `invalid_access` if the link has taken another file */
async function putOnce(blobs: Blobs, { key, bytes }: UploadTarget, body: AsyncIterable<Uint8Array>): Promise<void> {
  const before = await blobs.open(key)
  if (before === undefined) return blobs.put(key, body, { maxBytes: bytes })
  if ((await digestOf(body)) === (await digestOf(before.body))) return
  throw new HttpError(403, 'invalid_access', 'The link has taken another file already.')
}

async function digestOf(body: AsyncIterable<Uint8Array>): Promise<string> {
  const hash = createHash('sha256')
  for await (const chunk of body) hash.update(chunk)
  return hash.digest('hex')
}
