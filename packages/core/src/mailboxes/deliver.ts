/**
 * The one way into a mailbox. A message that is there already is left where it is, so a second delivery is none. Uids
 * become visible in rising order: a client that saw uid 6 never misses 5.
 */
import { MailError } from '../errors.ts'
import type { Write } from '../ports/table.ts'
import { type ChangePorts, changeMailbox, type Planned } from './change.ts'
import {
  changeItem,
  expiryOf,
  type Folder,
  folderKey,
  folderOf,
  guardKey,
  INBOX,
  type Placement,
  placementItem,
} from './rows.ts'

/** A received message as the mailbox keeps it; its detail is written before. */
export type Arrival = Pick<Placement, 'id' | 'thread' | 'size' | 'receivedAt' | 'blob'>

/** Three rows each, and two of the mailbox, within the 100 keys of a transaction. */
const MAX_TOGETHER = 32

/**
 * Places messages in the inbox, up to 32 in one transaction: guards, messages, folder, changes and state together.
 * @throws {StoreError} `ConditionFailed` or `Conflict` if others were faster 10 times; some may be placed then
 * @throws {MailError} `not_found`
 */
export async function deliver(
  ports: ChangePorts,
  accountId: string,
  mailboxId: string,
  arrivals: readonly Arrival[],
): Promise<void> {
  const distinct = [...new Map(arrivals.map((arrival) => [arrival.id, arrival])).values()]
  for (let at = 0; at < distinct.length; at += MAX_TOGETHER) {
    const some = distinct.slice(at, at + MAX_TOGETHER)
    await changeMailbox(ports, accountId, mailboxId, (pk, modSeq) => planArrival(ports, pk, modSeq, some))
  }
}

async function planArrival(
  { table, clock }: ChangePorts,
  pk: string,
  modSeq: number,
  arrivals: readonly Arrival[],
): Promise<Planned | undefined> {
  const [inbox, ...guards] = await table.getMany([
    folderKey(pk, INBOX),
    ...arrivals.map((arrival) => guardKey(pk, arrival.id)),
  ])
  const fresh = arrivals.filter((_, i) => guards[i] === undefined)
  if (fresh.length === 0) return undefined
  if (inbox === undefined) throw new MailError('not_found', 'Mailbox not found')
  const folder = folderOf(inbox)
  const placed = fresh.map((arrival, i) => placementOfArrival(arrival, folder.uidNext + i, modSeq + 1 + i))
  const writes = placed.flatMap((placement) => arrivalWrites(pk, placement, clock.now()))
  return { writes: [...writes, growth(pk, folder, placed)], changes: fresh.length }
}

function placementOfArrival(arrival: Arrival, uid: number, modSeq: number): Placement {
  return { ...arrival, folder: INBOX, uid, modSeq, createdModSeq: modSeq, flags: 0, keywords: [] }
}

function arrivalWrites(pk: string, placement: Placement, now: number): readonly Write[] {
  const { folder, uid, id, modSeq } = placement
  const absent = [{ exists: false }] as const
  return [
    { kind: 'put', item: { ...guardKey(pk, id), folder, uid, ttl: expiryOf(now) }, if: absent },
    { kind: 'put', item: placementItem(pk, placement), if: absent },
    { kind: 'put', item: changeItem(pk, { kind: 'arrived', folder, uid, id, modSeq }, now) },
  ]
}

/** Conditional on the uid, since state and folder need not have been read at one moment. */
function growth(pk: string, folder: Folder, placed: readonly Placement[]): Write {
  const last = placed.at(-1)
  return {
    kind: 'update',
    key: folderKey(pk, folder.id),
    set: { uidNext: folder.uidNext + placed.length, modSeq: last?.modSeq ?? folder.modSeq },
    add: { total: placed.length, unseen: placed.length, bytes: placed.reduce((sum, { size }) => sum + size, 0) },
    if: [{ attr: 'uidNext', op: '=', value: folder.uidNext }],
  }
}
