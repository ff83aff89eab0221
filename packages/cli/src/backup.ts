/**
 * `npm run backup -- FOLDER [--data ./data]` copies the data folder of a server, which may be running, to a new folder
 * that a server can be started on. The new folder appears when the copy is complete.
 */
import { constants } from 'node:fs'
import { access, copyFile, mkdir, open, readdir, rename } from 'node:fs/promises'
import { join, resolve } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { type Arguments, type Command, runCommand, UsageError } from '@kabutar/server/command-line.ts'

const COMMAND: Command = {
  usage: ['npm run backup -- FOLDER [--data ./data]'],
  does: 'Copies the data folder of a server, which may be running, to a new folder that a server can be started on.',
  options: { data: { meaning: 'the data folder', initial: './data', variable: 'KABUTAR_DATA' } },
}
/** The folders of blobs are named by the first byte of a hash; `unfinished` is not copied. */
const BLOB_FOLDER = /^[0-9a-f]{2}$/

/**
 * Copies the database first, as it is at one moment, and the blobs afterwards: a blob is durable before the first row
 * that names it, so each blob of that moment is there. A blob that is deleted during the copy may be missing.
 * @throws {Error} if the target exists, or the data folder has no database
 */
async function backUp(data: string, target: string): Promise<number> {
  const unfinished = `${target}.unfinished`
  for (const path of [target, unfinished]) if (await exists(path)) throw new Error(`${path} exists already`)
  await mkdir(unfinished, { recursive: true, mode: 0o700 })
  await copyDatabase(join(data, 'kabutar.db'), join(unfinished, 'kabutar.db'))
  await copyFile(join(data, 'link-secret'), join(unfinished, 'link-secret'))
  const blobs = await copyBlobs(join(data, 'blobs'), join(unfinished, 'blobs'))
  await rename(unfinished, target)
  return blobs
}

/** Writes a copy with SQLite, which reads one moment of the database while others write to it. */
async function copyDatabase(from: string, to: string): Promise<void> {
  if (!(await exists(from))) throw new Error(`there is no database ${from}`)
  await (await open(to, 'wx', 0o600)).close()
  const database = new DatabaseSync(from, { readOnly: true, timeout: 10_000 })
  try {
    database.prepare('VACUUM INTO ?').run(to)
  } finally {
    database.close()
  }
}

async function copyBlobs(from: string, to: string): Promise<number> {
  let copied = 0
  await mkdir(to, { mode: 0o700 })
  for (const folder of (await readdir(from)).filter((name) => BLOB_FOLDER.test(name))) {
    await mkdir(join(to, folder), { mode: 0o700 })
    for (const name of await readdir(join(from, folder))) {
      if (await copyUnlessDeleted(join(from, folder, name), join(to, folder, name))) copied++
    }
  }
  return copied
}

async function copyUnlessDeleted(from: string, to: string): Promise<boolean> {
  try {
    await copyFile(from, to, constants.COPYFILE_EXCL)
    return true
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return false
    throw error
  }
}

async function exists(path: string): Promise<boolean> {
  return access(path).then(
    () => true,
    () => false,
  )
}

async function main({ options, words }: Arguments): Promise<void> {
  const [target, ...rest] = words
  if (target === undefined || rest.length > 0) throw new UsageError('name one FOLDER; --help shows the usage')
  const blobs = await backUp(resolve(options.data ?? process.env.KABUTAR_DATA ?? './data'), resolve(target))
  process.stdout.write(`${resolve(target)}: the database and ${blobs} blob files\n`)
}

await runCommand(COMMAND, main)
