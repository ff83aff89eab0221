/**
 * The Blobs port on one machine. Bodies of up to 64 KB are rows of the database, where they share its group commit: that
 * costs a tenth of a file with fsyncs of its own. Larger ones are files.
 */
import { checkBlobKey, checkLink, checkRange, checkUpload } from '@kabutar/core/ports/blob-rules.ts'
import type { BlobBody, BlobPart, Blobs, LinkOptions } from '@kabutar/core/ports/blobs.ts'
import type { Clock } from '@kabutar/core/ports/clock.ts'
import type { Log } from '@kabutar/core/ports/log.ts'
import { StoreError } from '@kabutar/core/ports/table.ts'
import type { Engine } from '../sqlite/engine.ts'
import { BlobFiles, type Digest, type StagedFile } from './blob-files.ts'
import { type Link, LinkSigner, type Upload } from './links.ts'
import { type BlobStores, digestOf, openStored, readStored, storedBlob } from './read-stored.ts'

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

const PUT = 'INSERT INTO blob (key, bytes, sha256, body) VALUES (?, ?, ?, ?) ON CONFLICT (key) DO NOTHING'
const DELETE = 'DELETE FROM blob WHERE key = ?'

type LocalOptions = {
  readonly baseUrl: URL
  readonly clock: Clock
  /** Gets an error line for each reading of a damaged blob. */
  readonly log?: Log
}

export function localBlobs(engine: Engine, folder: string, options: LocalOptions): LocalBlobs {
  const files = new BlobFiles(folder)
  const stores: Stores = { engine, files, placing: new Map(), log: options.log }
  const links = new LinkSigner(folder, options.baseUrl)
  return {
    put: (key, body, { maxBytes }) => put(stores, key, body, maxBytes),
    prepare(key, body) {
      checkBlobKey(key)
      const digest = digestOf(body)
      return () => insert(engine, key, digest, body)
    },
    async get(key) {
      checkBlobKey(key)
      return readStored(stores, key).catch(unavailable)
    },
    async open(key, range) {
      checkBlobKey(key)
      if (range) checkRange(range)
      return openStored(stores, key, range).catch(unavailable)
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

type Stores = BlobStores & {
  /** Keys whose files are being put in place: one after the other, so that a file and its row are of one body. */
  readonly placing: Map<string, Promise<void>>
}

async function put(stores: Stores, key: string, body: BlobBody, maxBytes: number): Promise<void> {
  checkBlobKey(key)
  const { engine, files } = stores
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
      const staged = await files.stage(pieces).catch((error) => source.rethrow(error))
      return await placeInTurn(stores, key, staged).catch(unavailable)
    }
    start.set(chunk, bytes)
    bytes += chunk.length
  }
  await putInline(engine, key, start.subarray(0, bytes))
}

async function putInline(engine: Engine, key: string, body: Uint8Array): Promise<void> {
  const digest = digestOf(body)
  await engine.commit(() => insert(engine, key, digest, body))
}

function insert(engine: Engine, key: string, { bytes, sha256 }: Digest, body: Uint8Array | null): void {
  engine.statement(PUT).run(key, bytes, sha256, body)
}

async function placeInTurn(stores: Stores, key: string, staged: StagedFile): Promise<void> {
  const { placing } = stores
  const turn = (placing.get(key) ?? Promise.resolve()).catch(() => undefined).then(() => place(stores, key, staged))
  placing.set(key, turn)
  try {
    await turn
  } finally {
    if (placing.get(key) === turn) placing.delete(key)
  }
}

/** The file comes before the row that names it. A key that has other bytes already keeps them. */
async function place({ engine, files }: Stores, key: string, staged: StagedFile): Promise<void> {
  const known = storedBlob(engine, key)
  if (known !== undefined && (known.body !== null || known.sha256 !== staged.sha256)) return files.discard(staged)
  await files.place(staged, key)
  await engine.commit(() => insert(engine, key, staged, null))
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

function unavailable(cause: unknown): never {
  throw cause instanceof StoreError ? cause : new StoreError('Unavailable', 'the store is not available', { cause })
}
