/** The process dies at each call of an operation: the mailbox is as before the step or as after it, and never between. */
import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { auditMailbox } from '@kabutar/testing/mailbox-audit.ts'
import { appended, type MailboxRig, mailboxRig, received } from '@kabutar/testing/mailbox-rig.ts'
import { Crash, deathAt, mortal } from '@kabutar/testing/mortal.ts'
import { contentKey } from '../messages/references.ts'
import { contentsPartition } from '../store/mailbox-keys.ts'
import { append } from './append.ts'
import { copy } from './copy.ts'
import { deliver } from './deliver.ts'
import { expunge } from './expunge.ts'
import { flag } from './flag.ts'
import { makeFolder, removeFolder } from './folders.ts'
import { workOffMailbox } from './jobs.ts'
import { label, makeLabel } from './labels.ts'
import { deleteMailbox } from './mailboxes.ts'
import { move } from './move.ts'
import { moveThread, trashThread } from './thread-changes.ts'

const MAX_STEPS = 200
const IN_THREAD = 5

/** A thread of five in the inbox, and two that one more message would join. */
async function furnished(): Promise<MailboxRig & { readonly thread: string }> {
  const rig = await mailboxRig()
  const build = async () => {
    const letters = []
    for (let i = 0; i < IN_THREAD; i++) letters.push(await received(rig, 'a', { references: ['<root@far.test>'] }))
    letters.push(await received(rig, 'a', { messageIds: ['<left@far.test>'] }))
    letters.push(await received(rig, 'a', { messageIds: ['<right@far.test>'] }))
    await deliver(rig, rig.box, letters)
    return letters[0]?.id ?? ''
  }
  return { ...rig, thread: await rig.during(build()) }
}

const JOINING = { references: ['<left@far.test>', '<right@far.test>'], messageIds: ['<late@far.test>'] }
type Run = (rig: Awaited<ReturnType<typeof furnished>>) => Promise<unknown>

const OPERATIONS: Readonly<Record<string, Run>> = {
  deliver: async (rig) => deliver(rig, rig.box, [await received(rig, 'a'), await received(rig, 'a')]),
  'deliver a message that joins two threads': async (rig) => deliver(rig, rig.box, [await received(rig, 'a', JOINING)]),
  append: (rig) => append(rig, rig.box, 'sent', [appended(rig, 'a')]),
  flag: (rig) => flag(rig, rig.box, 'inbox', [1, 2, 5], { how: 'add', flags: ['seen', 'deleted'], keywords: [] }),
  move: (rig) => move(rig, rig.box, 'inbox', [1, 5, 6], 'archive'),
  copy: (rig) => copy(rig, rig.box, 'inbox', [1, 2], 'archive'),
  expunge: (rig) => expunge(rig, rig.box, 'inbox', [5, 6], { onlyDeleted: false }),
  'trash a thread': (rig) => trashThread(rig, rig.box, rig.thread),
  'move a thread': (rig) => moveThread(rig, rig.box, rig.thread, 'archive'),
  async label(rig) {
    const { id } = await makeLabel(rig, rig.box, { name: 'L', color: '#000000' })
    await label(rig, rig.box, rig.thread, 'add', [id])
  },
  async 'make and remove a folder'(rig) {
    const { id } = await makeFolder(rig, rig.box, { name: 'F' })
    await move(rig, rig.box, 'inbox', [6], id)
    await move(rig, rig.box, id, [1], 'inbox')
    await removeFolder(rig, rig.box, id)
  },
}

describe('a crash at any call leaves the mailbox whole', () => {
  for (const [name, operation] of Object.entries(OPERATIONS)) {
    for (const after of [false, true]) {
      test(`${name}, ${after ? 'after' : 'before'} the call took effect`, async () => {
        let crashes = 0
        for (let at = 1; at <= MAX_STEPS; at++) {
          const rig = await furnished()
          const death = deathAt(at, after)
          const dying = { ...rig, table: mortal(rig.table, death, 'table') }
          const failed = await rig.during(
            operation(dying).then(
              () => undefined,
              (error: unknown) => error,
            ),
          )
          assert.ok(failed === undefined || failed instanceof Crash, String(failed))
          await rig.during(auditMailbox(rig.table, rig.box))
          if (!death.dead) break
          crashes++
          await rig.during(deliver(rig, rig.box, [await rig.during(received(rig, 'a'))]))
          await rig.during(auditMailbox(rig.table, rig.box))
        }
        assert.ok(crashes >= 3 && crashes < MAX_STEPS, `${crashes} crashes`)
      })
    }
  }
})

describe('a job that a crash cut short at any call', () => {
  for (const job of ['empty-mailbox', 'empty-folder'] as const) {
    test(`is finished when it comes again: ${job}`, async () => {
      let crashes = 0
      for (let at = 1; at <= MAX_STEPS; at++) {
        const rig = await furnished()
        const { box, table } = rig
        const { id: folder } = await rig.during(makeFolder(rig, box, { name: 'F' }))
        const one = appended(rig, 'a')
        const prepare = async () => {
          await move(rig, box, 'inbox', [1, 2, 6], folder)
          await append(rig, box, folder, [one])
          if (job === 'empty-folder') await removeFolder(rig, box, folder)
          else await deleteMailbox(rig, box)
        }
        await rig.during(prepare())
        const death = deathAt(at, at % 2 === 0)
        const subject = job === 'empty-folder' ? folder : box.mailboxId
        const dying = { ...rig, table: mortal(table, death, 'table') }
        await rig.during(workOffMailbox(dying, box, job, subject).catch(() => undefined))
        await rig.during(workOffMailbox(rig, box, job, subject))
        assert.equal((await rig.during(table.get(contentKey('a', one.arrival.content))))?.refs, 0, death.name)
        if (job === 'empty-folder') await rig.during(auditMailbox(table, box))
        else assert.deepEqual((await rig.during(table.query({ pk: contentsPartition(box), limit: 9 }))).items, [])
        if (!death.dead) break
        crashes++
      }
      assert.ok(crashes >= 3 && crashes < MAX_STEPS, `${crashes} crashes`)
    })
  }
})
