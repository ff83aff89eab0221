/** Empties a mailbox that was deleted. Nothing in it counts any more but the contents that its placements name. */
import { contentKey, contentRow, hasReferences, referencing } from '../messages/references.ts'
import { StoreError, type Table, type Write } from '../ports/table.ts'
import { getAll, TABLE_RULES } from '../ports/table-rules.ts'
import { waitMs } from '../ports/transact-retry.ts'
import { type Box, contentsPartition, FOLDERS, PLACEMENTS } from '../store/mailbox-keys.ts'
import { transactIf } from '../store/once.ts'
import type { Placement } from './model.ts'
import { entityOf, folderRef, jobRef, type MailboxJob, stateRef } from './rows.ts'
import type { MailboxPorts } from './step.ts'

const TRIES = 10
/** Placements, and as many contents. */
const PER_TRANSACTION = TABLE_RULES.maxTransact / 2

type UidBounds = ReadonlyMap<string, number>

/** Repeating it, also while it runs, is no error. @throws {StoreError} */
export async function emptyMailbox(ports: MailboxPorts, box: Box): Promise<void> {
  const { table } = ports
  const pk = contentsPartition(box)
  const bounds = await uidBounds(table, box)
  let tries = 0
  for (;;) {
    const { items } = await table.query({ pk, prefix: PLACEMENTS, limit: PER_TRANSACTION })
    if (items.length === 0) break
    const placements = items.map((item) => entityOf<Placement>({ kind: 'placement' }, item))
    const gone = items.map(({ sk }): Write => ({ kind: 'delete', key: { pk, sk }, if: [{ exists: true }] }))
    const counted = placements.filter(({ folder, uid }) => uid < (bounds.get(folder) ?? 0))
    const writes = [...gone, ...(await dereferencing(ports, box.accountId, counted))]
    if (await transactIf(table, writes)) tries = 0
    else if (++tries >= TRIES) throw new StoreError('Conflict', 'others name the contents of a mailbox as well')
    else await ports.clock.sleep(waitMs(tries, 1))
  }
  await deleteRest(table, box)
}

/** The first uid of each folder that was never visible; of a folder that was removed, its job tells. */
async function uidBounds(table: Table, box: Box): Promise<UidBounds> {
  const pk = contentsPartition(box)
  const folders = await table.query({ pk, prefix: FOLDERS, limit: 1000 })
  const jobs = await table.query({ pk, prefix: jobRef(box, 'empty-folder', '').key.sk, limit: 1000 })
  const removed = jobs.items.map((item) => entityOf<MailboxJob>({ kind: 'mailbox-job' }, item))
  return new Map([
    ...folders.items.map((item) => entityOf(folderRef(box, ''), item)).map(({ id, uidNext }) => [id, uidNext] as const),
    ...removed.map(({ subject, uidNext = 0 }) => [subject, uidNext] as const),
  ])
}

async function dereferencing(
  { table, clock }: MailboxPorts,
  accountId: string,
  placements: readonly Placement[],
): Promise<readonly Write[]> {
  const byContent = [...Map.groupBy(placements, ({ content }) => content.id).values()]
  const contents = byContent.flatMap((some) => some.slice(0, 1).map(({ content }) => ({ content, by: -some.length })))
  const items = await getAll(
    table,
    contents.map(({ content }) => contentKey(accountId, content)),
  )
  return contents.flatMap(({ content, by }, i) => {
    const item = contentRow(content, items[i])
    return item !== undefined && hasReferences(item) ? [referencing(content, item, by, clock.now())] : []
  })
}

/** The state and the job go last: they say that there is more to delete. */
async function deleteRest(table: Table, box: Box): Promise<void> {
  const pk = contentsPartition(box)
  const last = [stateRef(box).key, jobRef(box, 'empty-mailbox', box.mailboxId).key]
  for (;;) {
    const { items } = await table.query({ pk, limit: TABLE_RULES.maxTransact })
    const others = items.filter(({ sk }) => !last.some((key) => key.sk === sk))
    if (others.length === 0) break
    await table.transact(others.map(({ sk }) => ({ kind: 'delete', key: { pk, sk } })))
  }
  await table.transact(last.map((key) => ({ kind: 'delete', key })))
}
