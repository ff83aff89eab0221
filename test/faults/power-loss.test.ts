/**
 * The power fails at any moment: whoever was answered 200 before finds the message whole after the restart. The real
 * server runs under a log of its writes, fsyncs and answers; its folder is made anew as a disk would have left it at 24
 * points, and opened: from synced data alone, and every other time with a random half of the rest. A process that is killed shows little of this, since the kernel keeps what it wrote.
 */
import assert from 'node:assert/strict'
import { mkdirSync, mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, describe, test } from 'node:test'
import { seeded } from '@kabutar/local/faults.ts'
import { startServer } from '../flows/support/server.ts'
import { type PowerLoss, restore } from './power-loss/disk.ts'
import { type Found, inspect } from './power-loss/inspect.ts'
import { postMails } from './power-loss/mail.ts'
import { acknowledgedBy, buildWriteLog, type LogRecord, readLog } from './power-loss/records.ts'

const POINTS = 24
const LOAD = { mails: 1600, ms: 20_000, connections: 16 }
const SERVER_POINTS = 3

type Counts = PowerLoss['syncs']
const all: Counts = () => true

const skip = process.platform !== 'linux' && 'writes are logged by LD_PRELOAD, which is Linux'

describe('a power loss', { timeout: 5 * 60_000, skip }, () => {
  const seed = Number(process.env.SEED ?? Date.now() % 1_000_000)
  const random = seeded(seed)
  const folder = mkdtempSync(join(tmpdir(), 'kabutar-power-'))
  const data = join(folder, 'data')
  let records: readonly LogRecord[] = []
  let acks: readonly { readonly id: string; readonly index: number }[] = []

  before(async () => {
    mkdirSync(data)
    const { log, env } = buildWriteLog(folder, data)
    await using server = await startServer({ dataFolder: data, env: { ...env, KABUTAR_LOG: 'error' } })
    await postMails(server, LOAD)
    await server.kill()
    records = readLog(log)
    acks = records.flatMap((record, index) => {
      const id = acknowledgedBy(record)
      return id === undefined ? [] : [{ id, index }]
    })
  })
  after(() => rmSync(folder, { recursive: true, force: true }))

  /** A point in each of `count` equal parts of the log from the first acknowledgement on. */
  const points = (count: number) => {
    const from = acks[0]?.index ?? 0
    return Array.from({ length: count }, (_, n) => from + Math.ceil(((records.length - from) * (n + random())) / count))
  }
  const rebuilt = join(folder, 'rebuilt')
  const lose = (at: number, unsynced: number, syncs: Counts) => {
    rmSync(rebuilt, { recursive: true, force: true })
    mkdirSync(rebuilt)
    restore(data, records, { at, unsynced, syncs, random }, rebuilt)
    return acks.filter(({ index }) => index < at).map(({ id }) => id)
  }
  const lostAt = async (count: number, syncs: Counts) => {
    const found: (Found & { readonly acknowledged: number })[] = []
    for (const [n, at] of points(count).entries()) {
      const acknowledged = lose(at, n % 2 === 0 ? 0 : 0.5, syncs)
      found.push({ ...(await inspect(rebuilt, acknowledged)), acknowledged: acknowledged.length })
    }
    return found
  }
  const sum = (values: readonly number[]) => values.reduce((total, value) => total + value, 0)

  test('loses nothing that was acknowledged', async (t) => {
    const found = await lostAt(POINTS, all)
    const checked = sum(found.map(({ acknowledged }) => acknowledged))
    const lost = found.flatMap((one) => one.lost)
    t.diagnostic(`seed ${seed}: ${acks.length} acknowledged, ${records.length} records`)
    t.diagnostic(`${checked} checked at ${POINTS} points, ${lost.length} lost`)
    assert.ok(acks.length >= 300, `only ${acks.length} were acknowledged`)
    assert.equal(lost.length, 0, lost.slice(0, 5).join('\n'))
    assert.deepEqual([...new Set(found.map(({ integrity }) => integrity))], ['ok'])
    assert.ok(sum(found.map(({ sent }) => sent)) > 0, 'none was sent by then: no event is checked')
  })

  test('the server starts on what is left, and has every acknowledged message', async () => {
    for (const at of points(SERVER_POINTS)) {
      const acknowledged = lose(at, 0.5, all)
      await using server = await startServer({ dataFolder: rebuilt })
      const headers = { Authorization: `Bearer ${server.apiKey}` }
      for (const id of acknowledged.slice(-100)) {
        const answer = await fetch(`${server.url}/emails/${id}`, { headers })
        const { text } = (await answer.json()) as { text?: unknown }
        assert.deepEqual([answer.status, typeof text], [200, 'string'], id)
      }
      assert.equal(await server.stop(), 0)
    }
  })

  const worse: readonly { readonly name: string; readonly syncs: () => Counts }[] = [
    { name: 'the syncs that synchronous=NORMAL leaves out', syncs: () => normal(records) },
    {
      name: 'the syncs of files beside the database',
      syncs:
        () =>
        ({ path }) =>
          !/blobs\/unfinished/.test(path),
    },
    {
      name: 'the syncs of folders',
      syncs:
        () =>
        ({ path }) =>
          !/blobs(\/..)?$/.test(path),
    },
  ]
  for (const { name, syncs } of worse) {
    test(`without ${name} messages are lost, and it is seen`, async (t) => {
      const found = await lostAt(8, syncs())
      const lost = found.flatMap((one) => one.lost)
      const checked = sum(found.map(({ acknowledged }) => acknowledged))
      t.diagnostic(`${checked} checked, ${lost.length} lost`)
      assert.ok(lost.length > 0)
    })
  }
})

/** With NORMAL the log of SQLite is synced only before its pages go to the database file. */
function normal(records: readonly LogRecord[]): Counts {
  const kept = new Set<number>()
  let last: number | undefined
  for (const [index, record] of records.entries()) {
    if (record.kind === 'sync ended' && record.path.endsWith('kabutar.db-wal')) last = index
    if (record.kind === 'write' && record.path.endsWith('kabutar.db-wal')) last = undefined
    if (record.kind === 'write' && record.path.endsWith('kabutar.db') && last !== undefined) kept.add(last)
  }
  return ({ path }, index) => !path.endsWith('kabutar.db-wal') || kept.has(index)
}
