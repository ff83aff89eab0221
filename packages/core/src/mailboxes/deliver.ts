/**
 * The one way into a mailbox. A message that is there already is left where it is, so a second delivery is none. Uids
 * become visible in rising order: a client that saw uid 6 never misses 5.
 */
import type { Attrs, Write } from '../ports/table.ts'
import { type ChangePorts, changeMailbox, type Planned } from './change.ts'
import { type Folder, guardKey, INBOX, type MailboxState, type Placement, placementItem } from './rows.ts'

/** A received message as the mailbox keeps it. */
export type Arrival = Pick<Placement, 'id' | 'thread' | 'size' | 'receivedAt' | 'blob'> & {
  /** What `storeDetail` answered: the detail itself, unless that was written before. */
  readonly detail: Attrs
}

/** Two rows each, the mailbox's own and those of changes, within the 100 keys of a transaction. */
const MAX_TOGETHER = 40

/**
 * Places messages in the inbox, up to 40 in one transaction: guards, messages, inbox and changes together.
 * @throws {StoreError} `ConditionFailed` or `Conflict` if others were faster 10 times; some may be placed then
 * @throws {MailError} `not_found`
 */
export async function deliver(
  ports: ChangePorts,
  accountId: string,
  mailboxId: string,
  arrivals: readonly Arrival[],
): Promise<void> {
  const distinct = [...new Map(arrivals.map((arrival) => [arrival.blob, arrival])).values()]
  for (let at = 0; at < distinct.length; at += MAX_TOGETHER) {
    const some = distinct.slice(at, at + MAX_TOGETHER)
    await changeMailbox(ports, accountId, mailboxId, async (pk, state, tries) => {
      // Most are new, and the transaction asks anyway.
      const fresh = tries === 1 ? some : await notArrived(ports, mailboxId, some)
      return fresh.length === 0 ? undefined : planArrival(pk, mailboxId, state, fresh)
    })
  }
}

async function notArrived({ table }: ChangePorts, mailboxId: string, arrivals: readonly Arrival[]) {
  const guards = await table.getMany(arrivals.map(({ blob }) => guardKey(blob, mailboxId)))
  return arrivals.filter((_, i) => guards[i] === undefined)
}

function planArrival(
  pk: string,
  mailboxId: string,
  { newest, inbox }: MailboxState,
  arrivals: readonly Arrival[],
): Planned {
  const writes: Write[] = []
  const absent = [{ exists: false }] as const
  for (const [i, { detail, ...arrival }] of arrivals.entries()) {
    const [uid, modSeq] = [inbox.uidNext + i, newest + 1 + i]
    const placement = { ...arrival, folder: INBOX, uid, modSeq, createdModSeq: modSeq, flags: 0, keywords: [] }
    writes.push(
      { kind: 'put', item: { ...guardKey(arrival.blob, mailboxId), folder: INBOX, uid, ...detail }, if: absent },
      { kind: 'put', item: placementItem(pk, placement), if: absent },
    )
  }
  const changes = arrivals.map(({ id }, i) => ({ kind: 'arrived', folder: INBOX, uid: inbox.uidNext + i, id }) as const)
  return { writes, changes, inbox: growth(inbox, newest, arrivals) }
}

function growth(inbox: Folder, newest: number, placed: readonly Arrival[]): NonNullable<Planned['inbox']> {
  return {
    set: { uidNext: inbox.uidNext + placed.length, modSeq: newest + placed.length },
    add: { total: placed.length, unseen: placed.length, bytes: placed.reduce((sum, { size }) => sum + size, 0) },
  }
}
