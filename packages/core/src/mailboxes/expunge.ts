import { type Item, isConditionFailed, type Key, type Table } from '../ports/table.ts'
import { type ChangePorts, changeMailbox, type Planned } from './change.ts'
import {
  changeItem,
  expiryOf,
  FLAGS,
  folderKey,
  guardKey,
  type Placement,
  partitionOf,
  placementKey,
  placementOf,
} from './rows.ts'

/**
 * Takes a received message out of a mailbox, wherever it lies there; a change row tells those who saw it. One that has
 * not arrived yet never will. Repeating it is no error.
 * @throws {StoreError} `ConditionFailed` or `Conflict` if others were faster 10 times
 * @throws {MailError} `not_found` for a mailbox that is not there
 */
export async function expunge(ports: ChangePorts, accountId: string, mailboxId: string, id: string): Promise<void> {
  if (await barArrival(ports, guardKey(partitionOf(accountId, mailboxId), id))) return
  await changeMailbox(ports, accountId, mailboxId, (pk, modSeq) => planExpunge(ports, pk, modSeq, id))
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

async function planExpunge(
  { table, clock }: ChangePorts,
  pk: string,
  modSeq: number,
  id: string,
): Promise<Planned | undefined> {
  const item = await placedBy(table, pk, id)
  if (item === undefined) return undefined
  const placement = placementOf(item)
  const { folder, uid } = placement
  const change = { kind: 'expunged', folder, uid, id, modSeq: modSeq + 1 } as const
  return {
    changes: 1,
    writes: [
      {
        kind: 'update',
        key: guardKey(pk, id),
        remove: ['folder', 'uid'],
        if: [
          { attr: 'folder', op: '=', value: folder },
          { attr: 'uid', op: '=', value: uid },
        ],
      },
      { kind: 'delete', key: placementKey(pk, folder, uid), if: [{ exists: true }] },
      { kind: 'update', key: folderKey(pk, folder), set: { modSeq: modSeq + 1 }, add: lossOf(placement) },
      { kind: 'put', item: changeItem(pk, change, clock.now()) },
    ],
  }
}

async function placedBy(table: Table, pk: string, id: string): Promise<Item | undefined> {
  const guard = await table.get(guardKey(pk, id))
  if (typeof guard?.folder !== 'string' || typeof guard.uid !== 'number') return undefined
  return table.get(placementKey(pk, guard.folder, guard.uid))
}

function lossOf({ size, flags }: Placement) {
  return { total: -1, bytes: -size, ...((flags & FLAGS.seen) === 0 && { unseen: -1 }) }
}
