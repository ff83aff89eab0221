import assert from 'node:assert/strict'
import { after, before, describe, test } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import type { SqsRecord } from '@kabutar/aws/lambda/queue-handler.ts'
import { seeded } from '@kabutar/testing/faults.ts'
import { type Load, startLoad } from '../load.ts'

/** The long form: DAY_SENDS=500 DAY_RECEIVED=200. */
const SENDS = Number(process.env.DAY_SENDS ?? 200)
const RECEIVED = Number(process.env.DAY_RECEIVED ?? 80)
const SEED = Number(process.env.SEED ?? 20261201)
const DUPLICATES = 0.05
const KILL_EVERY_MS = 2000
/** Messages that SES took last before a kill: two batches, of both sandboxes of `send`. */
const WINDOW = 20
const VICTIMS = ['send', 'receive', 'notify', 'feedback'] as const

describe(`a day over the built functions, with seed ${SEED}`, () => {
  let load: Load
  const random = seeded(SEED)
  const earlier = new Map<string, SqsRecord[]>()
  /** Messages that a kill may have cut off between SES's answer and the record of it. */
  const inHand = new Set<string>()
  let duplicates = 0
  /** Some entries come again in a later batch, also when they are done. */
  const disturb = <R extends SqsRecord>(records: readonly R[], name: string): readonly R[] => {
    const again = (earlier.get(name) ?? []) as R[]
    const here = new Set(records.map(({ messageId }) => messageId))
    const fresh = again.filter(({ messageId }) => !here.has(messageId))
    duplicates += fresh.length
    earlier.set(
      name,
      records.filter(() => random() < DUPLICATES),
    )
    return records.length === 0 ? records : [...records, ...fresh]
  }
  before(async () => {
    load = await startLoad({ disturb, windowMs: 100 })
  })
  after(async () => {
    await load?.close()
  })

  test('entries that come twice, workers that are killed and an endpoint that hangs lose and double nothing', {
    timeout: 240_000,
  }, async (t) => {
    const { platform } = load
    await load.hang(3)
    const ending = new AbortController()
    let kills = 0
    const killing = (async () => {
      while (!ending.signal.aborted) {
        await sleep(KILL_EVERY_MS * (0.5 + random()), undefined, { signal: ending.signal }).catch(() => undefined)
        if (ending.signal.aborted) return
        const before = platform.ses.sent.length
        const victim = VICTIMS[Math.floor(random() * VICTIMS.length)] ?? 'send'
        await load.running().lambdas[victim].kill()
        kills++
        // What SES took just before may not be recorded yet.
        if (victim === 'send')
          for (const { tags } of platform.ses.sent.slice(Math.max(0, before - WINDOW)))
            inHand.add(tags.kabutar_id ?? '')
      }
    })()
    await Promise.all([load.send(SENDS), load.receive(RECEIVED)])
    ending.abort()
    await killing
    await load.later()
    await load.settle(90)
    const doubled = load.doubled()
    t.diagnostic(
      `${SENDS} sent, ${RECEIVED} received, ${kills} kills, ${duplicates} duplicates, ${doubled.length} sent twice`,
    )
    for (const [caller, { tableWrites = 0, tableReads = 0 }] of platform.usage.soFar().by)
      t.diagnostic(`${caller}: ${Math.round(tableWrites)} write and ${Math.round(tableReads)} read units`)
    assert.deepEqual(platform.deadLetters(), [])
    assert.deepEqual(
      doubled.filter((id) => !inHand.has(id)),
      [],
      'sent twice, although no worker was killed between the answer of SES and the record of it',
    )
    assert.ok(kills > 0 && duplicates > 0, `${kills} kills, ${duplicates} duplicates`)
  })
})
