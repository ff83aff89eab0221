import { domainOf, MAX_LOCAL_BYTES, parseDomain } from '@kabutar/mail/address.ts'
import { MalformedError } from '@kabutar/mail/malformed.ts'
import { domainOwner } from '../domains/domains.ts'
import { MailError } from '../errors.ts'
import type { BlobBody, Blobs } from '../ports/blobs.ts'
import type { Clock } from '../ports/clock.ts'
import type { Ids } from '../ports/ids.ts'
import type { Outgoing, Queue } from '../ports/queue.ts'
import { StoreError, type Table } from '../ports/table.ts'
import { type InboundEnvelope, receiveEntry } from './entry.ts'

export type AcceptPorts = {
  readonly table: Table
  readonly blobs: Blobs
  readonly receiveQueue: Queue
  readonly clock: Clock
  readonly ids: Ids
  /** Where content and queue share a commit: the whole of both, durable at once or not at all. Else the content goes first. */
  readonly storeAtOnce?: StoreAtOnce
}
export type StoreAtOnce = (contents: readonly Content[], entries: readonly Outgoing[]) => Promise<void>
type Content = { readonly key: string; readonly body: Uint8Array }
/** A message at our door. `id` is a fresh UUIDv7, or the same again for a message that is offered again. */
export type Inbound = Omit<InboundEnvelope, 'receivedAt'> & { readonly id: string }

/** What SES receives. */
export const MAX_INBOUND_BYTES = 40 * 1024 * 1024

export const rawKey = (accountId: string, id: string) => `${accountId}/${id}`

/**
 * The account that mail for an address belongs to. Every name of a domain of ours is taken: postmaster (RFC 5321 section
 * 4.5.1), our own return paths, and whatever else the domain's mailbox will hold.
 * @throws {MailError} `relay_denied` if the domain is not ours, `recipient_unknown` if it has no such name
 */
export async function recipientOwner(table: Table, address: string): Promise<string> {
  const domain = domainName(address)
  const owner = domain === undefined ? undefined : await domainOwner(table, domain, 'receiving')
  if (owner === undefined) throw new MailError('relay_denied', 'We do not take mail for this domain')
  const local = address.slice(0, address.lastIndexOf('@'))
  if (local === '' || Buffer.byteLength(local) > MAX_LOCAL_BYTES) {
    throw new MailError('recipient_unknown', 'There is no such mailbox here')
  }
  return owner
}

/** How mailboxes know an address: in lower case, its domain in punycode. */
export function mailboxAddress(address: string): string {
  const domain = domainName(address) ?? ''
  return `${address.slice(0, address.lastIndexOf('@')).toLowerCase()}@${domain}`
}

function domainName(address: string): string | undefined {
  try {
    return address.includes('@') ? parseDomain(domainOf(address)) : undefined
  } catch (error) {
    if (error instanceof MalformedError) return undefined
    throw error
  }
}

/**
 * Takes a message over. When it resolves, content and queue entry are durable, and nothing ever bounces any more; when
 * it throws, nobody gets the message. The content is kept exactly as it came, once for each account among the
 * recipients; the first of them knows it by the id that was offered. Answers the id that each account knows it by.
 * @throws {MailError} `relay_denied`, `recipient_unknown`, `message_too_large`; and what `body` throws
 */
export async function accept(
  ports: AcceptPorts,
  inbound: Inbound,
  body: BlobBody,
): Promise<readonly { readonly accountId: string; readonly id: string }[]> {
  const { id: firstId, recipients, ...rest } = inbound
  const byAccount = await ownersOf(ports.table, recipients)
  const copies = [...byAccount].map(([accountId, own], i) => ({
    accountId,
    id: i === 0 ? firstId : ports.ids.next(),
    recipients: own,
  }))
  await keep(ports, copies, rest, body)
  return copies
}

/** What one account gets of a message. */
type Copy = { readonly accountId: string; readonly id: string; readonly recipients: readonly string[] }

async function keep(
  ports: AcceptPorts,
  copies: readonly Copy[],
  envelope: Omit<InboundEnvelope, 'recipients' | 'receivedAt'>,
  body: BlobBody,
): Promise<void> {
  const keys = copies.map(({ accountId, id }) => rawKey(accountId, id))
  const entries = () => {
    const receivedAt = ports.clock.now()
    return copies.map(({ accountId, id, recipients }) => ({
      body: receiveEntry({ accountId, id, envelope: { ...envelope, recipients, receivedAt } }),
    }))
  }
  if (ports.storeAtOnce !== undefined && body instanceof Uint8Array) {
    if (body.length > MAX_INBOUND_BYTES) throw tooLarge()
    const contents = keys.map((key) => ({ key, body }))
    await ports.storeAtOnce(contents, entries())
    return
  }
  await putContent(ports.blobs, keys, body)
  await ports.receiveQueue.send(entries())
}

const tooLarge = (cause?: unknown) => new MailError('message_too_large', 'The message is larger than 40 MB', { cause })

async function ownersOf(table: Table, recipients: readonly string[]): Promise<ReadonlyMap<string, readonly string[]>> {
  const owners = await Promise.all(recipients.map((recipient) => recipientOwner(table, recipient)))
  return Map.groupBy(recipients, (_, i) => owners[i] ?? '')
}

/** One blob per account: keys are never shared. The body can be read once, so the others are copies of the first. */
async function putContent(blobs: Blobs, keys: readonly string[], body: BlobBody): Promise<void> {
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
