/** A process dies after any step, from an outcome to its recorded webhook: one event is left, delivered at least once. */

import assert from 'node:assert/strict'
import { test } from 'node:test'
import { memoryEngine } from '@kabutar/local/sqlite/engine.ts'
import { sqliteQueue } from '@kabutar/local/sqlite/queue.ts'
import { Crash, deathAt, mortal } from '@kabutar/testing/mortal.ts'
import type { Queue } from '../ports/queue.ts'
import { newCaches } from '../store/cache.ts'
import { getDelivery } from './deliveries.ts'
import { dispatchState } from './dispatch-ports.ts'
import { createEndpoint } from './endpoints.ts'
import { eventsOf, putEvents } from './event.ts'
import { notify } from './notify.ts'
import { drain, type Rig, receiver, rig, sweep } from './rig.test.ts'

/** The worker that records an outcome: first the event, then its webhooks, then the acknowledgement. */
async function work(at: Rig, ports: Rig['ports'], source: Queue, event: ReturnType<Rig['event']>): Promise<void> {
  const batch = await source.receive({ max: 10, visibilityMs: 60_000, waitMs: 0 })
  if (batch.length === 0) return
  await putEvents(ports.table, at.accountId, [event])
  await notify(ports, at.accountId, [event])
  await source.settle(batch.map((delivery) => ({ delivery, ok: true })))
}

type Ended = { readonly survived: boolean; readonly deliveries: number }

/** The receiver refuses the first `refusals` requests. */
async function lifeAndRecovery(fatal: number, refusals: number): Promise<Ended> {
  const at = rig()
  const ids: unknown[] = []
  const sink = await receiver((request, response) => {
    ids.push(request.headers['svix-id'])
    request.resume()
    response.writeHead(ids.length > refusals ? 200 : 500).end()
  })
  const { id } = await createEndpoint(at.ports, at.accountId, { url: sink.url, events: ['email.sent'] })
  const source = sqliteQueue(memoryEngine(), 'source', at.ports.clock, { maxAttempts: 5 })
  await source.send([{ body: 'outcome' }])
  const event = at.event()

  const death = deathAt(fatal, true)
  const { ports } = at
  const first = {
    ...ports,
    table: mortal(ports.table, death, 'table'),
    webhookQueue: mortal(ports.webhookQueue, death, 'webhooks'),
    client: mortal(ports.client, death, 'client'),
  }
  try {
    await work(at, first, mortal(source, death, 'source'), event)
    await drain(first)
    for (const waitMs of [5000, 300_000].slice(0, refusals)) {
      at.at(at.now() + waitMs)
      if (waitMs > 60_000) await sweep(first)
      await drain(first)
    }
  } catch (error) {
    if (!(error instanceof Crash)) throw error
  }

  for (let minutes = 0; minutes < 80; minutes++) {
    const second = {
      ...ports,
      caches: newCaches(ports.clock),
      ...dispatchState(ports.client, { clock: ports.clock, random: Math.random }),
    }
    at.at(at.now() + 61_000)
    await work(at, second, source, event)
    await sweep(second)
    await drain(second)
  }
  assert.deepEqual([...new Set(ids)], [event.id], `call ${fatal}: one event id`)
  assert.equal((await eventsOf(ports.table, at.accountId, event.messageId)).length, 1)
  const delivery = await getDelivery(ports.table, at.accountId, id, event.id)
  assert.equal(delivery.status, 'success', `call ${fatal}: recorded`)
  for (const queue of [source, ports.webhookQueue]) {
    assert.deepEqual(await queue.depth(), { ready: 0, leased: 0, delayed: 0 }, `call ${fatal}: nothing left`)
  }
  return { survived: !death.dead, deliveries: ids.length }
}

for (const refusals of [0, 1, 2]) {
  test(`a crash after any call, the receiver refusing ${refusals} times`, async (t) => {
    let fatal = 1
    let twice = 0
    for (; ; fatal++) {
      assert.ok(fatal < 100)
      const { survived, deliveries } = await lifeAndRecovery(fatal, refusals)
      if (deliveries > refusals + 1) twice++
      if (survived) break
    }
    assert.ok(fatal > 10 + 5 * refusals)
    assert.ok(twice <= 3 * (refusals + 1), `${twice} crashes led to a second delivery`)
    t.diagnostic(`${fatal - 1} crash points, ${twice} of them with a second delivery of the same id`)
  })
}
