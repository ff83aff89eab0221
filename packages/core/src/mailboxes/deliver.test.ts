import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { auditMailbox } from '@kabutar/testing/mailbox-audit.ts'
import { mailboxRig, received } from '@kabutar/testing/mailbox-rig.ts'
import { changesSince } from './changes.ts'
import { deliver } from './deliver.ts'
import { expunge } from './expunge.ts'
import { listFolders } from './folders.ts'
import { listThreads } from './list-threads.ts'
import { findMessage, listThreadMails } from './thread-mails.ts'

describe('a delivered message', () => {
  test('lies in the inbox, in a thread, and in the changes', async () => {
    const rig = await mailboxRig()
    const { table, box, during } = rig
    await during(
      (async () => {
        const first = await received(rig, 'a', { subject: 'One' })
        await rig.clock.sleep(1)
        const reply = await received(rig, 'a', { subject: 'Re: One', references: first.messageIds })
        assert.deepEqual(await deliver(rig, box, [first, reply]), ['placed', 'placed'])
        assert.deepEqual(await deliver(rig, box, [first]), ['known'])
        const { items } = await listThreads(table, box, {}, { limit: 10 })
        assert.deepEqual(
          items.map(({ subject, emails, unread, folder }) => [subject, emails, unread, folder]),
          [['Re: One', 2, 2, 'inbox']],
        )
        const mails = await listThreadMails(table, box, items[0]?.id ?? '', { limit: 10 })
        assert.deepEqual(
          mails.items.map(({ id, uid }) => [id, uid]),
          [
            [first.id, 1],
            [reply.id, 2],
          ],
        )
        const changes = await changesSince(table, box, 1, 10)
        assert.deepEqual(changes !== 'too_old' && changes.steps.map(({ changes: all }) => all), [
          [
            { type: 'arrived', folder: 'inbox', uids: [[1, 2]] },
            { type: 'thread', thread: first.id },
          ],
        ])
        const inbox = (await listFolders(rig, box)).find(({ id }) => id === 'inbox')
        assert.deepEqual(
          [inbox?.messages, inbox?.unseen, inbox?.uidNext, inbox?.threads, inbox?.bytes],
          [2, 2, 3, 1, 2000],
        )
        await auditMailbox(table, box)
      })(),
    )
  })

  test('comes back in no way once it was expunged', async () => {
    const rig = await mailboxRig()
    const { table, box, during } = rig
    await during(
      (async () => {
        const mail = await received(rig, 'a')
        await deliver(rig, box, [mail])
        assert.deepEqual(await expunge(rig, box, 'inbox', [1], { onlyDeleted: false }), [true])
        assert.deepEqual(await deliver(rig, box, [mail]), ['known'])
        assert.equal(await findMessage(table, box, mail.id), undefined)
        assert.deepEqual((await listThreads(table, box, {}, { limit: 10 })).items, [])
        await auditMailbox(table, box)
      })(),
    )
  })
})
