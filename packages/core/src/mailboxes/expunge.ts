import { type Item, isConditionFailed, type Key, type Table, type Write } from '../ports/table.ts'
import { type ChangePorts, changeMailbox, type Planned } from './change.ts'
import { expiryOf, FLAGS, folderKey, guardKey, INBOX, type Placement, placementKey, placementOf } from './rows.ts'

/**
 * Takes a received message out of a mailbox, wherever it lies there; a change tells those who saw it. One that has
 * not arrived yet never will. Repeating it is no error.
 * @throws {StoreError} `ConditionFailed` or `Conflict` if others were faster 10 times
 * @throws {MailError} `not_found` for a mailbox that is not there
 */
export async function expunge(
  ports: ChangePorts,
  accountId: string,
  mailboxId: string,
  { blob }: Pick<Placement, 'blob'>,
): Promise<void> {
  const guard = guardKey(blob, mailboxId)
  if (await barArrival(ports, guard)) return
  await changeMailbox(ports, accountId, mailboxId, (pk, { newest }) => planExpunge(ports.table, pk, newest, guard))
}

/** False if it has arrived. */
async function barArrival({ table, clock }: ChangePorts, guard: Key): Promise<boolean> {
  try {
    await table.write({ kind: 'put', item: { ...guard, ttl: expiryOf(clock.now()) }, if: [{ exists: false }] })
    return true
  } catch (error) {
    if (isConditionFailed(error)) return false
    throw error
  }
}

async function planExpunge(table: Table, pk: string, newest: number, guard: Key): Promise<Planned | undefined> {
  const item = await placedBy(table, pk, guard)
  if (item === undefined) return undefined
  const placement = placementOf(item)
  const { folder, uid, id } = placement
  const loss = { set: { modSeq: newest + 1 }, add: lossOf(placement) }
  const inInbox = folder === INBOX
  const leave: Write = {
    kind: 'update',
    key: guard,
    remove: ['folder', 'uid'],
    if: [
      { attr: 'folder', op: '=', value: folder },
      { attr: 'uid', op: '=', value: uid },
    ],
  }
  return {
    changes: [{ kind: 'expunged', folder, uid, id }],
    writes: [
      leave,
      { kind: 'delete', key: placementKey(pk, folder, uid), if: [{ exists: true }] },
      ...(inInbox ? [] : [{ kind: 'update', key: folderKey(pk, folder), ...loss } as const]),
    ],
    ...(inInbox && { inbox: loss }),
  }
}

async function placedBy(table: Table, pk: string, key: Key): Promise<Item | undefined> {
  const guard = await table.get(key)
  if (typeof guard?.folder !== 'string' || typeof guard.uid !== 'number') return undefined
  return table.get(placementKey(pk, guard.folder, guard.uid))
}

function lossOf({ size, flags }: Placement) {
  return { total: -1, bytes: -size, ...((flags & FLAGS.seen) === 0 && { unseen: -1 }) }
}
