import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { type ActivityRig, activityPorts, submitOne, takeOne } from '@kabutar/testing/activity-rig.ts'
import { drain } from '@kabutar/testing/sending-rig.ts'
import { type Changes, listActivity, loggedChanges, polledChanges } from './activity.ts'
import { deleteReceived } from './delete.ts'
import { deleteSent } from './delete-sent.ts'
import type { Message } from './message.ts'

const ALL = { directions: ['out', 'in'] } as const
const ids = (items: readonly Message[]) => items.map(({ id }) => id)
const NEVER = new AbortController().signal

describe('the list of sent and received messages', () => {
  test('is newest first, whatever the direction, and goes on where a page ended', async () => {
    const ports = await activityPorts()
    const made: string[] = []
    for (let n = 0; n < 12; n++) {
      ports.clock.advance(n === 6 ? 86_400_000 : 10)
      made.unshift(n % 3 === 0 ? await takeOne(ports) : await submitOne(ports))
    }
    const found: string[] = []
    let after: string | undefined
    do {
      const page = await listActivity(ports, 'a', { ...ALL, limit: 5, ...(after !== undefined && { after }) })
      found.push(...ids(page.items))
      after = page.next
    } while (after !== undefined)
    assert.deepEqual(found, made)
    const received = await listActivity(ports, 'a', { ...ALL, directions: ['in'], limit: 100 })
    assert.deepEqual(
      received.items.map(({ direction }) => direction),
      ['received', 'received', 'received', 'received'],
    )
    assert.deepEqual((await listActivity(ports, 'b', { ...ALL, limit: 5 })).items, [])
  })

  test('with a filter passes over what does not match', async () => {
    const ports = await activityPorts()
    const wanted = await submitOne(ports, { subject: 'Wanted' })
    for (let n = 0; n < 30; n++) {
      ports.clock.advance(10)
      await submitOne(ports)
    }
    const page = await listActivity(ports, 'a', { ...ALL, limit: 5, matches: ({ subject }) => subject === 'Wanted' })
    assert.deepEqual([ids(page.items), page.next], [[wanted], undefined])
  })

  test('has no sent message whose content was deleted, unless it is asked for', async () => {
    const ports = await activityPorts()
    const id = await submitOne(ports)
    await drain(ports)
    await deleteSent(ports, 'a', id)
    assert.deepEqual((await listActivity(ports, 'a', { ...ALL, limit: 5 })).items, [])
    assert.deepEqual(ids((await listActivity(ports, 'a', { ...ALL, limit: 5, deleted: true })).items), [id])
  })
})

const KINDS: readonly { readonly name: string; readonly open: (ports: ActivityRig) => Changes }[] = [
  { name: 'as the process logs them', open: (ports) => loggedChanges(ports.table, ports.changeLog) },
  { name: 'as a comparison of rows finds them', open: (ports) => polledChanges(ports) },
]

for (const { name, open } of KINDS) {
  describe(`changes, ${name}`, () => {
    test('are new messages and new statuses, each told once', async () => {
      const ports = await activityPorts()
      const changes = open(ports)
      await submitOne(ports)
      let cursor = await changes.cursor('a')
      const next = async () => {
        const found = await changes.after('a', cursor)
        assert.ok(found)
        cursor = found.cursor
        return ids(found.items)
      }
      assert.deepEqual(await next(), [])
      ports.clock.advance(10)
      const [sent, received] = [await submitOne(ports), await takeOne(ports)]
      assert.deepEqual((await next()).toSorted(), [sent, received].toSorted())
      assert.deepEqual(await next(), [])
      await drain(ports)
      assert.ok((await next()).includes(sent), 'the status of the message has changed')
      assert.deepEqual(await next(), [])
    })

    test('tell of a sent message whose content was deleted', async () => {
      const ports = await activityPorts()
      const changes = open(ports)
      const id = await submitOne(ports)
      await drain(ports)
      const cursor = await changes.cursor('a')
      await deleteSent(ports, 'a', id)
      const found = await changes.after('a', cursor)
      assert.deepEqual([ids(found?.items ?? []), found?.deleted], [[], [id]])
      assert.deepEqual((await changes.after('a', found?.cursor ?? ''))?.deleted, [])
    })

    test('of another account are not told', async () => {
      const ports = await activityPorts()
      const changes = open(ports)
      const cursor = await changes.cursor('b')
      await submitOne(ports)
      assert.deepEqual((await changes.after('b', cursor))?.items, [])
    })

    test('after an unknown cursor are not told: the list has to be loaded again', async () => {
      const changes = open(await activityPorts())
      for (const cursor of ['', 'x', 'other.3', '../', `${(await changes.cursor('a')).split('.')[0]}x.99`]) {
        assert.equal(await changes.after('a', cursor), undefined, cursor)
      }
    })
  })
}

describe('logged changes', () => {
  test('tell of deleted messages', async () => {
    const ports = await activityPorts()
    const changes = loggedChanges(ports.table, ports.changeLog)
    const id = await takeOne(ports)
    const cursor = await changes.cursor('a')
    await deleteReceived(ports, 'a', id)
    assert.deepEqual((await changes.after('a', cursor))?.deleted, [id])
  })

  test('begin at the very cursors that were told, and at no text that is like one', async () => {
    const { changeLog } = await activityPorts()
    const cursor = changeLog.cursor('a')
    assert.ok(changeLog.after('a', cursor, 1))
    const [epoch] = cursor.split('.')
    for (const end of ['', '.', '.1', '.00', '.-1', '.0 ', '.0.', '.NaN', '.0\n\nevent: changes']) {
      assert.equal(changeLog.after('a', `${epoch}${end}`, 1), undefined, end)
    }
  })

  test('wake whoever waits when the row is committed, and not before', async () => {
    const ports = await activityPorts()
    const log = ports.changeLog
    const cursor = log.cursor('a')
    let awake = false
    const waiting = log.wait('a', cursor, 60_000, NEVER).then(() => {
      awake = true
    })
    await new Promise(setImmediate)
    assert.equal(awake, false)
    const id = await submitOne(ports)
    await waiting
    assert.deepEqual(
      log.after('a', cursor, 10)?.messages.map((message) => message.id),
      [id],
    )
    // What changed since the cursor is not waited for.
    await log.wait('a', cursor, 60_000, NEVER)
  })

  test('are forgotten beyond 10,000 of all accounts', async () => {
    const { changeLog, table } = await activityPorts()
    const changes = loggedChanges(table, changeLog)
    const key = (account: string, n: number) => ({ pk: `${account}#out#2026-11-22#1`, sk: String(n) })
    const [start, empty] = [await changes.cursor('a'), await changes.cursor('c')]
    changeLog.note(key('a', 0))
    const seen = await changes.cursor('a')
    for (let n = 1; n < 10_000; n++) changeLog.note(key('b', n))
    assert.ok(await changes.after('a', start))
    changeLog.note(key('b', 0))
    assert.equal(await changes.after('a', start), undefined)
    // Whoever has seen all changes of an account has missed none.
    for (const [account, cursor] of [
      ['a', seen],
      ['c', empty],
    ] as const) {
      assert.deepEqual((await changes.after(account, cursor))?.items, [])
    }
  })

  test('are numbered by account: a cursor tells nothing of other accounts', async () => {
    const ports = await activityPorts()
    const changes = loggedChanges(ports.table, ports.changeLog)
    const before = await changes.cursor('b')
    await submitOne(ports)
    assert.equal(await changes.cursor('b'), before)
    assert.equal((await changes.after('b', before))?.cursor, before)
    assert.notEqual(await changes.cursor('a'), before)
  })
})
