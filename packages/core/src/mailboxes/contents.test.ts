/** Bytes go with the last placement that names them, and not before. */
import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { seeded } from '@kabutar/testing/faults.ts'
import { auditMailbox } from '@kabutar/testing/mailbox-audit.ts'
import { appended, mailboxRig, received } from '@kabutar/testing/mailbox-rig.ts'
import { contentKey } from '../messages/references.ts'
import { dueOf } from '../store/outbox.ts'
import { append } from './append.ts'
import { copy } from './copy.ts'
import { deliver } from './deliver.ts'
import { expunge } from './expunge.ts'
import { createMailbox } from './mailboxes.ts'

const ALL = { onlyDeleted: false }

describe('the content of a message', () => {
  for (let seed = 1; seed <= Number(process.env.KABUTAR_SEEDS ?? 5); seed++) {
    test(`stays while two deletes and a copy race, and goes with the last (race ${seed})`, async () => {
      const rig = await mailboxRig()
      const { box, table, clock } = rig
      const random = seeded(seed)
      const { message, arrival } = appended(rig, 'a')
      const key = contentKey('a', arrival.content)
      const late = async <T>(work: () => Promise<T>) => {
        await clock.sleep(random() * 3)
        return work()
      }
      await rig.during(
        (async () => {
          await append(rig, box, 'inbox', [{ message, arrival }])
          await copy(rig, box, 'inbox', [1], 'archive')
          await Promise.all([
            late(() => expunge(rig, box, 'inbox', [1], ALL)),
            late(() => expunge(rig, box, 'archive', [1], ALL)),
            late(() => copy(rig, box, 'archive', [1], 'sent')),
          ])
          const { placements } = await auditMailbox(table, box)
          const item = await table.get(key)
          assert.equal(item?.refs, placements.length)
          assert.equal(item !== undefined && dueOf(item) !== undefined, placements.length === 0)
          await expunge(rig, box, 'sent', [1], ALL)
          const last = await table.get(key)
          assert.equal(last?.refs, 0)
          const due = (last && dueOf(last)) ?? 0
          assert.ok(due > clock.now() + 23 * 3_600_000 && due <= clock.now() + 24 * 3_600_000 + 1)
        })(),
      )
    })
  }

  test('is counted once for each mailbox, and for the list', async () => {
    const rig = await mailboxRig()
    await rig.during(
      (async () => {
        const other = await createMailbox(rig, 'a', { name: 'B', addresses: ['bob@kabutar.test'] })
        const mail = await received(rig, 'a')
        const boxes = [rig.box, { accountId: 'a', mailboxId: other.id }]
        await Promise.all(boxes.map((box) => deliver(rig, box, [mail])))
        const refs = async () => (await rig.table.get(contentKey('a', mail.content)))?.refs
        assert.equal(await refs(), 3)
        for (const box of boxes) await expunge(rig, box, 'inbox', [1], ALL)
        assert.equal(await refs(), 1)
      })(),
    )
  })

  test('that was deleted everywhere is not placed any more', async () => {
    const rig = await mailboxRig()
    await rig.during(
      (async () => {
        const mail = await received(rig, 'a')
        const key = contentKey('a', mail.content)
        await rig.table.write({ kind: 'update', key, set: { refs: 0 } })
        assert.deepEqual(await deliver(rig, rig.box, [mail]), ['content_gone'])
        await auditMailbox(rig.table, rig.box)
      })(),
    )
  })
})
