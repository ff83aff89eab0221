/** The mailboxes of an account: at most 1,000. Each has addresses, and one folder of each role. */
import { MailError } from '../errors.ts'
import { type Item, isConditionFailed, type Table, type Write } from '../ports/table.ts'
import { getAll } from '../ports/table-rules.ts'
import { addCounted, oneLess } from '../store/counts.ts'
import { countKey } from '../store/keys.ts'
import { addressKey, type Box, mailboxPartition } from '../store/mailbox-keys.ts'
import { dueAt } from '../store/outbox.ts'
import { type ListPage, listRows, type PageOptions } from '../store/pages.ts'
import { addressItem, checkedAddresses } from './addresses.ts'
import { changeMailbox } from './change.ts'
import { newFolder } from './folders.ts'
import { type Mailbox, type MailboxState, ROLES } from './model.ts'
import { entityOf, folderRef, itemOf, jobRef, mailboxRef, stateRef } from './rows.ts'
import type { MailboxPorts } from './step.ts'

const MAX_MAILBOXES = 1000
const MAX_NAME_LENGTH = 255

export type WantedMailbox = {
  readonly name: string
  readonly addresses: readonly string[]
  /** Octets; absent without a limit. */
  readonly quotaBytes?: number
}

/**
 * Makes a mailbox with its folders and addresses, in one transaction.
 * @throws {MailError} `invalid_parameter`; `conflict` for an address of another mailbox, or past 1,000
 */
export async function createMailbox(ports: MailboxPorts, accountId: string, wanted: WantedMailbox): Promise<Mailbox> {
  const { table, ids, clock } = ports
  const box = { accountId, mailboxId: ids.next() }
  const addresses = await checkedAddresses(table, accountId, wanted.addresses)
  const now = clock.now()
  const rest = { ...wanted, name: checkedName(wanted.name), addresses }
  const mailbox: Mailbox = { ...rest, id: box.mailboxId, createdAt: now, updatedAt: now }
  const items = [
    ...addresses.map((address) => addressItem(box, address)),
    itemOf(mailboxRef(box), mailbox),
    ...contentsOf(box, wanted.quotaBytes),
  ]
  const puts = items.map((item): Write => ({ kind: 'put', item, if: [{ exists: false }] }))
  try {
    if (await addCounted(table, countKey(accountId, 'mailboxes'), MAX_MAILBOXES, puts)) return mailbox
  } catch (error) {
    if (isConditionFailed(error)) throw taken()
    throw error
  }
  throw new MailError('conflict', `An account has at most ${MAX_MAILBOXES} inboxes.`)
}

const taken = () => new MailError('conflict', 'One of the addresses belongs to another inbox.')

function contentsOf(box: Box, quotaBytes: number | undefined): readonly Item[] {
  const folders = ROLES.map((role, i) => newFolder({ id: role, name: nameOf(role), role, uidValidity: i + 1 }))
  const counts = { modSeq: 1, bytes: 0, unreadThreads: 0, drafts: 0 }
  const quota = quotaBytes === undefined ? {} : { quotaBytes }
  const state: MailboxState = { ...counts, ...quota, nextUidValidity: ROLES.length + 1 }
  return [itemOf(stateRef(box), state), ...folders.map((folder) => itemOf(folderRef(box, folder.id), folder))]
}

/** INBOX is the one name that IMAP knows (RFC 9051 section 5.1). */
const nameOf = (role: string) => (role === 'inbox' ? 'INBOX' : `${role.charAt(0).toUpperCase()}${role.slice(1)}`)

/** @throws {MailError} `not_found`, and as `createMailbox` */
export async function updateMailbox(
  ports: MailboxPorts,
  box: Box,
  change: Partial<Omit<WantedMailbox, 'quotaBytes'>> & { readonly quotaBytes?: number | null },
): Promise<Mailbox> {
  const { accountId } = box
  const addresses = change.addresses && (await checkedAddresses(ports.table, accountId, change.addresses))
  return changeMailbox(ports, box, async (step) => {
    const before = await step.read(mailboxRef(box))
    if (before === undefined) throw notFound()
    const { quotaBytes: hadQuota, ...rest } = before
    const quotaBytes = change.quotaBytes === undefined ? hadQuota : (change.quotaBytes ?? undefined)
    const quota = quotaBytes === undefined ? {} : { quotaBytes }
    const name = checkedName(change.name ?? before.name)
    const after = { ...rest, ...quota, name, addresses: addresses ?? before.addresses, updatedAt: step.now }
    const { quotaBytes: _, ...state } = step.state
    step.state = { ...state, ...quota }
    step.put(mailboxRef(box), after)
    for (const write of await addressChanges(ports.table, box, before.addresses, after.addresses)) step.also(write)
    return after
  })
}

/** @throws {MailError} `conflict` for an address that another mailbox has */
async function addressChanges(
  table: Table,
  box: Box,
  before: readonly string[],
  after: readonly string[],
): Promise<readonly Write[]> {
  const added = after.filter((address) => !before.includes(address))
  const found = await getAll(
    table,
    added.map((address) => addressKey(box.accountId, address)),
  )
  if (found.some((item) => item !== undefined)) throw taken()
  const gone = before.filter((address) => !after.includes(address))
  return [
    ...added.map((address): Write => ({ kind: 'put', item: addressItem(box, address), if: [{ exists: false }] })),
    ...gone.map((address): Write => ({ kind: 'delete', key: addressKey(box.accountId, address) })),
  ]
}

/**
 * Deletes a mailbox with everything in it. No reader finds it from now on, its addresses are free, and the sweep empties it.
 * @throws {MailError} `not_found`
 */
export async function deleteMailbox(ports: MailboxPorts, box: Box): Promise<void> {
  await changeMailbox(ports, box, async (step) => {
    const mailbox = await step.read(mailboxRef(box))
    if (mailbox === undefined) throw notFound()
    step.state = { ...step.state, deletedAt: step.now }
    step.remove(mailboxRef(box))
    const job = jobRef(box, 'empty-mailbox', box.mailboxId)
    const due = dueAt('mailbox-job', box.accountId, job.key.sk, step.now)
    step.put(job, { job: 'empty-mailbox', subject: box.mailboxId, ...due })
    for (const write of await addressChanges(ports.table, box, mailbox.addresses, [])) step.also(write)
    step.also(oneLess(countKey(box.accountId, 'mailboxes')))
  })
}

const notFound = () => new MailError('not_found', 'Inbox not found')

/** @throws {MailError} `not_found` */
export async function getMailbox({ table }: Pick<MailboxPorts, 'table'>, box: Box): Promise<Mailbox> {
  const ref = mailboxRef(box)
  const item = await table.get(ref.key)
  if (item === undefined) throw notFound()
  return entityOf(ref, item)
}

/** A page of the account's mailboxes, newest first. */
export function listMailboxes(table: Table, accountId: string, options: PageOptions): Promise<ListPage<Mailbox>> {
  return listRows(table, { pk: mailboxPartition(accountId) }, options, (item) =>
    entityOf(mailboxRef({ accountId, mailboxId: item.sk }), item),
  )
}

function checkedName(name: string): string {
  if (name.trim() === '' || name.length > MAX_NAME_LENGTH) {
    throw new MailError('invalid_parameter', `An inbox's name has 1 to ${MAX_NAME_LENGTH} characters.`)
  }
  return name
}
