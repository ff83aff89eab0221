import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { privateFolder, touchPrivate } from '../sqlite/engine.ts'

/** A connection that nobody refers to would be collected, and its lock with it. */
const held = new Set<DatabaseSync>()

/**
 * Takes a data folder for this process until the answer is called. The lock belongs to the kernel (SQLite's own file
 * lock), so it ends with its process: however that dies, there is no stale lock to judge by pid or age.
 * @throws {Error} one line, if another process or another call holds it
 */
export function lockFolder(folder: string): () => void {
  const path = join(privateFolder(folder), 'lock')
  touchPrivate(path)
  const lock = new DatabaseSync(path, { timeout: 0 })
  try {
    lock.exec('PRAGMA locking_mode=EXCLUSIVE; BEGIN EXCLUSIVE; COMMIT')
  } catch (cause) {
    lock.close()
    throw new Error(`the data folder ${folder} is in use by another process`, { cause })
  }
  held.add(lock)
  return () => {
    held.delete(lock)
    if (lock.isOpen) lock.close()
  }
}
