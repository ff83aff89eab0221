/**
 * Every message that was answered 200 before a loss of power is whole after the restart. The real server runs under a log of
 * its writes, fsyncs and answers. The test then rebuilds its folder as a disk would have left it at 24 points and opens it:
 * from synced data alone, and every other time with a random half of the rest. A killed process shows little of this,
 * because the kernel still has what it wrote.
 */
import assert from 'node:assert/strict'
import { mkdirSync, mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, describe, test } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import { seeded } from '@kabutar/testing/faults.ts'
import { startServer } from '../flows/support/server.ts'
import { type PowerLoss, restore } from './power-loss/disk.ts'
import { type Found, inspect } from './power-loss/inspect.ts'
import { deliverMails, postMails } from './power-loss/mail.ts'
import { type Acknowledged, acknowledgementsIn, buildWriteLog, type LogRecord, readLog } from './power-loss/records.ts'

const POINTS = 24
const POSTED = { mails: 1200, ms: 20_000, connections: 12 }
const DELIVERED = { mails: 600, ms: 20_000, connections: 4 }
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
  let acks: readonly Acknowledged[] = []

  before(async () => {
    mkdirSync(data)
    const { log, env } = buildWriteLog(folder, data)
    await using server = await startServer({ dataFolder: data, env: { ...env, KABUTAR_LOG: 'error' } })
    await Promise.all([postMails(server, POSTED), deliverMails(server, DELIVERED)])
    await server.kill()
    records = readLog(log)
    acks = acknowledgementsIn(records)
  })
  after(() => rmSync(folder, { recursive: true, force: true }))

  /** Answers a point in each of `count` equal parts of the log from the first acknowledgement on. */
  const points = (count: number) => {
    const from = acks[0]?.index ?? 0
    return Array.from({ length: count }, (_, n) => from + Math.ceil(((records.length - from) * (n + random())) / count))
  }
  const rebuilt = join(folder, 'rebuilt')
  const lose = (at: number, unsynced: number, syncs: Counts) => {
    rmSync(rebuilt, { recursive: true, force: true })
    mkdirSync(rebuilt)
    restore(data, records, { at, unsynced, syncs, random }, rebuilt)
    return acks.filter(({ index }) => index < at)
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
    const byHttp = acks.filter(({ flow }) => flow === 'outbound').length
    const bySmtp = acks.length - byHttp
    t.diagnostic(`seed ${seed}: ${byHttp} acknowledged by HTTP, ${bySmtp} by SMTP; ${records.length} records`)
    t.diagnostic(`${checked} checked at ${POINTS} points, ${lost.length} lost`)
    assert.ok(byHttp >= 200 && bySmtp >= 100, 'too few were acknowledged')
    assert.equal(lost.length, 0, lost.slice(0, 5).join('\n'))
    assert.deepEqual([...new Set(found.map(({ integrity }) => integrity))], ['ok'])
    assert.ok(sum(found.map(({ done }) => done)) > 0, 'none was sent or received by then: no event is checked')
  })

  test('the server starts on what is left, and has every acknowledged message', async () => {
    for (const at of points(SERVER_POINTS)) {
      const acknowledged = lose(at, 0.5, all)
      await using server = await startServer({ dataFolder: rebuilt })
      const headers = { Authorization: `Bearer ${server.apiKey}` }
      for (const { flow, id } of acknowledged.slice(-100)) {
        const path = flow === 'outbound' ? '/emails' : '/emails/receiving'
        const { status, text } = await read(`${server.url}${path}/${id}`, headers)
        assert.deepEqual([status, typeof text], [200, 'string'], `${flow} ${id}`)
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

/** With NORMAL, SQLite syncs its log only before the pages go to the database file. */
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

/** Waits at most 10 s for messages that are not received yet. */
async function read(url: string, headers: Record<string, string>): Promise<{ status: number; text?: unknown }> {
  for (let tries = 0; ; tries++) {
    const answer = await fetch(url, { headers })
    const body = (await answer.json()) as { text?: unknown }
    if (answer.status !== 404 || tries === 100) return { ...body, status: answer.status }
    await sleep(100)
  }
}
