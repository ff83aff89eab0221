import assert from 'node:assert/strict'
import { after, before, describe, test } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import { seeded } from '@kabutar/testing/faults.ts'
import { type Load, startLoad } from '../load.ts'

const SEED = Number(process.env.SEED ?? 20261126)
const KILLS_EACH = 3
/** Enough for each function to have whole batches, also on a slow machine. */
const MAX_ROUNDS = 12
/** Minimum entries of a batch that is killed. */
const WHOLE = 10
const WINDOW_MS = 300
const ROUND_MS = 1500
const VICTIMS = ['send', 'receive', 'notify', 'feedback'] as const

describe(`functions that are killed during batches, with seed ${SEED}`, () => {
  let load: Load
  /** Closed while mail is accepted, so that batches are whole. */
  let open = Promise.resolve()
  const random = seeded(SEED)
  const kills = new Map<string, number>(VICTIMS.map((name) => [name, 0]))
  /** Called with the batch before an invocation. */
  const disturb = <T>(records: readonly T[], name: string): readonly T[] => {
    const victim = VICTIMS.find((one) => one === name)
    const done = kills.get(name) ?? 0
    if (victim && records.length >= WHOLE && done < KILLS_EACH && random() < 0.7) {
      kills.set(name, done + 1)
      setTimeout(() => void load.running().lambdas[victim].kill(), 5 + random() * 60)
    }
    return records
  }
  before(async () => {
    load = await startLoad({ disturb, windowMs: WINDOW_MS, gate: () => open })
  })
  after(async () => {
    await load?.close()
  })

  test('no mail is lost or doubled, each event has one id, and no batch is stuck', async () => {
    for (let rounds = 0; rounds < MAX_ROUNDS && [...kills.values()].some((count) => count < KILLS_EACH); rounds++) {
      const { promise, resolve } = Promise.withResolvers<void>()
      open = promise
      await Promise.all([load.send(50), load.receive(30)])
      resolve()
      await sleep(ROUND_MS)
    }
    assert.deepEqual(
      [...kills.values()],
      VICTIMS.map(() => KILLS_EACH),
    )
    const { lambdas } = load.running()
    for (const name of VICTIMS) assert.ok(lambdas[name].used.failed > 0, `${name} was never struck at work`)
    await load.later()
    await load.settle(240)
    assert.deepEqual(load.doubled(), [])
  })
})
