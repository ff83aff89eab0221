import { chmodSync, closeSync, mkdirSync, openSync } from 'node:fs'
import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'

/** The lock of a data folder. It is lost if nothing refers to this object any more. */
export type FolderLock = { release(): void }

/**
 * Locks a data folder for this process. The lock is SQLite's own file lock, which the kernel ends with the process, so
 * that no stale lock file has to be judged by its age or process id.
 * @throws {Error} one line, if the folder is locked already, by another process or by this one
 */
export function lockFolder(folder: string): FolderLock {
  const path = join(privateFolder(folder), 'lock')
  touchPrivate(path)
  const database = new DatabaseSync(path, { timeout: 0 })
  try {
    database.exec('PRAGMA locking_mode=EXCLUSIVE; BEGIN EXCLUSIVE; COMMIT')
  } catch (cause) {
    database.close()
    throw new Error(`the data folder ${folder} is in use by another process`, { cause })
  }
  return {
    release() {
      if (database.isOpen) database.close()
    },
  }
}

/** Creates the folder if it is missing, and makes it readable by its owner alone. */
export function privateFolder(folder: string): string {
  mkdirSync(folder, { recursive: true, mode: 0o700 })
  chmodSync(folder, 0o700)
  return folder
}

/** Creates the file readable by its owner alone. SQLite gives the files that it puts beside it the same mode. */
export function touchPrivate(path: string): void {
  closeSync(openSync(path, 'a', 0o600))
}
