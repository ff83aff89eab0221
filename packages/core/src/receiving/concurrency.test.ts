/** Many workers, one mailbox, every entry twice, and a store that conflicts. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { systemClock } from '@kabutar/local/system-clock.ts'
import { faultyTable, seeded } from '@kabutar/testing/faults.ts'
import { handle, letter, type ReceiveRig, receivePorts, take } from '@kabutar/testing/receiving-rig.ts'
import { changesSince } from '../mailboxes/changes.ts'
import { listFolders, listPlacements } from '../mailboxes/mailbox.ts'
import { listReceived } from '../messages/read-received.ts'
import { readPayload, receivedEventId } from '../webhooks/event.ts'

const MESSAGES = 1000
const WORKERS = 32

/** Takes every message and announces it twice. */
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

/** The ids of what a mailbox holds, checked against what was seen before: only ever longer, never with a gap. */
async function watch(ports: ReceiveRig, until: () => boolean): Promise<number> {
  let seen: readonly string[] = []
  let polls = 0
  for (; !until(); polls++) {
    const row = await ports.table.get({ pk: 'a#mailboxes', sk: '*@kabutar.test' })
    const mailbox = row?.id as string | undefined
    const rows = mailbox ? await listPlacements(ports.table, 'a', mailbox, 'inbox', { limit: MESSAGES + 1 }) : []
    assert.ok(rows.every(({ uid }, i) => uid === i + 1))
    assert.ok(seen.every((id, i) => rows[i]?.id === id))
    seen = rows.map(({ id }) => id)
    await systemClock.sleep(1)
  }
  return polls
}

test('1,000 messages by 32 workers, each announced twice, with 20% conflicts', async (t) => {
  const rig = await receivePorts()
  const ids = await acceptAll(rig)
  const clock = { ...systemClock, now: rig.clock.now }
  const random = seeded(7)
  const table = faultyTable(rig.table, { random, clock, conflict: 0.2 })
  const ports = { ...rig, table, clock, random }
  const started = performance.now()
  let working = WORKERS
  let failures = 0
  const work = async () => {
    for (let idle = 0; idle < 20; ) {
      const batch = await rig.receiveQueue.receive({ max: 10, visibilityMs: 600_000, waitMs: 0 })
      failures += (await handle(ports, rig.receiveQueue, batch)).length
      idle = batch.length > 0 ? 0 : idle + 1
      // What failed waits 5 s and more on this clock.
      if (batch.length === 0) rig.clock.advance(1000)
      await systemClock.sleep(0)
    }
  }
  const watching = watch(rig, () => working === 0)
  await Promise.all(Array.from({ length: WORKERS }, () => work().finally(() => working--)))
  const polls = await watching
  t.diagnostic(`${Math.round(performance.now() - started)} ms, ${failures} entries came back, ${polls} polls`)
  assert.deepEqual(await rig.receiveQueue.depth(), { ready: 0, leased: 0, delayed: 0 })

  const row = await rig.table.get({ pk: 'a#mailboxes', sk: '*@kabutar.test' })
  const mailbox = row?.id as string
  const placed = await listPlacements(rig.table, 'a', mailbox, 'inbox', { limit: 2 * MESSAGES })
  assert.equal(placed.length, MESSAGES)
  assert.deepEqual(new Set(placed.map(({ id }) => id)), ids)
  const [inbox] = await listFolders(rig.table, 'a', mailbox)
  assert.deepEqual([inbox?.total, inbox?.unseen, inbox?.uidNext], [MESSAGES, MESSAGES, MESSAGES + 1])
  assert.equal(
    inbox?.bytes,
    placed.reduce((sum, { size }) => sum + size, 0),
  )
  const changes = await changesSince(rig.table, 'a', mailbox, 1, MESSAGES)
  assert.ok(changes !== 'resync' && changes.changes.length === MESSAGES && !changes.hasMore)

  const listed: string[] = []
  for (let after: string | undefined, more = true; more; after = listed.at(-1)) {
    const page = await listReceived(rig, 'a', { limit: 100, ...(after !== undefined && { after }) })
    listed.push(...page.items.map(({ id }) => id))
    more = page.hasMore
  }
  assert.equal(listed.length, MESSAGES)
  assert.deepEqual(new Set(listed), ids)
  for (const id of listed.slice(0, 50)) assert.ok(await readPayload(rig.table, 'a', id, receivedEventId('a', id)))
})
