/** Many workers receive every entry twice, on a store that conflicts. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { systemClock } from '@kabutar/local/system-clock.ts'
import { faultyTable, seeded } from '@kabutar/testing/faults.ts'
import { handle, letter, type ReceiveRig, receivePorts, take } from '@kabutar/testing/receiving-rig.ts'
import { listReceived } from '../messages/read.ts'
import { eventsOf } from '../webhooks/event.ts'

const MESSAGES = 1000
const WORKERS = 32

/** Accepts every message and queues its entry twice. */
async function acceptAll(ports: ReceiveRig): Promise<ReadonlySet<string>> {
  const ids = new Set<string>()
  for (let n = 0; n < MESSAGES; n++) {
    const [id = ''] = await take(ports, letter(`From: e@far.test\nSubject: ${n}\nMessage-ID: <${n}@far.test>`))
    ids.add(id)
  }
  const batch = await ports.receiveQueue.receive({ max: MESSAGES, visibilityMs: 1, waitMs: 0 })
  await ports.receiveQueue.send(batch.map(({ body }) => ({ body })))
  ports.clock.advance(10)
  return ids
}

test('32 workers receive 1,000 messages once though each is queued twice, with 20% conflicts', async (t) => {
  const rig = await receivePorts()
  const ids = await acceptAll(rig)
  const clock = { ...systemClock, now: rig.clock.now }
  const random = seeded(7)
  const table = faultyTable(rig.table, { random, clock, conflict: 0.2 })
  const ports = { ...rig, table, clock, random }
  const started = performance.now()
  let failures = 0
  const work = async () => {
    for (let idle = 0; idle < 20; ) {
      const batch = await rig.receiveQueue.receive({ max: 10, visibilityMs: 600_000, waitMs: 0 })
      failures += (await handle(ports, rig.receiveQueue, batch)).length
      idle = batch.length > 0 ? 0 : idle + 1
      // A failed entry waits at least 5 s on this clock.
      if (batch.length === 0) rig.clock.advance(1000)
      await systemClock.sleep(0)
    }
  }
  await Promise.all(Array.from({ length: WORKERS }, work))
  t.diagnostic(`${Math.round(performance.now() - started)} ms, ${failures} entries came back`)
  assert.deepEqual(await rig.receiveQueue.depth(), { ready: 0, leased: 0, delayed: 0 })

  const listed: string[] = []
  for (let after: string | undefined, more = true; more; after = listed.at(-1)) {
    const page = await listReceived(rig, 'a', { limit: 100, ...(after !== undefined && { after }) })
    listed.push(...page.items.map(({ id }) => id))
    more = page.hasMore
  }
  assert.equal(listed.length, MESSAGES)
  assert.deepEqual(new Set(listed), ids)
  for (const id of listed) assert.equal((await eventsOf(rig.table, 'a', id)).length, 1)
})
