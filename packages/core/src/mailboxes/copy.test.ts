import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { auditMailbox } from '@kabutar/testing/mailbox-audit.ts'
import { type MailboxRig, mailboxRig, received } from '@kabutar/testing/mailbox-rig.ts'
import { Crash, deathAt, mortal } from '@kabutar/testing/mortal.ts'
import { copy } from './copy.ts'
import { deliver } from './deliver.ts'
import { listFolders } from './folders.ts'

const LARGE = Number(process.env.KABUTAR_COPIED ?? 600)

/** A mailbox with so many messages in its inbox, ten to a thread. */
async function filled(count: number): Promise<MailboxRig> {
  const rig = await mailboxRig()
  const fill = async () => {
    for (let from = 0; from < count; from += 20) {
      const letters = Array.from({ length: Math.min(20, count - from) }, (_, i) =>
        received(rig, 'a', {
          messageIds: [],
          references: [`<${Math.floor((from + i) / 10)}@far.test>`],
          strangers: [],
        }),
      )
      await deliver(rig, rig.box, await Promise.all(letters))
    }
  }
  await rig.during(fill())
  return rig
}

const uidsTo = (count: number) => Array.from({ length: count }, (_, i) => i + 1)

describe('a copy', () => {
  test('has an id of its own, the same thread, and flags of its own from then on', async () => {
    const rig = await filled(3)
    const copied = await rig.during(copy(rig, rig.box, 'inbox', [1, 3, 9], 'archive'))
    assert.deepEqual(
      [copied.uids, copied.toUids],
      [
        [
          [1, 1],
          [3, 3],
        ],
        [[1, 2]],
      ],
    )
    const { placements } = await rig.during(auditMailbox(rig.table, rig.box))
    assert.equal(new Set(placements.map(({ id }) => id)).size, 5)
    assert.equal(new Set(placements.map(({ thread }) => thread)).size, 1)
  })

  test(`of ${LARGE} messages is whole, and a delivery waits for it`, async () => {
    const rig = await filled(LARGE)
    const seen = new Set<number>()
    const mail = await rig.during(received(rig, 'a', { folder: 'archive', messageIds: ['<new@far.test>'] }))
    let delivering: Promise<readonly string[]> | undefined
    const transact: MailboxRig['table']['transact'] = async (...args) => {
      await rig.table.transact(...args)
      delivering ??= deliver(rig, rig.box, [mail])
      const folders = await listFolders(rig, rig.box)
      seen.add(folders.find(({ id }) => id === 'archive')?.messages ?? -1)
    }
    const watched = { ...rig, table: { ...tableOf(rig), transact } }
    await rig.during(copy(watched, rig.box, 'inbox', uidsTo(LARGE), 'archive'))
    assert.deepEqual(await rig.during(delivering ?? assert.fail()), ['placed'])
    assert.deepEqual([...seen].filter((count) => count !== LARGE + 1).sort(), [0, LARGE])
    const { placements } = await rig.during(auditMailbox(rig.table, rig.box))
    assert.equal(placements.find(({ id }) => id === mail.id)?.uid, LARGE + 1)
  })

  test('that was held up for too long ends as a conflict, and spoils nothing of who came meanwhile', async () => {
    const rig = await filled(150)
    const mail = await rig.during(received(rig, 'a', { folder: 'archive', messageIds: ['<new@far.test>'] }))
    let steps = 0
    const transact: MailboxRig['table']['transact'] = async (...args) => {
      await rig.table.transact(...args)
      if (++steps !== 2) return
      await rig.clock.sleep(61_000)
      await deliver(rig, rig.box, [mail])
    }
    const slow = { ...rig, table: { ...tableOf(rig), transact } }
    const copying = rig.during(copy(slow, rig.box, 'inbox', uidsTo(150), 'archive'))
    await assert.rejects(copying, { code: 'Conflict' })
    const { placements } = await rig.during(auditMailbox(rig.table, rig.box))
    assert.deepEqual(
      placements.filter(({ folder }) => folder === 'archive').map(({ id, uid }) => [id, uid]),
      [[mail.id, 1]],
    )
  })

  for (const after of [false, true]) {
    test(`is whole or not there after a crash ${after ? 'after' : 'before'} any step`, async () => {
      const count = 30
      let crashes = 0
      const outcomes = new Set<number>()
      for (let at = 1; ; at++) {
        const rig = await filled(count)
        const death = deathAt(at, after)
        const dying = { ...rig, table: mortal({ ...tableOf(rig), transact: rig.table.transact }, death, 'table') }
        const copying = copy(dying, rig.box, 'inbox', uidsTo(count), 'archive')
        const failed = await rig.during(
          copying.then(
            () => undefined,
            (error: unknown) => error,
          ),
        )
        if (!death.dead) break
        assert.ok(failed instanceof Crash || failed === undefined)
        crashes++
        const archived = async () => {
          const folders = await listFolders(rig, rig.box)
          return folders.find(({ id }) => id === 'archive')?.messages ?? -1
        }
        outcomes.add(await rig.during(archived()))
        const mail = await rig.during(received(rig, 'a', { folder: 'archive', messageIds: ['<new@far.test>'] }))
        await rig.during(deliver(rig, rig.box, [mail]))
        const { placements } = await rig.during(auditMailbox(rig.table, rig.box))
        const copies = placements.filter(({ folder, id }) => folder === 'archive' && id !== mail.id).length
        assert.ok(copies === 0 || copies === count, `${copies} after ${death.name} (${at})`)
      }
      assert.deepEqual([...outcomes].sort(), [0, count])
      assert.ok(crashes > 6, `${crashes} crashes`)
    })
  }

  test('is refused above 10,000, and into a folder that is not there', async () => {
    const rig = await filled(1)
    await assert.rejects(copy(rig, rig.box, 'inbox', uidsTo(10_001), 'archive'), { code: 'invalid_parameter' })
    await assert.rejects(rig.during(copy(rig, rig.box, 'inbox', [1], 'nowhere')), { code: 'not_found' })
  })
})

const tableOf = ({ table }: MailboxRig) => ({
  get: table.get,
  getMany: table.getMany,
  query: table.query,
  write: table.write,
  writeInOrder: table.writeInOrder,
})
