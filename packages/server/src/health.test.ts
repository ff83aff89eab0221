import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { Log } from '@kabutar/core/ports/log.ts'
import { openEngine } from '@kabutar/local/sqlite/engine.ts'
import { sqliteQueue } from '@kabutar/local/sqlite/queue.ts'
import { testClock } from '@kabutar/testing/sending-rig.ts'
import { temporaryFolder } from '@kabutar/testing/temporary-folder.ts'
import { HealthWatch } from './health.ts'

function rig() {
  const folder = temporaryFolder()
  const engine = openEngine(folder)
  const clock = testClock()
  const lines: string[] = []
  const note = (message: string, fields?: object) => void lines.push(`${message} ${JSON.stringify(fields ?? {})}`)
  const log: Log = { debug() {}, info: note, warn: note, error: note }
  return { engine, clock, lines, log, folder }
}

test('a full disk makes the server unavailable until there is room', async () => {
  const { engine, clock, lines, log, folder } = rig()
  const health = new HealthWatch(folder, { engine, clock, log })
  assert.deepEqual(await health.report(), { status: 'ok', reasons: [] })
  // SQLite answers a file that may not grow as it answers a full disk.
  const { page_count } = engine.db.prepare('PRAGMA page_count').get() as { page_count: number }
  engine.db.exec(`PRAGMA max_page_count=${page_count}`)
  const fill = () =>
    engine.commit(() => engine.statement('INSERT INTO blob VALUES (?, 1, 2, ?)').run('a', Buffer.alloc(60_000)))
  await assert.rejects(fill(), { code: 'Unavailable' })
  // The small row that is tried fits no page either.
  engine.db.exec(
    'CREATE TRIGGER full BEFORE INSERT ON transaction_token BEGIN INSERT INTO blob VALUES (NEW.token, 1, 2, zeroblob(60000)); END',
  )
  assert.deepEqual(await health.report(), { status: 'unavailable', reasons: ['storage_full'] })
  assert.match(
    lines.at(-1) ?? '',
    /^nothing can be accepted .*free some space, or move the folder and set KABUTAR_DATA/,
  )
  engine.db.exec('PRAGMA max_page_count=100000; DROP TRIGGER full')
  clock.advance(5000)
  assert.deepEqual(await health.report(), { status: 'ok', reasons: [] })
  assert.match(lines.at(-1) ?? '', /^mail can be accepted again/)
  engine.close()
})

test('dead letters and a failing relay degrade the server', async () => {
  const { engine, clock, lines, log, folder } = rig()
  const limits = { maxRawBytes: 1, maxRecipients: 1 }
  const relay = { failure: 'no', limits, check: async () => {}, send: () => Promise.reject(new Error('no')) }
  await sqliteQueue(engine, 'receive:dlq', clock, { maxAttempts: 5 }).send([{ body: '{}' }])
  const health = new HealthWatch(folder, { engine, clock, log, relay })
  assert.deepEqual(await health.report(), { status: 'degraded', reasons: ['relay_failing', 'dead_letters'] })
  clock.advance(5000)
  await health.report()
  assert.equal(lines.length, 1, 'a dead letter is logged once')
  engine.close()
})
