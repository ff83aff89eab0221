import { accessSync, closeSync, constants, mkdirSync, openSync, type Stats, statSync } from 'node:fs'
import { dirname, join, resolve } from 'node:path'
import { DatabaseSync } from 'node:sqlite'

/** The lock of a data folder. It is lost if nothing refers to this object any more. */
export type FolderLock = { release(): void }

/** A data folder that can't be used. `message` is one line that says why, and what to do about it. */
export class DataFolderError extends Error {
  constructor(message: string, options?: ErrorOptions) {
    super(message, options)
    this.name = 'DataFolderError'
  }
}

/**
 * Locks a data folder for this process. The lock is SQLite's own file lock, which the kernel ends with the process, so
 * that no stale lock file has to be judged by its age or process id.
 * @throws {DataFolderError} also if the folder is locked already, by another process or by this one
 */
export function lockFolder(folder: string): FolderLock {
  prepareFolder(folder)
  const path = join(folder, 'lock')
  touchPrivate(path)
  const database = openLock(folder, path)
  try {
    database.exec('PRAGMA locking_mode=EXCLUSIVE; BEGIN EXCLUSIVE; COMMIT')
  } catch (cause) {
    database.close()
    throw lockError(folder, cause)
  }
  return {
    release() {
      if (database.isOpen) database.close()
    },
  }
}

function openLock(folder: string, path: string): DatabaseSync {
  try {
    return new DatabaseSync(path, { timeout: 0 })
  } catch (cause) {
    throw lockError(folder, cause)
  }
}

const SQLITE_BUSY = 5
const SQLITE_FULL = 13

function lockError(folder: string, cause: unknown): DataFolderError {
  const { errcode, message } = cause as Error & { readonly errcode?: number }
  const why =
    errcode === SQLITE_BUSY
      ? 'is in use by another process; stop that one, or name another folder'
      : `can't be locked (${message})`
  if (errcode === SQLITE_FULL) return new DataFolderError(`the disk of ${folder} is full; free some space`, { cause })
  return new DataFolderError(`the data folder ${folder} ${why}`, { cause })
}

/**
 * Makes sure that there is a folder that we can write to. What is created is readable by its owner alone; a folder that
 * exists keeps its mode, because others may use it too, and what we put into it is private anyway.
 */
function prepareFolder(folder: string): void {
  const existing = statsOf(folder)
  if (existing === undefined) createFolder(folder)
  else if (!existing.isDirectory()) {
    throw new DataFolderError(`${folder} is no folder; name a folder, or a path that does not exist yet`)
  }
  checkWritable(folder)
  checkOwner(join(folder, 'kabutar.db'))
}

/** Says that other users could remove what lies in a folder, if they may write to it; undefined if they may not. */
export function sharingWarning(folder: string): string | undefined {
  const mode = (statsOf(folder)?.mode ?? 0) & 0o7777
  if ((mode & 0o002) === 0) return undefined
  return `every user may write to ${folder} (mode ${mode.toString(8)}) and disturb what lies there; name a folder of its own, or take the right away with chmod o-w`
}

/** Creates the missing folders one by one: for a path below /proc, `mkdir` with `recursive` never ends. */
function createFolder(folder: string): void {
  const missing: string[] = []
  for (let path = resolve(folder); statsOf(path) === undefined && path !== dirname(path); path = dirname(path)) {
    missing.unshift(path)
  }
  try {
    for (const path of missing) mkdirSync(path, { mode: 0o700 })
  } catch (cause) {
    throw new DataFolderError(`${folder} can't be created (${reasonOf(cause)}); name a folder that you may write to`, {
      cause,
    })
  }
}

function statsOf(path: string): Stats | undefined {
  try {
    return statSync(path)
  } catch (cause) {
    const { code } = cause as NodeJS.ErrnoException
    if (code === 'ENOENT') return undefined
    const why = code === 'ENOTDIR' ? 'lies under a file' : `can't be looked at (${reasonOf(cause)})`
    throw new DataFolderError(`${path} ${why}; name a folder that you may write to`, { cause })
  }
}

function checkWritable(folder: string): void {
  try {
    accessSync(folder, constants.R_OK | constants.W_OK | constants.X_OK)
  } catch (cause) {
    const owner = statsOf(folder)?.uid
    throw new DataFolderError(
      `this process may not write to ${folder} (${reasonOf(cause)}), which belongs to user ${owner}; change its owner, or name another folder`,
      { cause },
    )
  }
}

/** As another user, we would leave files behind that the owner of the database can't open. */
function checkOwner(file: string): void {
  const [owner, self] = [statsOf(file)?.uid, process.getuid?.()]
  if (owner === undefined || self === undefined || owner === self) return
  throw new DataFolderError(
    `${file} belongs to user ${owner}, and this process runs as user ${self}; run it as that user, change the owner, or name another folder`,
  )
}

/** Creates the file readable by its owner alone. SQLite gives the files that it puts beside it the same mode. */
export function touchPrivate(path: string): void {
  try {
    closeSync(openSync(path, 'a', 0o600))
  } catch (cause) {
    throw new DataFolderError(
      `${path} can't be opened (${reasonOf(cause)}); see its owner and mode, and the free space`,
      {
        cause,
      },
    )
  }
}

const REASONS: Readonly<Record<string, string>> = {
  EACCES: 'permission denied',
  EPERM: 'permission denied',
  EROFS: 'the file system is read-only',
  ENOSPC: 'the disk is full',
  EDQUOT: 'the quota is used up',
  ENOENT: 'there are no folders to be made here',
  ENOTDIR: 'it lies under a file',
}

function reasonOf(cause: unknown): string {
  const { code = 'unknown error' } = cause as NodeJS.ErrnoException
  return REASONS[code] ?? code
}
