import { existsSync, readdirSync, statSync } from 'node:fs'
import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { DataFolderError } from '../files/data-folder.ts'

/** A check reads all that it checks, at some hundred MB a second. A larger file is checked in part at the start. */
const MAX_CHECKED_BYTES = 512 * 1024 * 1024
/** What is small in a large file and harms most: the entries of the queues. */
const SMALL_TABLE = 'queue_entry'
const BLOB_FOLDER = /^[0-9a-f]{2}$/
const RESTORE = 'restore a backup as docs/operations.md says'

/**
 * Refuses a database that must not be written to. Up to 512 MB all of it gets SQLite's `quick_check`; of a larger one only
 * the queues do, and `npm run check` checks the rest.
 * @throws {DataFolderError} if it is damaged, or empty although the folder has blobs
 */
export function checkDatabase(folder: string, path: string): void {
  const database = open(path)
  try {
    if (tablesOf(database) === 0) {
      if (!hasBlobs(folder)) return
      throw new DataFolderError(
        `the database ${path} is empty although ${folder} has blobs; ${RESTORE}, or start on a new folder`,
      )
    }
    const [fault] = faultsOf(database, statSync(path).size <= MAX_CHECKED_BYTES ? 'quick' : 'queues', 1)
    if (fault !== undefined) throw new DataFolderError(`the database ${path} is damaged (${fault}); ${RESTORE}`)
  } finally {
    database.close()
  }
}

function open(path: string): DatabaseSync {
  const database = new DatabaseSync(path, { timeout: 10_000 })
  try {
    database.exec('PRAGMA schema_version')
    return database
  } catch (cause) {
    database.close()
    throw new DataFolderError(`the database ${path} can't be opened (${(cause as Error).message}); ${RESTORE}`, {
      cause,
    })
  }
}

/** Answers what SQLite finds wrong, at most `most` lines. `whole` also compares the indexes with the tables. */
export function faultsOf(database: DatabaseSync, what: 'quick' | 'queues' | 'whole', most: number): readonly string[] {
  const pragma = {
    quick: `quick_check(${most})`,
    queues: `quick_check(${SMALL_TABLE})`,
    whole: `integrity_check(${most})`,
  }
  try {
    const lines = database
      .prepare(`PRAGMA ${pragma[what]}`)
      .all()
      .map((row) => String(Object.values(row)[0]))
    return lines
      .filter((line) => line !== 'ok')
      .map((line) => line.replace(/\s+/g, ' '))
      .slice(0, most)
  } catch (error) {
    return [(error as Error).message]
  }
}

function tablesOf(database: DatabaseSync): number {
  try {
    return Number(database.prepare('SELECT count(*) AS tables FROM sqlite_schema').get()?.tables)
  } catch {
    // A damaged schema: the check says what it is.
    return 1
  }
}

function hasBlobs(folder: string): boolean {
  const blobs = join(folder, 'blobs')
  if (!existsSync(blobs)) return false
  return readdirSync(blobs).some((name) => BLOB_FOLDER.test(name) && readdirSync(join(blobs, name)).length > 0)
}
