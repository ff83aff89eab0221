import { domainOf } from '@kabutar/mail/address.ts'
import { domainName } from '@kabutar/mail/domain-name.ts'
import { domainOwner } from '../domains/domains.ts'
import { MailError } from '../errors.ts'
import { blobKey } from '../messages/blob-keys.ts'
import type { InboundEnvelope } from '../messages/message.ts'
import type { BlobBody, Blobs } from '../ports/blobs.ts'
import type { Clock } from '../ports/clock.ts'
import type { Ids } from '../ports/ids.ts'
import type { Outgoing, Queue } from '../ports/queue.ts'
import { StoreError, type Table } from '../ports/table.ts'
import { encodeReceiveEntry } from './entries.ts'

export type AcceptPorts = {
  readonly table: Table
  readonly blobs: Blobs
  readonly receiveQueue: Queue
  readonly clock: Clock
  readonly ids: Ids
  /** Makes blobs and entries durable at once; set where both share a commit. Without it, blobs are durable before entries. */
  readonly storeAtOnce?: StoreAtOnce
}
export type StoreAtOnce = (contents: readonly RawMessage[], entries: readonly Outgoing[]) => Promise<void>
type RawMessage = { readonly key: string; readonly body: Uint8Array }
/** A message that is offered. `id` is a fresh UUIDv7, or the same again for a message that is offered again. */
export type Inbound = Omit<InboundEnvelope, 'receivedAt'> & { readonly id: string }

/** More than the 64 that RFC 5321 section 4.5.3.1.1 asks for: mail to list and reply addresses comes with longer ones. */
const MAX_LOCAL_BYTES = 256

/** The largest message that SES receives. */
export const MAX_INBOUND_BYTES = 40 * 1024 * 1024

/**
 * The account that mail for an address belongs to. Every local part of a domain of ours is accepted: postmaster (RFC 5321
 * section 4.5.1), our own return paths, and any other.
 * @throws {MailError} `relay_denied` if the domain is not ours, `recipient_unknown` for an invalid local part
 */
export async function recipientOwner(table: Table, address: string): Promise<string> {
  const domain = address.includes('@') ? domainName(domainOf(address)) : undefined
  const owner = domain === undefined ? undefined : await domainOwner(table, domain, 'receiving')
  if (owner === undefined) throw new MailError('relay_denied', 'We do not take mail for this domain')
  const local = address.slice(0, address.lastIndexOf('@'))
  if (local === '' || Buffer.byteLength(local) > MAX_LOCAL_BYTES) {
    throw new MailError('recipient_unknown', 'There is no such mailbox here')
  }
  return owner
}

/**
 * Accepts a message. When it resolves, content and queue entry are durable, and the message never bounces any more; when
 * it throws, no account gets the message. The content is stored exactly as it came, once for each account among the
 * recipients; the first of them knows it by the id that was offered. Answers the id that each account knows it by.
 * @throws {MailError} `relay_denied`, `recipient_unknown`, `message_too_large`; and what `body` throws
 */
export async function accept(
  ports: AcceptPorts,
  inbound: Inbound,
  body: BlobBody,
): Promise<readonly { readonly accountId: string; readonly id: string }[]> {
  const { id: firstId, recipients, ...envelope } = inbound
  const byAccount = await ownersOf(ports.table, recipients)
  const copies = [...byAccount].map(([accountId, own], i) => ({
    accountId,
    id: i === 0 ? firstId : ports.ids.next(),
    recipients: own,
  }))
  await storeCopies(ports, copies, envelope, body)
  return copies
}

/** The copy of a message that one account gets. */
type Copy = { readonly accountId: string; readonly id: string; readonly recipients: readonly string[] }

async function storeCopies(
  ports: AcceptPorts,
  copies: readonly Copy[],
  envelope: Omit<InboundEnvelope, 'recipients' | 'receivedAt'>,
  body: BlobBody,
): Promise<void> {
  const keys = copies.map(({ accountId, id }) => blobKey(accountId, id))
  const entries = () => {
    const receivedAt = ports.clock.now()
    return copies.map(({ accountId, id, recipients }) => ({
      body: encodeReceiveEntry({ kind: 'receive', accountId, id, envelope: { ...envelope, recipients, receivedAt } }),
    }))
  }
  if (ports.storeAtOnce !== undefined && body instanceof Uint8Array) {
    if (body.length > MAX_INBOUND_BYTES) throw tooLarge()
    const contents = keys.map((key) => ({ key, body }))
    await ports.storeAtOnce(contents, entries())
    return
  }
  await putCopies(ports.blobs, keys, body)
  await ports.receiveQueue.send(entries())
}

const tooLarge = (cause?: unknown) => new MailError('message_too_large', 'The message is larger than 40 MB', { cause })

async function ownersOf(table: Table, recipients: readonly string[]): Promise<ReadonlyMap<string, readonly string[]>> {
  const owners = await Promise.all(recipients.map((recipient) => recipientOwner(table, recipient)))
  return Map.groupBy(recipients, (_, i) => owners[i] ?? '')
}

/** Writes one blob per account, since keys are never shared. A body can be read once, so the others copy the first. */
async function putCopies(blobs: Blobs, keys: readonly string[], body: BlobBody): Promise<void> {
  const [first = '', ...others] = keys
  try {
    await blobs.put(first, body, { maxBytes: MAX_INBOUND_BYTES })
  } catch (error) {
    if (!(error instanceof StoreError && error.code === 'TooLarge')) throw error
    throw tooLarge(error)
  }
  for (const key of others) {
    const written = await blobs.open(first)
    if (written === undefined) throw new StoreError('Unavailable', 'a blob that was just written is not there')
    await blobs.put(key, written.body, { maxBytes: MAX_INBOUND_BYTES })
  }
}
