/**
 * Stores blobs as files, named by the SHA-256 of their key. So a key can't name another path, and two keys never differ
 * by case alone.
 */
import { createHash, randomUUID } from 'node:crypto'
import { createReadStream, mkdirSync, rmSync } from 'node:fs'
import { type FileHandle, mkdir, open, readFile, rename, rm, stat } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import type { ByteRange } from '@kabutar/core/ports/blobs.ts'

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

  /** Writes a file that is durable when this resolves. If `body` throws, no file is left. */
  async write(key: string, body: AsyncIterable<Uint8Array>): Promise<void> {
    const path = this.#pathOf(key)
    const temporary = join(this.#unfinished, randomUUID())
    try {
      await writeSynced(temporary, body)
      await this.#makeFolder(dirname(path))
      await rename(temporary, path)
      await syncFolder(dirname(path))
    } catch (error) {
      await rm(temporary, { force: true })
      throw error
    }
  }

  async read(key: string): Promise<Uint8Array | undefined> {
    return unlessMissing(readFile(this.#pathOf(key)))
  }

  async sizeOf(key: string): Promise<number | undefined> {
    return (await unlessMissing(stat(this.#pathOf(key))))?.size
  }

  /** Reads a range of the file. It is opened for the first chunk, so that an unread stream holds no descriptor. */
  async *stream(key: string, { from, to }: ByteRange): AsyncGenerator<Uint8Array> {
    if (from <= to) yield* createReadStream(this.#pathOf(key), { start: from, end: to })
  }

  async delete(key: string): Promise<void> {
    await rm(this.#pathOf(key), { force: true })
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

  #pathOf(key: string): string {
    const name = createHash('sha256').update(key).digest('hex')
    return join(this.#folder, name.slice(0, 2), name)
  }
}

async function writeSynced(path: string, body: AsyncIterable<Uint8Array>): Promise<void> {
  const file: FileHandle = await open(path, 'wx', 0o600)
  try {
    for await (const chunk of body) await file.writeFile(chunk)
    await file.datasync()
  } finally {
    await file.close()
  }
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
