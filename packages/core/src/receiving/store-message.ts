/**
 * The row of a received message, and before it all that the row promises. An entry that comes again finds what is there,
 * and says what is missing.
 */

import { storeDetail } from '../mailboxes/detail.ts'
import { mailboxesFor } from '../mailboxes/mailbox.ts'
import { guardKey } from '../mailboxes/rows.ts'
import { type Incoming, newReceived, type Received } from '../messages/received.ts'
import { completionOf, readReceived, receivedItem } from '../messages/received-row.ts'
import { threadOf } from '../messages/threads.ts'
import type { Blobs } from '../ports/blobs.ts'
import { getAll } from '../ports/get-all.ts'
import { type Attrs, isConditionFailed, StoreError, type Table } from '../ports/table.ts'
import type { Semaphore } from '../store/semaphore.ts'
import { putDay } from '../store/timeline.ts'
import { MAX_INBOUND_BYTES, mailboxAddress } from './accept.ts'
import type { InboundEnvelope } from './entry.ts'
import { inspect } from './inspect.ts'
import type { ReceivePorts } from './receive-ports.ts'
import { detailOf } from './received-detail.ts'

/** With the bytes that one batch may have in hand. */
export type KeepPorts = ReceivePorts & { readonly inFlight: Semaphore }
/** A message and what is known of it: the mailboxes that its envelope names, and whether one has it, or had it. */
export type Known = { readonly mailboxIds: readonly string[]; readonly arrived: boolean }
/** A message with a row. `missing`: the mailboxes that do not have it yet; `detail` is for their guards. */
export type Kept = { readonly received: Received; readonly missing: readonly string[]; readonly detail: Attrs }

/** What there is of each message, in two batch reads for all of them. Mailboxes are made where they are missing. */
export async function lookUp(ports: ReceivePorts, mails: readonly Incoming[]): Promise<readonly Known[]> {
  const named = mails.map(({ accountId, envelope }) => addressesOf(envelope).map((address) => ({ accountId, address })))
  const ids = (await mailboxesFor(ports, named.flat())).values()
  const mailboxIds = named.map((addresses) => [...new Set(addresses.map(() => ids.next().value ?? ''))])
  const keys = mails.flatMap(({ blob }, i) => (mailboxIds[i] ?? []).map((mailboxId) => guardKey(blob, mailboxId)))
  const guards = (await getAll(ports.table, keys)).values()
  return mailboxIds.map((own) => ({
    mailboxIds: own,
    arrived: own.map(() => guards.next().value).some((guard) => guard !== undefined),
  }))
}

const addressesOf = ({ recipients }: InboundEnvelope) => [...new Set(recipients.map(mailboxAddress))]

/** Undefined if the message was deleted meanwhile: it has arrived, and has no row. */
export async function keep(ports: KeepPorts, mail: Incoming, known: Known): Promise<Kept | undefined> {
  return known.arrived ? keepAgain(ports, mail) : keepNew(ports, mail, known.mailboxIds)
}

async function keepNew(ports: KeepPorts, mail: Incoming, mailboxIds: readonly string[]): Promise<Kept | undefined> {
  const { accountId, id, blob, copyOf } = mail
  if (copyOf !== undefined) await copy(ports, copyOf, blob)
  const detail = await inspect(ports.blobs, blob, ports.inFlight)
  if (detail === undefined) throw new StoreError('Unavailable', 'the content of an accepted message is not there')
  const [thread, stored] = await Promise.all([
    threadOf(ports.table, accountId, id, detail.index.references),
    storeDetail(ports, accountId, mailboxIds, id, detail),
    putDay(ports, accountId, 'in', id),
  ])
  const received = newReceived(mail, detail, thread, mailboxIds)
  try {
    await ports.table.write({ kind: 'put', item: receivedItem(received), if: [{ exists: false }] })
    return { received, missing: mailboxIds, detail: stored }
  } catch (error) {
    if (!isConditionFailed(error)) throw error
    return keepAgain(ports, mail)
  }
}

async function keepAgain(ports: KeepPorts, { accountId, id, envelope }: Incoming): Promise<Kept | undefined> {
  const earlier = await readReceived(ports.table, accountId, id)
  if (earlier === undefined) return undefined
  const received = await complete(ports, earlier, envelope)
  const missing = await withoutIt(ports.table, received)
  const detail = missing.length === 0 ? {} : await detailAgain(ports, received, missing)
  return { received, missing, detail }
}

async function detailAgain(ports: KeepPorts, received: Received, missing: readonly string[]): Promise<Attrs> {
  return storeDetail(ports, received.accountId, missing, received.id, await detailOf(ports, received))
}

async function withoutIt(table: Table, { blob, mailboxIds }: Received): Promise<readonly string[]> {
  const guards = await getAll(
    table,
    mailboxIds.map((mailboxId) => guardKey(blob, mailboxId)),
  )
  return mailboxIds.filter((_, i) => guards[i] === undefined)
}

/** The envelope that came after all, for a message that had to be received without; it only gains mailboxes. */
async function complete(ports: ReceivePorts, earlier: Received, envelope: InboundEnvelope): Promise<Received> {
  if (earlier.envelope.reconstructed !== true || envelope.reconstructed === true) return earlier
  const wanted = addressesOf(envelope).map((address) => ({ accountId: earlier.accountId, address }))
  const completed = {
    ...earlier,
    envelope: { ...envelope, receivedAt: earlier.envelope.receivedAt },
    mailboxIds: [...new Set([...earlier.mailboxIds, ...(await mailboxesFor(ports, wanted))])],
  }
  await ports.table.write(completionOf(completed, earlier.envelope.recipients))
  return completed
}

/** Another account's bytes under a key of this one. A copy that is there is not made again. */
async function copy({ blobs, inFlight }: { blobs: Blobs; inFlight: Semaphore }, from: string, to: string) {
  const source = await blobs.open(from)
  if (source === undefined) throw new StoreError('Unavailable', 'the object that SES announced is not there')
  await inFlight.use(source.size, () => blobs.put(to, source.body, { maxBytes: MAX_INBOUND_BYTES }))
}
