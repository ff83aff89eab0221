import type { Clock } from '../ports/clock.ts'
import { getAll } from '../ports/get-all.ts'
import type { Ids } from '../ports/ids.ts'
import { isConditionFailed, type Key, type Table } from '../ports/table.ts'
import {
  type Folder,
  folderOf,
  INBOX,
  newMailboxItem,
  type Placement,
  partitionOf,
  placementKey,
  placementOf,
} from './rows.ts'

export type MailboxPorts = { readonly table: Table; readonly clock: Clock; readonly ids: Ids }

const nameKey = (accountId: string, address: string): Key => ({ pk: `${accountId}#mailboxes`, sk: address })
const catchAllOf = (address: string) => `*${address.slice(address.lastIndexOf('@'))}`

/** An address in lower case, and the account whose it is. */
export type Owned = { readonly accountId: string; readonly address: string }

/** As `mailboxesFor`, of one address. */
export async function mailboxFor(ports: MailboxPorts, accountId: string, address: string): Promise<string> {
  const [id = ''] = await mailboxesFor(ports, [{ accountId, address }])
  return id
}

/**
 * The id of the mailbox that takes mail for each address: its own, else the one that takes everything for the domain,
 * which is made when it is first needed. One batch read of what differs. Several callers at once make one mailbox.
 */
export async function mailboxesFor(ports: MailboxPorts, wanted: readonly Owned[]): Promise<readonly string[]> {
  const keys = wanted.flatMap(({ accountId, address }) => [
    nameKey(accountId, address),
    nameKey(accountId, catchAllOf(address)),
  ])
  const distinct = new Map(keys.map((key) => [nameOf(key), key]))
  const rows = await getAll(ports.table, [...distinct.values()])
  const ids = new Map([...distinct.keys()].map((name, i) => [name, rows[i]?.id as string | undefined]))
  const found: string[] = []
  for (const { accountId, address } of wanted) {
    const catchAll = nameOf(nameKey(accountId, catchAllOf(address)))
    const known = ids.get(nameOf(nameKey(accountId, address))) ?? ids.get(catchAll)
    const id = known ?? (await createMailbox(ports, accountId, catchAllOf(address)))
    if (known === undefined) ids.set(catchAll, id)
    found.push(id)
  }
  return found
}

const nameOf = ({ pk, sk }: Key) => `${pk} ${sk}`

/** Makes a mailbox with an empty inbox, or answers the id of the one that the address has. */
export async function createMailbox(ports: MailboxPorts, accountId: string, address: string): Promise<string> {
  const id = ports.ids.next()
  const pk = partitionOf(accountId, id)
  const at = ports.clock.now()
  try {
    await ports.table.transact([
      { kind: 'put', item: { ...nameKey(accountId, address), id, at }, if: [{ exists: false }] },
      { kind: 'put', item: newMailboxItem(pk, newInbox(at)) },
    ])
    return id
  } catch (error) {
    const row = isConditionFailed(error) && (await ports.table.get(nameKey(accountId, address)))
    if (!row) throw error
    return row.id as string
  }
}

const newInbox = (at: number): Folder => ({
  id: INBOX,
  name: 'INBOX',
  role: 'inbox',
  uidValidity: Math.floor(at / 1000),
  uidNext: 1,
  total: 0,
  unseen: 0,
  bytes: 0,
  modSeq: 1,
})

/** Every folder of a mailbox, at most 1,000. */
export async function listFolders(table: Table, accountId: string, mailboxId: string): Promise<readonly Folder[]> {
  const page = await table.query({ pk: partitionOf(accountId, mailboxId), prefix: 'folder#', limit: 1000 })
  return page.items.map(folderOf)
}

/** Messages of a folder by rising uid, from `after` (exclusive) on. */
export async function listPlacements(
  table: Table,
  accountId: string,
  mailboxId: string,
  folder: string,
  options: { readonly after?: number; readonly limit: number },
): Promise<readonly Placement[]> {
  const pk = partitionOf(accountId, mailboxId)
  const from = placementKey(pk, folder, (options.after ?? 0) + 1).sk
  const page = await table.query({ pk, from, to: `msg#${folder}#~`, limit: options.limit })
  return page.items.map(placementOf)
}
