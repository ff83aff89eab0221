import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { systemClock } from '@kabutar/local/system-clock.ts'
import { faultyTable, seeded } from '@kabutar/testing/faults.ts'
import { KEY, testPorts } from '@kabutar/testing/sending-rig.ts'
import type { Table } from '../ports/table.ts'
import { changesKey } from './change-log.ts'
import { changesSince } from './changes.ts'
import { deliver } from './deliver.ts'
import { expunge } from './expunge.ts'
import { createMailbox, listFolders, listPlacements, mailboxFor } from './mailbox.ts'
import { partitionOf } from './rows.ts'

const A = KEY.accountId
const WRITERS = 5
const arrival = (id: string, size = 10) => ({ id, thread: id, size, receivedAt: 0, blob: `${A}/${id}`, detail: {} })

/** A client that knows a mailbox by its changes alone: uid to message. */
function reader(table: Table, mailbox: string) {
  const known = new Map<number, string>()
  let modSeq = 1
  return {
    known,
    async poll(limit: number): Promise<boolean> {
      const answer = await changesSince(table, A, mailbox, modSeq, limit)
      assert.ok(answer !== 'resync')
      for (const { kind, uid, id } of answer.changes) {
        if (kind === 'arrived') {
          assert.ok(uid > Math.max(0, ...known.keys()), 'a uid appears after a larger one')
          known.set(uid, id)
        } else assert.ok(known.delete(uid), 'what is expunged had arrived')
      }
      modSeq = answer.modSeq
      return answer.hasMore
    },
  }
}

describe('changes since', () => {
  for (const seed of [1, 2, 3]) {
    test(`readers that poll at random moments end with exactly the mailbox (seed ${seed})`, async () => {
      const random = seeded(seed)
      const { table, clock, ids } = await testPorts()
      const mailbox = await createMailbox({ table, clock, ids }, A, 'ada@kabutar.test')
      const timing = { ...systemClock, now: clock.now }
      const ports = { table: faultyTable(table, { random, clock: timing, conflict: 0.2 }), clock: timing, random }
      const readers = Array.from({ length: 4 }, () => reader(table, mailbox))
      let writing = WRITERS
      const write = async () => {
        const mine: string[] = []
        for (let step = 0; step < 40; step++) {
          if (random() < 0.6 || mine.length === 0) {
            const fresh = Array.from({ length: 1 + Math.floor(random() * 4) }, () => ids.next())
            mine.push(...fresh)
            await deliver(
              ports,
              A,
              mailbox,
              fresh.map((id) => arrival(id)).concat(random() < 0.3 ? arrival(mine[0]!) : []),
            )
          } else await expunge(ports, A, mailbox, arrival(mine.splice(Math.floor(random() * mine.length), 1)[0]!))
          await systemClock.sleep(random() * 2)
        }
      }
      const read = async (one: ReturnType<typeof reader>) => {
        while (writing > 0) {
          await one.poll(1 + Math.floor(random() * 20))
          await systemClock.sleep(random() * 4)
        }
        while (await one.poll(7));
      }
      await Promise.all([
        ...Array.from({ length: WRITERS }, () => write().finally(() => writing--)),
        ...readers.map(read),
      ])
      const placed = await listPlacements(table, A, mailbox, 'inbox', { limit: 1000 })
      assert.ok(placed.length > 50)
      for (const { known } of readers) {
        assert.deepEqual(
          [...known].sort(([a], [b]) => a - b),
          placed.map(({ uid, id }) => [uid, id]),
        )
      }
      const [inbox] = await listFolders(table, A, mailbox)
      assert.deepEqual([inbox?.total, inbox?.unseen, inbox?.bytes], [placed.length, placed.length, 10 * placed.length])
    })
  }

  test('of a time whose changes have expired, or that never was, ask for a new reading', async () => {
    const { table, clock, ids } = await testPorts()
    const mailbox = await createMailbox({ table, clock, ids }, A, 'ada@kabutar.test')
    const ports = { table, clock, random: () => 0.5 }
    const many = Array.from({ length: 100 }, () => arrival(ids.next()))
    await deliver(ports, A, mailbox, many)
    assert.deepEqual(await changesSince(table, A, mailbox, 101), { modSeq: 101, changes: [], hasMore: false })
    assert.equal(await changesSince(table, A, mailbox, 102), 'resync')
    assert.equal(await changesSince(table, A, mailbox, 0), 'resync')
    const pk = partitionOf(A, mailbox)
    const rows = (await table.query({ pk, prefix: 'chg#', limit: 100 })).items
    assert.ok(rows.length > 3 && rows.length < 10, `${rows.length} rows`)
    const firstEnd = Number(rows[0]?.sk.slice(4))
    await table.write({ kind: 'delete', key: changesKey(pk, firstEnd) })
    assert.equal(await changesSince(table, A, mailbox, firstEnd - 1), 'resync')
    const rest = await changesSince(table, A, mailbox, firstEnd)
    assert.ok(rest !== 'resync')
    assert.deepEqual(
      rest.changes.map(({ modSeq, uid, id }) => [modSeq, uid, id]),
      many.map(({ id }, i) => [i + 2, i + 1, id]).slice(firstEnd - 1),
    )
    clock.advance(91 * 24 * 3600 * 1000)
    assert.equal(await changesSince(table, A, mailbox, firstEnd), 'resync')
    assert.ok((await changesSince(table, A, mailbox, 100)) !== 'resync', 'the last ones lie with the mailbox')
    assert.equal((await listPlacements(table, A, mailbox, 'inbox', { limit: 1000 })).length, 100)
    await assert.rejects(changesSince(table, A, 'nowhere', 1), { code: 'not_found' })
  })
})

describe('mailboxes', () => {
  test('a domain gets one, however many ask at once; an address of its own goes first', async () => {
    const { table, clock, ids } = await testPorts()
    const ports = { table, clock, ids }
    const made = await Promise.all(Array.from({ length: 20 }, (_, i) => mailboxFor(ports, A, `x${i}@kabutar.test`)))
    assert.equal(new Set(made).size, 1)
    const own = await createMailbox(ports, A, 'ada@kabutar.test')
    assert.equal(await mailboxFor(ports, A, 'ada@kabutar.test'), own)
    assert.equal(await mailboxFor(ports, A, 'bob@kabutar.test'), made[0])
    assert.notEqual(await mailboxFor(ports, 'b', 'bob@kabutar.test'), made[0])
  })

  test('what was expunged before it arrived never does', async () => {
    const { table, clock, ids } = await testPorts()
    const mailbox = await createMailbox({ table, clock, ids }, A, 'ada@kabutar.test')
    const ports = { table, clock, random: () => 0.5 }
    await expunge(ports, A, mailbox, arrival('1'))
    await deliver(ports, A, mailbox, [arrival('1'), arrival('2')])
    const placed = await listPlacements(table, A, mailbox, 'inbox', { limit: 10 })
    assert.deepEqual(
      placed.map(({ id, uid }) => [id, uid]),
      [['2', 1]],
    )
  })

  test('more messages than a transaction holds are placed all the same', async () => {
    const { table, clock, ids } = await testPorts()
    const mailbox = await createMailbox({ table, clock, ids }, A, 'ada@kabutar.test')
    const many = Array.from({ length: 100 }, (_, i) => arrival(String(i)))
    await deliver({ table, clock, random: () => 0.5 }, A, mailbox, many)
    const placed = await listPlacements(table, A, mailbox, 'inbox', { limit: 1000 })
    assert.deepEqual(
      placed.map(({ uid }) => uid),
      many.map((_, i) => i + 1),
    )
  })
})
