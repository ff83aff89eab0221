/**
 * Signs and verifies links to blobs. An HMAC covers method, key, expiry, account, file name and type, so that a link
 * opens one blob in one way until it expires. The secret is a file in the data folder. Links stay valid over one rotation
 * of it, but not over two.
 */
import { createHmac, randomBytes, timingSafeEqual } from 'node:crypto'
import { closeSync, fsyncSync, linkSync, openSync, readFileSync, renameSync, rmSync, writeSync } from 'node:fs'
import { dirname, join } from 'node:path'
import type { BlobPart, LinkOptions, UploadOptions } from '@kabutar/core/ports/blobs.ts'

const PATH = '/downloads/'
const UPLOADS = '/uploads/'

export type Link = {
  readonly key: string
  readonly filename: string
  readonly contentType: string
  /** Undefined for the whole blob. */
  readonly part?: BlobPart
}

/** The key and size of a blob that may be uploaded. */
export type Upload = { readonly key: string; readonly bytes: number }

export class LinkSigner {
  readonly #file: string
  readonly #baseUrl: URL
  /** Newest first. */
  #secrets: readonly string[]

  /** `baseUrl` is where the server answers `/downloads/…`. */
  constructor(folder: string, baseUrl: URL) {
    this.#file = join(folder, 'link-secret')
    this.#baseUrl = baseUrl
    this.#secrets = readOrMake(this.#file)
  }

  sign(key: string, options: LinkOptions & { readonly part?: BlobPart }, nowMs: number): URL {
    const { expiresInSeconds, filename, contentType } = options
    const part = options.part && partText(options.part)
    const expires = String(Math.floor(nowMs / 1000) + Math.ceil(expiresInSeconds))
    const url = this.#urlOf(PATH, key)
    const signature = signatureOf(this.#secrets[0] ?? '', { key, expires, filename, contentType, part })
    const query = { expires, filename, type: contentType, ...(part !== undefined && { part }), signature }
    url.search = new URLSearchParams(query).toString()
    return url
  }

  /** Answers what a link opens, for GET and HEAD. Undefined if it is forged, changed or expired. */
  verify(url: URL, nowMs: number): Link | undefined {
    const at = url.pathname.indexOf(PATH)
    const [expires, filename, contentType, signature] = ['expires', 'filename', 'type', 'signature'].map((name) =>
      url.searchParams.get(name),
    )
    if (at < 0 || expires == null || filename == null || contentType == null || signature == null) return undefined
    const key = url.pathname.slice(at + PATH.length)
    const part = url.searchParams.get('part') ?? undefined
    const signed = { key, expires, filename, contentType, part }
    if (!this.#secrets.some((secret) => sameText(signatureOf(secret, signed), signature))) return undefined
    if (Number(expires) * 1000 <= nowMs) return undefined
    return { key, filename, contentType, ...(part !== undefined && { part: partOf(part) }) }
  }

  signUpload(key: string, { bytes, expiresInSeconds }: UploadOptions, nowMs: number): URL {
    const url = this.#urlOf(UPLOADS, key)
    const signed = {
      key,
      expires: String(Math.floor(nowMs / 1000) + Math.ceil(expiresInSeconds)),
      bytes: String(bytes),
    }
    const { expires } = signed
    const signature = uploadSignature(this.#secrets[0] ?? '', signed)
    url.search = new URLSearchParams({ expires, bytes: signed.bytes, signature }).toString()
    return url
  }

  /** Answers what a link takes. Undefined if it is forged, changed or expired. */
  verifyUpload(url: URL, nowMs: number): Upload | undefined {
    const at = url.pathname.indexOf(UPLOADS)
    const [expires, bytes, signature] = ['expires', 'bytes', 'signature'].map((name) => url.searchParams.get(name))
    if (at < 0 || expires == null || bytes == null || signature == null) return undefined
    const key = url.pathname.slice(at + UPLOADS.length)
    const signed = { key, expires, bytes }
    if (!this.#secrets.some((secret) => sameText(uploadSignature(secret, signed), signature))) return undefined
    return Number(expires) * 1000 <= nowMs ? undefined : { key, bytes: Number(bytes) }
  }

  #urlOf(path: string, key: string): URL {
    const url = new URL(this.#baseUrl)
    url.pathname = `${url.pathname.replace(/\/$/, '')}${path}${key}`
    return url
  }

  rotate(): void {
    this.#secrets = [newSecret(), ...this.#secrets.slice(0, 1)]
    const temporary = `${this.#file}.${process.pid}`
    writePrivate(temporary, this.#secrets.join('\n'))
    renameSync(temporary, this.#file)
    syncFolder(dirname(this.#file))
  }
}

const newSecret = () => randomBytes(32).toString('base64url')

const partText = ({ from, to, encoding }: BlobPart) => `${from}-${to}-${encoding}`

/** Parses the text of `partText`; the signature has proved that it is one. */
function partOf(text: string): BlobPart {
  const [from = '', to = '', ...encoding] = text.split('-')
  return { from: Number(from), to: Number(to), encoding: encoding.join('-') }
}

type Signed = Record<'key' | 'expires' | 'filename' | 'contentType', string> & { readonly part: string | undefined }

function signatureOf(secret: string, { key, expires, filename, contentType, part }: Signed): string {
  const account = key.slice(0, key.indexOf('/'))
  const signed = JSON.stringify(['GET', key, expires, account, filename, contentType, part ?? null])
  return createHmac('sha256', secret).update(signed).digest('base64url')
}

function uploadSignature(secret: string, { key, expires, bytes }: Record<'key' | 'expires' | 'bytes', string>): string {
  return createHmac('sha256', secret)
    .update(JSON.stringify(['PUT', key, expires, bytes]))
    .digest('base64url')
}

function sameText(a: string, b: string): boolean {
  const [x, y] = [Buffer.from(a), Buffer.from(b)]
  return x.length === y.length && timingSafeEqual(x, y)
}

/**
 * Reads the secrets, or makes the first one. A new file is written and synced under another name and then linked, so that
 * a crash leaves no half secret and an existing one is never replaced.
 */
function readOrMake(file: string): readonly string[] {
  const temporary = `${file}.${process.pid}`
  writePrivate(temporary, newSecret())
  try {
    linkSync(temporary, file)
    syncFolder(dirname(file))
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error
  } finally {
    rmSync(temporary, { force: true })
  }
  const secrets = readFileSync(file, 'utf8').split('\n').filter(Boolean)
  if (secrets.length === 0) throw new Error(`${file} contains no secret; delete the file to get a new one`)
  return secrets
}

function writePrivate(path: string, text: string): void {
  rmSync(path, { force: true })
  const file = openSync(path, 'wx', 0o600)
  try {
    writeSync(file, text)
    fsyncSync(file)
  } finally {
    closeSync(file)
  }
}

function syncFolder(path: string): void {
  const folder = openSync(path, 'r')
  try {
    fsyncSync(folder)
  } finally {
    closeSync(folder)
  }
}
