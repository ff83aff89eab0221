/** `npm run check` looks for damage in a data folder. */
import { createHash } from 'node:crypto'
import { createReadStream, existsSync, readdirSync } from 'node:fs'
import { join, resolve } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { isUuid, timeOf } from '@kabutar/core/ports/ids.ts'
import { receivedMessageKey, sentMessageKey, uploadKey } from '@kabutar/core/store/keys.ts'
import { blobFileName } from '@kabutar/local/files/blob-files.ts'
import { faultsOf } from '@kabutar/local/sqlite/check-database.ts'
import { type Arguments, type Command, runCommand, UsageError } from '@kabutar/server/command-line.ts'

const COMMAND: Command = {
  usage: ['npm run check'],
  does: 'Checks the data folder of a server, which may be running: the whole database, the hash of every blob, rows whose blobs are missing, and blobs that no row names. It changes nothing, and exits with 1 if it finds something.',
  options: { data: { meaning: 'the data folder', initial: './data', variable: 'KABUTAR_DATA' } },
}
const MOST_FAULTS = 100
const BLOB_FOLDER = /^[0-9a-f]{2}$/
/** A blob is written before the row or the entry that names it, so a young one may be on its way. */
const YOUNG_MS = 3_600_000
const BLOBS = 'SELECT key, bytes, sha256, body FROM blob'
const ROW = 'SELECT 1 FROM item WHERE pk = ? AND sk = ?'
const ENTRY = 'SELECT 1 FROM queue_entry WHERE instr(body, ?) > 0 LIMIT 1'
const RECEIVED = `SELECT pk, sk, doc ->> '$.content.blob' AS blob, doc ->> '$.content.reading.place' AS place FROM item
  WHERE pk GLOB '*#in#*' AND json_valid(doc) AND doc ->> '$.deletedAt' IS NULL AND doc ->> '$.expiredAt' IS NULL`
const SENT = `SELECT pk, sk FROM item WHERE pk GLOB '*#out#*' AND json_valid(doc) AND doc ->> '$.content.place' = 'blob'
  AND doc ->> '$.expiredAt' IS NULL`
const BAD_JSON = 'SELECT pk, sk FROM item WHERE NOT json_valid(doc)'

type Blob = {
  readonly key: string
  readonly bytes: number
  readonly sha256: string
  readonly body: Uint8Array | null
}

/** Yields one line for each thing that is wrong. */
export async function* check(data: string, now: number): AsyncGenerator<string> {
  const path = join(data, 'kabutar.db')
  if (!existsSync(path)) throw new Error(`there is no database ${path}; name another folder with --data`)
  const database = new DatabaseSync(path, { readOnly: true, timeout: 10_000 })
  try {
    const faults = faultsOf(database, 'whole', MOST_FAULTS)
    for (const fault of faults) yield `database: ${fault}`
    for (const { pk, sk } of database.prepare(BAD_JSON).iterate()) yield `row ${pk} ${sk}: no JSON`
    yield* checkBlobs(database, data, now)
    yield* missingBlobs(database)
  } finally {
    database.close()
  }
}

async function* checkBlobs(database: DatabaseSync, data: string, now: number): AsyncGenerator<string> {
  // Files first: one that appears meanwhile is not looked for, and one that goes has lost its row already.
  const files = new Set(filesOf(data))
  for (const row of database.prepare(BLOBS).iterate()) {
    const blob = row as unknown as Blob
    const file = blobFileName(blob.key)
    files.delete(file)
    const found = blob.body === null ? await digestOfFile(join(data, 'blobs', file)) : digestOf([blob.body])
    if (found === undefined) yield `blob ${blob.key}: its file blobs/${file} is missing`
    else if (found !== `${blob.bytes} ${blob.sha256}`) yield `blob ${blob.key}: damaged`
    if (isOrphan(database, blob.key, now)) yield `blob ${blob.key}: no row names it`
  }
  for (const file of files) yield `file blobs/${file}: no row names it`
}

function filesOf(data: string): readonly string[] {
  const folder = join(data, 'blobs')
  if (!existsSync(folder)) return []
  const folders = readdirSync(folder).filter((name) => BLOB_FOLDER.test(name))
  return folders.flatMap((name) => readdirSync(join(folder, name)).map((file) => join(name, file)))
}

function digestOf(chunks: Iterable<Uint8Array>): string {
  const hash = createHash('sha256')
  let bytes = 0
  for (const chunk of chunks) {
    hash.update(chunk)
    bytes += chunk.length
  }
  return `${bytes} ${hash.digest('hex')}`
}

async function digestOfFile(path: string): Promise<string | undefined> {
  const hash = createHash('sha256')
  let bytes = 0
  try {
    for await (const chunk of createReadStream(path)) {
      hash.update(chunk)
      bytes += chunk.length
    }
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined
    throw error
  }
  return `${bytes} ${hash.digest('hex')}`
}

/**
 * A blob's key is `<account>/<id>…`, or `parts/<account>/<id>/…` for a copy of a part. The id is that of a message, an
 * upload or a queue entry, and tells when the blob was made.
 */
function isOrphan(database: DatabaseSync, key: string, now: number): boolean {
  const [account = '', id = ''] = key.replace(/^parts\//, '').split('/')
  if (!isUuid(id)) return true
  if (now - timeOf(id) <= YOUNG_MS) return false
  const owners = [receivedMessageKey(account, id), sentMessageKey(account, id), uploadKey(account, id)]
  const hasRow = owners.some(({ pk, sk }) => database.prepare(ROW).get(pk, sk) !== undefined)
  return !hasRow && database.prepare(ENTRY).get(id) === undefined
}

function* missingBlobs(database: DatabaseSync): Generator<string> {
  const isThere = database.prepare('SELECT 1 FROM blob WHERE key = ?')
  const isMissing = (key: string) => isThere.get(key) === undefined
  for (const row of database.prepare(RECEIVED).iterate()) {
    const { pk, sk, blob, place } = row as Record<'pk' | 'sk' | 'blob' | 'place', string>
    const keys = place === 'blob' ? [blob, `${blob}/reading`] : [blob]
    for (const key of keys) if (isMissing(key)) yield `row ${pk} ${sk}: its blob ${key} is missing`
  }
  for (const row of database.prepare(SENT).iterate()) {
    const { pk, sk } = row as Record<'pk' | 'sk', string>
    const key = `${pk.slice(0, pk.indexOf('#'))}/${sk}`
    if (isMissing(key)) yield `row ${pk} ${sk}: its blob ${key} is missing`
  }
}

async function main({ options, words }: Arguments): Promise<number> {
  if (words.length > 0) throw new UsageError('too many words; --help shows the usage')
  const data = resolve(options.data ?? process.env.KABUTAR_DATA ?? './data')
  let faults = 0
  for await (const line of check(data, Date.now())) {
    process.stdout.write(`${line}\n`)
    faults++
  }
  process.stdout.write(faults === 0 ? `${data}: all is well\n` : `${data}: ${faults} faults\n`)
  return faults === 0 ? 0 : 1
}

if (import.meta.main) await runCommand(COMMAND, main)
