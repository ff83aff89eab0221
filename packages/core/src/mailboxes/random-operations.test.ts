/**
 * Random operations by 16 writers at once. Each is one step, so they took place in the order of their commits: the same
 * operations in this order on a simple model in memory must leave the same folders, uids, flags, threads, labels and lists.
 * KABUTAR_SEEDS says how many runs there are, KABUTAR_OPERATIONS how many operations each writer makes.
 */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { auditMailbox, type MailboxRows, rootOf } from '@kabutar/testing/mailbox-audit.ts'
import { MailboxModel } from '@kabutar/testing/mailbox-model.ts'
import { current, type Done, OPERATIONS, pick, type World, world } from '@kabutar/testing/mailbox-operations.ts'
import { MailError } from '../errors.ts'
import { isUuid } from '../ports/ids.ts'
import { StoreError } from '../ports/table.ts'

const WRITERS = 16
const EACH = Number(process.env.KABUTAR_OPERATIONS ?? 12)
const SEEDS = Number(process.env.KABUTAR_SEEDS ?? 4)
const FIRST_SEED = Number(process.env.KABUTAR_FIRST_SEED ?? 1)
const ROLES = ['inbox', 'sent', 'drafts', 'trash', 'spam', 'archive']

/** Refusals that racing operations may meet. */
const mayBe = (error: unknown) =>
  (error instanceof StoreError && error.code === 'Conflict') ||
  (error instanceof MailError && (error.code === 'not_found' || error.code === 'conflict'))

async function writer(world: World): Promise<void> {
  for (let i = 0; i < EACH; i++) {
    const name = world.random() < 0.35 ? 'deliver' : pick(world, Object.keys(OPERATIONS))
    const operation = OPERATIONS[name] ?? assert.fail()
    const done: Done = { modSeqs: [], ids: [] }
    try {
      const apply = await current.run(done, () => operation(world, done))
      if (apply) done.apply = apply
    } catch (error) {
      if (!mayBe(error)) throw error
      world.refused.push(`${name} ${error}`)
      assert.ok(name !== 'deliver' || error instanceof StoreError, String(error))
    }
    world.done.push(done)
  }
}

/** The operations in the order of their last commits. */
function modelOf(world: World): MailboxModel {
  const model = new MailboxModel()
  const events = world.done.flatMap(({ modSeqs, apply, applyEach }) => [
    ...(apply && modSeqs.length > 0 ? [{ at: Math.max(...modSeqs), apply }] : []),
    ...(applyEach ? modSeqs.map((at) => ({ at, apply: (to: MailboxModel) => applyEach(to, at) })) : []),
  ])
  for (const { apply } of events.sort((a, b) => a.at - b.at)) apply(model)
  return model
}

function compare(model: MailboxModel, rows: MailboxRows): void {
  const inOrder = (a: readonly unknown[], b: readonly unknown[]) => (String(a[0]) < String(b[0]) ? -1 : 1)
  const found = rows.placements.map(({ id, folder, uid, flags }) => [id, folder, uid, [...flags].sort()]).sort(inOrder)
  const expected = [...model.messages.values()].map(({ id, folder, uid, flags }) => [
    id,
    folder,
    uid,
    [...flags].sort(),
  ])
  assert.deepEqual(found, expected.sort(inOrder))
  const roots = new Map<string, string>()
  for (const { id, thread } of rows.placements) {
    const { tie } = model.messages.get(id) ?? assert.fail()
    const root = rootOf(rows, thread)
    assert.equal(roots.get(model.tied(tie)) ?? root, root, 'tied messages are one thread')
    roots.set(model.tied(tie), root)
    const row = rows.threads.find((one) => one.id === root)
    const shown = model.thread(tie)
    assert.deepEqual(row?.labels.toSorted(), model.labelsOf(tie), `labels of ${root}`)
    if (shown === undefined) continue
    assert.deepEqual(
      [row?.folder, row?.emails, row?.newest?.id],
      [shown.folder, shown.messages.length, shown.messages.at(-1)?.id],
    )
  }
  assert.equal(new Set(roots.values()).size, roots.size, 'messages that nothing ties are in different threads')
}

for (let seed = FIRST_SEED; seed < FIRST_SEED + SEEDS; seed++) {
  test(`16 writers leave what the model says (seed ${seed})`, async (t) => {
    const rig = await world(seed)
    await rig.during(Promise.all(Array.from({ length: WRITERS }, () => writer(rig))))
    const rows = await rig.during(auditMailbox(rig.table, rig.box))
    compare(modelOf(rig), rows)
    assert.ok(rows.placements.every(({ id, folder }) => isUuid(id) && (ROLES.includes(folder) || isUuid(folder))))
    t.diagnostic(`${rows.placements.length} messages, ${rows.state.modSeq} steps, ${rig.refused.length} refused`)
  })
}
