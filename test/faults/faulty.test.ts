/**
 * Sends over stores that fail as AWS does: entries twice and out of order, conflicts, throttles, lost answers, an index that
 * lags. Nothing crashes here, so nothing goes out twice: the worker retries the first event of an attempt, which says that
 * the next hop has the message, until it is written.
 */

import assert from 'node:assert/strict'
import { test } from 'node:test'
import { getSent } from '@kabutar/core/messages/read.ts'
import { StoreError, type Table, type Write } from '@kabutar/core/ports/table.ts'
import { submit } from '@kabutar/core/sending/submit.ts'
import { DUE_SHARDS, duePartition } from '@kabutar/core/store/keys.ts'
import { eventsOf } from '@kabutar/core/webhooks/event.ts'
import { faultyQueue, faultyTable, type QueueFaults, seeded, type TableFaults } from '@kabutar/testing/faults.ts'
import { DRAFT, drain, KEY, type Rig, sweepSends, testPorts } from '@kabutar/testing/sending-rig.ts'

const MESSAGES = 500
const MINUTE = 60_000
/** A day, which is longer than every wait of a message that the next hop accepts. */
const MOST_MINUTES = 24 * 60
const MOST_TRIES = 50

type Faults = { table: Omit<TableFaults, 'random' | 'clock'>; queue: Omit<QueueFaults, 'random'> }
const queue = { duplicate: 0.2, reorder: 0.2 }
const cases: readonly ({ name: string } & Faults)[] = [
  { name: 'conflicts and a late index', table: { conflict: 0.2, indexDelayMs: 90_000 }, queue },
  { name: 'lost answers', table: { conflict: 0.2, lostAnswer: 0.1, indexDelayMs: 90_000 }, queue },
  {
    name: 'throttles',
    table: { conflict: 0.2, throttled: 0.1, lostAnswer: 0.02, indexDelayMs: 90_000 },
    queue: { ...queue, throttled: 0.1 },
  },
]

for (const { name, table, queue } of cases) {
  test(`${MESSAGES} messages through ${name}`, async (t) => {
    const seed = Number(process.env.SEED ?? Date.now() % 1_000_000)
    const random = seeded(seed)
    const rig = await testPorts()
    const refused = new Set<string>()
    const faulty = {
      ...rig,
      table: watched(faultyTable(rig.table, { ...table, random, clock: rig.clock }), refused),
      sendQueue: faultyQueue(rig.sendQueue, { ...queue, random }),
      random,
    }
    const accepted = await acceptAll(faulty)
    const minutes = await untilNothingIsDue(rig, faulty)
    const times = timesRelayed(rig)
    const again = [...times].filter(([, count]) => count > 1).map(([id]) => id)
    t.diagnostic(
      `seed ${seed}: settled after ${minutes} min; ${again.length} sent twice, ${refused.size} events refused`,
    )
    for (const id of accepted) {
      assert.ok(times.has(id), `${id} was lost`)
      const { recipients } = await getSent(rig.table, KEY.accountId, id)
      assert.deepEqual(recipients, [{ address: 'bob@y.test', status: 'sent', pending: false }])
      const types = (await eventsOf(rig.table, KEY.accountId, id)).map(({ type }) => type)
      assert.deepEqual(types, ['email.sent'])
    }
    assert.deepEqual(again, [])
  })
}

/** Records the messages for which an event could not be written. */
function watched(table: Table, refused: Set<string>): Table {
  return {
    ...table,
    async write(write: Write) {
      try {
        return await table.write(write)
      } catch (error) {
        const id = write.kind === 'put' && /#ev#(.+)$/.exec(write.item.pk)?.[1]
        if (id && error instanceof StoreError && error.code === 'Throttled') refused.add(id)
        throw error
      }
    },
  }
}

/** Submits as an application does: every second message with a key, and each again until it is answered. */
async function acceptAll(ports: Rig): Promise<ReadonlySet<string>> {
  const accepted = new Set<string>()
  for (let number = 0; number < MESSAGES; number++) {
    const key = number % 2 === 0 ? `order-${number}` : undefined
    const { id } = await insistently(() => submit(ports, KEY, DRAFT, key))
    accepted.add(id)
  }
  assert.equal(accepted.size, MESSAGES)
  return accepted
}

async function insistently<T>(call: () => Promise<T>): Promise<T> {
  for (let tries = 1; ; tries++) {
    try {
      return await call()
    } catch (error) {
      if (!(error instanceof StoreError) || tries === MOST_TRIES) throw error
    }
  }
}

/** Works minute by minute; a sweep or worker that a fault ends runs again in the next. Answers the number of minutes. */
async function untilNothingIsDue(rig: Rig, faulty: Rig): Promise<number> {
  for (let minutes = 1; minutes <= MOST_MINUTES; minutes++) {
    for (const work of [sweepSends, drain]) {
      await work(faulty).catch((error: unknown) => assert.ok(error instanceof StoreError, String(error)))
    }
    if (!(await isDue(rig))) return minutes
    rig.clock.advance(MINUTE)
  }
  throw new Error(`messages are due after ${MOST_MINUTES} minutes`)
}

async function isDue({ table }: Rig): Promise<boolean> {
  for (let shard = 0; shard < DUE_SHARDS; shard++) {
    const { items } = await table.query({ pk: duePartition('sent-message', shard), index: 'gs1', limit: 1 })
    if (items.length > 0) return true
  }
  return false
}

function timesRelayed({ relay }: Rig): ReadonlyMap<string, number> {
  const times = new Map<string, number>()
  for (const { messageId } of relay.relayed) {
    const id = messageId.slice(1, messageId.indexOf('@'))
    times.set(id, (times.get(id) ?? 0) + 1)
  }
  return times
}
