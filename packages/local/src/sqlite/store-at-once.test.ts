import assert from 'node:assert/strict'
import { test } from 'node:test'
import { temporaryFolder } from '@kabutar/testing/temporary-folder.ts'
import { localBlobs } from '../files/blobs.ts'
import { systemClock } from '../system-clock.ts'
import { memoryEngine } from './engine.ts'
import { sqliteQueue } from './queue.ts'
import { storeAtOnce } from './store-at-once.ts'

function open() {
  const engine = memoryEngine()
  const blobs = localBlobs(engine, temporaryFolder(), { clock: systemClock, baseUrl: new URL('http://127.0.0.1:1') })
  const queue = sqliteQueue(engine, 'receive', systemClock, { maxAttempts: 5 })
  return { engine, blobs, queue, store: storeAtOnce(engine, blobs, queue) }
}

for (const bytes of [0, 4096, 64 * 1024, 64 * 1024 + 1]) {
  test(`content of ${bytes} bytes and its entries are stored when it resolves`, async () => {
    const { blobs, queue, store } = open()
    const body = Buffer.alloc(bytes, 'x')
    const keys = ['a/1', 'b/2']
    await store(
      keys.map((key) => ({ key, body })),
      keys.map((key) => ({ body: key })),
    )
    assert.equal((await queue.depth()).ready, 2)
    for (const key of keys) assert.ok(body.equals((await blobs.get(key)) ?? Buffer.alloc(1)))
  })
}

test('small content and its entries are one commit; if one half fails, neither is stored', async () => {
  const { engine, blobs, queue, store } = open()
  const body = Buffer.alloc(4096)
  let commits = 0
  const { statement } = engine
  engine.statement = (sql) => {
    if (sql === 'COMMIT') commits++
    return statement.call(engine, sql)
  }
  await store([{ key: 'a/1', body }], [{ body: 'one' }])
  assert.equal(commits, 1)
  engine.db.exec("CREATE TRIGGER full BEFORE INSERT ON queue_entry BEGIN SELECT RAISE(FAIL, 'disk full'); END")
  await assert.rejects(store([{ key: 'a/2', body }], [{ body: 'two' }]), { code: 'Unavailable' })
  assert.equal(await blobs.get('a/2'), undefined)
  assert.equal((await queue.depth()).ready, 1)
})

test('an invalid key stores nothing', async () => {
  const { queue, store } = open()
  await assert.rejects(store([{ key: '../x', body: Buffer.alloc(1) }], [{ body: 'one' }]), { code: 'Invalid' })
  assert.equal((await queue.depth()).ready, 0)
})
