import assert from 'node:assert/strict'
import { mkdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import { StoreError } from '@kabutar/core/ports/table.ts'
import { temporaryFolder } from '@kabutar/testing/temporary-folder.ts'
import { memoryEngine, openEngine } from './engine.ts'

const count = (engine: ReturnType<typeof memoryEngine>) =>
  engine.statement('SELECT count(*) AS n FROM transaction_token').get()?.n
const add = (engine: ReturnType<typeof memoryEngine>, token: string) => () =>
  engine.statement('INSERT INTO transaction_token (token, used_at) VALUES (?, 0)').run(token).changes

test('a caller whose work is refused does not affect the others of its turn', async () => {
  const engine = memoryEngine()
  const results = await Promise.allSettled([
    engine.commit(add(engine, 'a')),
    engine.commit(() => {
      throw new StoreError('ConditionFailed', 'no', { failed: [0] })
    }),
    engine.commit(add(engine, 'b')),
  ])
  assert.deepEqual(
    results.map(({ status }) => status),
    ['fulfilled', 'rejected', 'fulfilled'],
  )
  assert.equal(count(engine), 2)
})

test('an unknown error rolls back the writes of its caller only', async () => {
  const engine = memoryEngine()
  const results = await Promise.allSettled([
    engine.commit(add(engine, 'a')),
    engine.commit(() => {
      add(engine, 'half')()
      add(engine, 'a')()
    }),
    engine.commit(add(engine, 'b')),
  ])
  assert.deepEqual(
    results.map(({ status }) => status),
    ['fulfilled', 'rejected', 'fulfilled'],
  )
  assert.equal((results[1] as PromiseRejectedResult).reason.code, 'Unavailable')
  assert.equal(count(engine), 2)
})

test('a thousand callers of one turn are all answered, and close commits those that still wait', async () => {
  const folder = temporaryFolder()
  const engine = openEngine(folder)
  const waiting = Array.from({ length: 1000 }, (_, n) => engine.commit(add(engine, String(n))))
  engine.close()
  assert.equal((await Promise.all(waiting)).length, 1000)
  assert.equal(count(openEngine(folder)), 1000)
  await assert.rejects(
    engine.commit(() => 1),
    { code: 'Unavailable' },
  )
})

test('numbers ascend across a restart', () => {
  const folder = temporaryFolder()
  const engine = openEngine(folder)
  const first = engine.nextNumber()
  engine
    .statement('INSERT INTO queue_entry (id, queue, visible_at, sent_at, body) VALUES (?, ?, 0, 0, ?)')
    .run(first + 1e9, 'q', '')
  engine.close()
  assert.ok(openEngine(folder).nextNumber() > first + 1e9)
})

test('only the owner may read the data folder', () => {
  const folder = join(temporaryFolder(), 'new', 'data')
  const engine = openEngine(folder)
  engine.nextNumber()
  const mode = (path: string) => statSync(path).mode & 0o777
  assert.equal(mode(folder), 0o700)
  for (const name of ['kabutar.db', 'kabutar.db-wal', 'kabutar.db-shm']) assert.equal(mode(join(folder, name)), 0o600)
})

test('a database of 0 bytes beside blobs is refused, and so is a damaged one', () => {
  const folder = temporaryFolder()
  mkdirSync(join(folder, 'blobs', 'ab'), { recursive: true })
  openEngine(folder).close()
  writeFileSync(join(folder, 'blobs', 'ab', 'x'), 'x')
  openEngine(folder).close()
  rmSync(join(folder, 'kabutar.db'))
  const empty = /kabutar.db is empty although .* has blobs; restore a backup/
  assert.throws(() => openEngine(folder), { message: empty })
  assert.throws(() => openEngine(folder), { message: empty }, 'and the lock is released')
  rmSync(join(folder, 'blobs'), { recursive: true })
  openEngine(folder).close()
  writeFileSync(join(folder, 'kabutar.db'), 'This is no database, and it is long enough to be one.'.repeat(100))
  assert.throws(() => openEngine(folder), { message: /can't be opened \(file is not a database\); restore a backup/ })
})

test('a database with scribbled pages is refused in one line', () => {
  const folder = temporaryFolder()
  const engine = openEngine(folder)
  const insert = engine.db.prepare('INSERT INTO item (pk, sk, doc) VALUES (?, ?, ?)')
  for (let n = 0; n < 2000; n++) insert.run('p', String(n), 'x'.repeat(500))
  engine.close()
  const path = join(folder, 'kabutar.db')
  const bytes = readFileSync(path)
  for (let page = 20; page < 40; page++) bytes.fill(0xa5, page * 4096, page * 4096 + 2048)
  writeFileSync(path, bytes)
  assert.throws(() => openEngine(folder), {
    message: /^[^\n]*kabutar.db is damaged \([^\n]*\); restore a backup[^\n]*$/,
  })
})
