/**
 * The Blobs port on one machine. Bodies of up to 64 KB are rows of the database, where they share its group commit: that
 * costs a tenth of a file with fsyncs of its own. Larger ones are files.
 */
import { checkBlobKey, checkLink, checkRange, checkUpload } from '@kabutar/core/ports/blob-rules.ts'
import type { BlobBody, BlobPart, Blobs, ByteRange, LinkOptions, OpenBlob } from '@kabutar/core/ports/blobs.ts'
import type { Clock } from '@kabutar/core/ports/clock.ts'
import { StoreError } from '@kabutar/core/ports/table.ts'
import { type Engine, reading } from '../sqlite/engine.ts'
import { BlobFiles } from './blob-files.ts'
import { type Link, LinkSigner, type Upload } from './links.ts'

export type LocalBlobs = Blobs & {
  /**
   * Prepares to put a body of at most `INLINE_BYTES` in a transaction with other writes: the answer runs inside
   * `Engine.commit`.
   * @throws {StoreError} `Invalid` for a wrong key
   */
  prepare(key: string, body: Uint8Array): () => void
  /** Links to a part of a message, which the server decodes as it sends it. */
  linkPart(key: string, part: BlobPart, options: LinkOptions): Promise<URL>
  /** Answers what a `/downloads/…` URL opens. Undefined if the link is not valid: the server answers 403. */
  verifyLink(url: URL): Link | undefined
  /** Answers what an `/uploads/…` URL takes. Undefined if the link is not valid: the server answers 403. */
  verifyUpload(url: URL): Upload | undefined
  /** Signs links with a new secret from now on. Links of the secret before it stay valid, older ones do not. */
  rotateSecret(): void
}

export const INLINE_BYTES = 64 * 1024

const PUT = 'INSERT INTO blob (key, body) VALUES (?, ?) ON CONFLICT (key) DO NOTHING'
const GET = 'SELECT body FROM blob WHERE key = ?'
const DELETE = 'DELETE FROM blob WHERE key = ?'

export function localBlobs(
  engine: Engine,
  folder: string,
  options: { readonly baseUrl: URL; readonly clock: Clock },
): LocalBlobs {
  const files = new BlobFiles(folder)
  const links = new LinkSigner(folder, options.baseUrl)
  const inline = (key: string) => reading(() => engine.statement(GET).get(key)?.body) as Uint8Array | undefined
  return {
    put: (key, body, { maxBytes }) => put({ engine, files }, key, body, maxBytes),
    prepare(key, body) {
      checkBlobKey(key)
      return () => void engine.statement(PUT).run(key, body)
    },
    async get(key) {
      checkBlobKey(key)
      return inline(key) ?? files.read(key).catch(unavailable)
    },
    async open(key, range) {
      checkBlobKey(key)
      if (range) checkRange(range)
      const body = inline(key)
      return body ? openInline(body, range) : openFile(files, key, range)
    },
    async delete(keys) {
      for (const key of keys) checkBlobKey(key)
      if (keys.length === 0) return
      await engine.commit(() => {
        for (const key of keys) engine.statement(DELETE).run(key)
      })
      for (const key of keys) await files.delete(key).catch(unavailable)
    },
    async link(key, wanted) {
      checkLink(key, wanted)
      return links.sign(key, wanted, options.clock.now())
    },
    async linkPart(key, part, wanted) {
      checkLink(key, wanted)
      return links.sign(key, { ...wanted, part }, options.clock.now())
    },
    async uploadLink(key, wanted) {
      checkUpload(key, wanted)
      return links.signUpload(key, wanted, options.clock.now())
    },
    verifyUpload: (url) => links.verifyUpload(url, options.clock.now()),
    verifyLink: (url) => links.verify(url, options.clock.now()),
    rotateSecret: () => links.rotate(),
  }
}

type Stores = { readonly engine: Engine; readonly files: BlobFiles }

async function put({ engine, files }: Stores, key: string, body: BlobBody, maxBytes: number): Promise<void> {
  checkBlobKey(key)
  if (body instanceof Uint8Array && body.length <= Math.min(INLINE_BYTES, maxBytes)) return putInline(engine, key, body)
  const source = new Source(body, maxBytes)
  const chunks = source.chunks()
  // Copied into one buffer: kept as they came, chunks of a few bytes would take many times their size.
  const start = Buffer.allocUnsafe(INLINE_BYTES)
  let bytes = 0
  for (let next = await chunks.next(); !next.done; next = await chunks.next()) {
    const chunk = next.value
    if (bytes + chunk.length > INLINE_BYTES) {
      const pieces = joined(start.subarray(0, bytes), chunk, chunks)
      return await files.write(key, pieces).catch((error) => source.rethrow(error))
    }
    start.set(chunk, bytes)
    bytes += chunk.length
  }
  await putInline(engine, key, start.subarray(0, bytes))
}

async function putInline(engine: Engine, key: string, body: Uint8Array): Promise<void> {
  await engine.commit(() => engine.statement(PUT).run(key, body))
}

/** Reads a body, and keeps its own errors (a client that went away) apart from those of the file system. */
class Source {
  readonly #body: Iterable<Uint8Array> | AsyncIterable<Uint8Array>
  readonly #maxBytes: number
  #failure: unknown

  constructor(body: BlobBody, maxBytes: number) {
    this.#body = body instanceof Uint8Array ? [body] : body
    this.#maxBytes = maxBytes
  }

  /** @throws {StoreError} `TooLarge` after more than `maxBytes`; and the errors of the body */
  async *chunks(): AsyncGenerator<Uint8Array, undefined> {
    let size = 0
    try {
      for await (const chunk of this.#body) {
        size += chunk.length
        if (size > this.#maxBytes) throw new StoreError('TooLarge', `a blob is over ${this.#maxBytes} bytes`)
        yield chunk
      }
    } catch (error) {
      this.#failure = error
      throw error
    }
  }

  rethrow(error: unknown): never {
    if (error === this.#failure) throw error
    return unavailable(error)
  }
}

async function* joined(start: Uint8Array, next: Uint8Array, rest: AsyncIterable<Uint8Array>) {
  if (start.length > 0) yield start
  yield next
  yield* rest
}

function openInline(body: Uint8Array, range: ByteRange = { from: 0, to: body.length }): OpenBlob {
  const part = body.subarray(range.from, range.to + 1)
  return {
    size: body.length,
    body: (async function* () {
      if (part.length > 0) yield part
    })(),
  }
}

async function openFile(files: BlobFiles, key: string, range?: ByteRange): Promise<OpenBlob | undefined> {
  const size = await files.sizeOf(key).catch(unavailable)
  if (size === undefined) return undefined
  const { from, to } = range ?? { from: 0, to: size }
  return { size, body: files.stream(key, { from, to: Math.min(to, size - 1) }) }
}

function unavailable(cause: unknown): never {
  throw new StoreError('Unavailable', 'the store is not available', { cause })
}
