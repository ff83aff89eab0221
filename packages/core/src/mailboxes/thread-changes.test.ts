import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { auditMailbox } from '@kabutar/testing/mailbox-audit.ts'
import { appended, type MailboxRig, mailboxRig, received } from '@kabutar/testing/mailbox-rig.ts'
import { append } from './append.ts'
import type { Arrival } from './arrive.ts'
import { changesSince } from './changes.ts'
import { deliver } from './deliver.ts'
import { workOffMailbox } from './jobs.ts'
import { label, makeLabel } from './labels.ts'
import { listThreads, type ThreadFilter } from './list-threads.ts'
import { moveThread, readThread, trashThread } from './thread-changes.ts'
import { getThread } from './thread-mails.ts'

const DAY_MS = 24 * 3_600_000
const inTime = async (work: (rig: MailboxRig) => Promise<unknown>) => {
  const rig = await mailboxRig()
  await rig.during(work(rig))
}

describe('a thread', () => {
  test('is read and unread as a whole', () =>
    inTime(async (rig) => {
      const letters = Array.from({ length: 30 }, () => received(rig, 'a', { references: ['<r@t>'] }))
      await deliver(rig, rig.box, await Promise.all(letters))
      const { threads } = await auditMailbox(rig.table, rig.box)
      const [{ id } = assert.fail()] = threads
      assert.equal((await readThread(rig, rig.box, id, true)).unread, 0)
      assert.equal((await readThread(rig, rig.box, id, false)).unread, 30)
      await auditMailbox(rig.table, rig.box)
    }))

  test('is moved to trash once, expunged after 30 days, and not if it was moved back', () =>
    inTime(async (rig) => {
      const { box, table } = rig
      const [gone, back] = [await received(rig, 'a'), await received(rig, 'a')]
      await deliver(rig, box, [gone, back])
      assert.deepEqual([await trashThread(rig, box, gone.id), await trashThread(rig, box, gone.id)], [true, false])
      await trashThread(rig, box, back.id)
      assert.equal((await moveThread(rig, box, back.id, 'inbox')).expungeAt, undefined)
      await workOffMailbox(rig, box, 'expunge-thread', gone.id)
      assert.equal((await getThread(table, box, gone.id)).folder, 'trash', 'not before its time')
      await rig.clock.sleep(30 * DAY_MS + 1)
      await workOffMailbox(rig, box, 'expunge-thread', gone.id)
      await workOffMailbox(rig, box, 'expunge-thread', back.id)
      await assert.rejects(getThread(table, box, gone.id), { code: 'not_found' })
      assert.equal((await getThread(table, box, back.id)).folder, 'inbox')
      await auditMailbox(table, box)
    }))

  test('comes back from the archive with a reply, and not from trash or spam', () =>
    inTime(async (rig) => {
      for (const [folder, expected] of [
        ['archive', 'inbox'],
        ['trash', 'trash'],
        ['spam', 'spam'],
      ] as const) {
        const mail = await received(rig, 'a')
        await deliver(rig, rig.box, [mail])
        await moveThread(rig, rig.box, mail.id, folder)
        await rig.clock.sleep(1)
        await deliver(rig, rig.box, [await received(rig, 'a', { references: mail.messageIds })])
        assert.equal((await getThread(rig.table, rig.box, mail.id)).folder, expected)
      }
      await auditMailbox(rig.table, rig.box)
    }))

  test('of outbound messages alone is in sent, which is no target', () =>
    inTime(async (rig) => {
      const one = appended(rig, 'a')
      await append(rig, rig.box, 'sent', [one])
      assert.equal((await getThread(rig.table, rig.box, one.arrival.id)).folder, 'sent')
      await assert.rejects(moveThread(rig, rig.box, one.arrival.id, 'sent'), { code: 'invalid_parameter' })
    }))
})

describe('lists of threads', () => {
  test('are filtered and paged both ways, the newest activity first', () =>
    inTime(async (rig) => {
      const { box, table } = rig
      const mails: Arrival[] = []
      for (let i = 0; i < 6; i++) mails.push(await received(rig, 'a', { receivedAt: 1000 + i, subject: `S${i}` }))
      await deliver(rig, box, mails)
      const { id: one } = await makeLabel(rig, box, { name: 'One', color: '#000000' })
      const at = (i: number) => mails[i]?.id ?? ''
      await label(rig, box, at(1), 'add', [one])
      await readThread(rig, box, at(2), true)
      await moveThread(rig, box, at(3), 'archive')
      await trashThread(rig, box, at(4))
      const page = async (filter: ThreadFilter, options: object = {}) => {
        const { items, hasMore } = await listThreads(table, box, filter, { limit: 9, ...options })
        return items.map(({ subject }) => subject).join(' ') + (hasMore ? ' …' : '')
      }
      assert.equal(await page({}), 'S5 S3 S2 S1 S0')
      assert.equal(await page({}, { limit: 2 }), 'S5 S3 …')
      assert.equal(await page({}, { limit: 2, after: at(3) }), 'S2 S1 …')
      assert.equal(await page({}, { limit: 2, before: at(1) }), 'S3 S2 …')
      assert.equal(await page({ folders: ['trash'] }), 'S4')
      assert.equal(await page({ folders: ['archive', 'inbox'], read: false }), 'S5 S3 S1 S0')
      assert.equal(await page({ read: true }), 'S2')
      assert.equal(await page({ labels: [one] }), 'S1')
      assert.equal(await page({ labels: [one], folders: ['trash'] }), '')
    }))
})

describe('changes', () => {
  test('are told in their order, or not at all', () =>
    inTime(async (rig) => {
      const { box, table } = rig
      await deliver(rig, box, [await received(rig, 'a')])
      const mail = await received(rig, 'a')
      await deliver(rig, box, [mail])
      await trashThread(rig, box, mail.id)
      const all = await changesSince(table, box, 1, 2)
      assert.ok(all !== 'too_old')
      assert.deepEqual([all.steps.length, all.modSeq, all.hasMore], [2, 3, true])
      const rest = await changesSince(table, box, all.modSeq, 9)
      assert.ok(rest !== 'too_old')
      const moved = { type: 'moved', folder: 'inbox', uids: [[2, 2]], to: 'trash', toUids: [[1, 1]] }
      assert.deepEqual(rest.steps[0]?.changes[0], moved)
      assert.equal(await changesSince(table, box, 99, 9), 'too_old')
      assert.equal(await changesSince(table, box, 0, 9), 'too_old')
      await rig.clock.sleep(91 * DAY_MS)
      assert.equal(await changesSince(table, box, 1, 9), 'too_old')
    }))
})
