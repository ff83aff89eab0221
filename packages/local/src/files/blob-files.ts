/**
 * Stores blobs as files, named by the SHA-256 of their key. So a key can't name another path, and two keys never differ
 * by case alone.
 */
import { createHash, randomUUID } from 'node:crypto'
import { createReadStream, mkdirSync, rmSync } from 'node:fs'
import { type FileHandle, mkdir, open, readFile, rename, rm, stat } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import type { ByteRange } from '@kabutar/core/ports/blobs.ts'

/** What a blob was when it was written. */
export type Digest = { readonly bytes: number; readonly sha256: string }
export type StagedFile = Digest & { readonly path: string }

export class BlobFiles {
  readonly #folder: string
  readonly #unfinished: string
  /** Folders that this process has made, with the sync that makes each durable: every writer waits for it. */
  readonly #folders = new Map<string, Promise<void>>()

  /** Deletes the unfinished files of a crash; therefore only one process may use the folder. */
  constructor(folder: string) {
    this.#folder = join(folder, 'blobs')
    mkdirSync(this.#folder, { recursive: true, mode: 0o700 })
    this.#unfinished = join(this.#folder, 'unfinished')
    rmSync(this.#unfinished, { recursive: true, force: true })
    mkdirSync(this.#unfinished, { mode: 0o700 })
  }

  /** Writes a body to a file without a key, durable except for its name. If `body` throws, no file is left. */
  async stage(body: AsyncIterable<Uint8Array>): Promise<StagedFile> {
    const path = join(this.#unfinished, randomUUID())
    try {
      return { path, ...(await writeSynced(path, body)) }
    } catch (error) {
      await rm(path, { force: true })
      throw error
    }
  }

  /** Makes a staged file that of the key, in place of any other. It is durable when this resolves. */
  async place(staged: StagedFile, key: string): Promise<void> {
    const path = this.pathOf(key)
    try {
      await this.#makeFolder(dirname(path))
      await rename(staged.path, path)
      await syncFolder(dirname(path))
    } catch (error) {
      await this.discard(staged)
      throw error
    }
  }

  async discard({ path }: StagedFile): Promise<void> {
    await rm(path, { force: true })
  }

  async read(key: string): Promise<Uint8Array | undefined> {
    return unlessMissing(readFile(this.pathOf(key)))
  }

  async sizeOf(key: string): Promise<number | undefined> {
    return (await unlessMissing(stat(this.pathOf(key))))?.size
  }

  /** Reads a range of the file. It is opened for the first chunk, so that an unread stream holds no descriptor. */
  async *stream(key: string, { from, to }: ByteRange): AsyncGenerator<Uint8Array> {
    if (from <= to) yield* createReadStream(this.pathOf(key), { start: from, end: to })
  }

  async delete(key: string): Promise<void> {
    await rm(this.pathOf(key), { force: true })
  }

  /** Makes one of the 256 folders, once in a process. */
  #makeFolder(path: string): Promise<void> {
    const known = this.#folders.get(path)
    if (known !== undefined) return known
    const made = mkdir(path, { recursive: true, mode: 0o700 }).then(() => syncFolder(this.#folder))
    this.#folders.set(path, made)
    made.catch(() => this.#folders.delete(path))
    return made
  }

  pathOf(key: string): string {
    return join(this.#folder, blobFileName(key))
  }
}

/** The name of a blob's file below the folder of blobs. */
export function blobFileName(key: string): string {
  const name = createHash('sha256').update(key).digest('hex')
  return join(name.slice(0, 2), name)
}

async function writeSynced(path: string, body: AsyncIterable<Uint8Array>): Promise<Digest> {
  const file: FileHandle = await open(path, 'wx', 0o600)
  const hash = createHash('sha256')
  let bytes = 0
  try {
    for await (const chunk of body) {
      hash.update(chunk)
      bytes += chunk.length
      await file.writeFile(chunk)
    }
    await file.datasync()
  } finally {
    await file.close()
  }
  return { bytes, sha256: hash.digest('hex') }
}

async function syncFolder(path: string): Promise<void> {
  const folder = await open(path, 'r')
  try {
    await folder.sync()
  } finally {
    await folder.close()
  }
}

async function unlessMissing<T>(reading: Promise<T>): Promise<T | undefined> {
  try {
    return await reading
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined
    throw error
  }
}
