/**
 * Stores a received message: first its content's reading and its thread, then its row and its event in one transaction. The
 * event outlives the message by 90 days, so an entry that comes again is recognised, and brings no deleted message back.
 */
import type { Retention } from '../accounts/retention.ts'
import { deleteLeftovers, finishDeletion } from '../messages/delete.ts'
import { type MemoryPorts, whileReading } from '../messages/memory.ts'
import type { InboundEnvelope, ReceivedMessage } from '../messages/message.ts'
import { type BlobReading, countBlob, withReading } from '../messages/read-blob.ts'
import { type Incoming, listed } from '../messages/received.ts'
import { readReceived, receivedItem, writeEnvelope, writeListed } from '../messages/rows.ts'
import { deleteReading, putReading } from '../messages/stored-reading.ts'
import { threadOfReceived } from '../messages/threads.ts'
import type { Blobs } from '../ports/blobs.ts'
import type { Clock } from '../ports/clock.ts'
import type { ComputePorts } from '../ports/compute.ts'
import type { Ids } from '../ports/ids.ts'
import type { Log } from '../ports/log.ts'
import { StoreError, type Table } from '../ports/table.ts'
import { getAll } from '../ports/table-rules.ts'
import type { Caches } from '../store/cache.ts'
import { eventKey, receivedMessageKey } from '../store/keys.ts'
import { transactIf } from '../store/once.ts'
import { putDay } from '../store/timeline.ts'
import { eventItem, type MailEvent, receivedEventId } from '../webhooks/event.ts'
import type { NotifyPorts } from '../webhooks/notify.ts'
import { MAX_INBOUND_BYTES } from './accept.ts'

export type ReceivePorts = NotifyPorts &
  MemoryPorts &
  ComputePorts & {
    readonly blobs: Blobs
    readonly clock: Clock
    readonly ids: Ids
    readonly log: Log
    readonly caches: Caches
    /** How long mail is kept, of accounts that have no retention of their own. @default for ever */
    readonly retention?: Retention
  }
/** Nothing more is read once the signal aborts. */
export type StorePorts = ReceivePorts & { readonly signal: AbortSignal }

/** Tells for each message whether it was received before; it may have been deleted since. One batch read. */
export async function wereReceived(
  table: Table,
  messages: readonly { readonly accountId: string; readonly id: string }[],
): Promise<readonly boolean[]> {
  const keys = messages.map(({ accountId, id }) => eventKey(accountId, id, receivedEventId(accountId, id)))
  return (await getAll(table, keys)).map((event) => event !== undefined)
}

/**
 * Answers the stored message, also if it was stored before; undefined if it was deleted since. `unread`: the message has
 * killed its readers, so it is stored without being looked into, and may be read again later.
 */
export async function storeMessage(
  ports: StorePorts,
  incoming: Incoming,
  { receivedBefore, ...how }: StoreOptions & { readonly receivedBefore: boolean },
): Promise<ReceivedMessage | 'too_large' | undefined> {
  return receivedBefore ? storedBefore(ports, incoming) : storeNew(ports, incoming, how)
}

export type StoreOptions = {
  readonly unread: boolean
  /** A message of more bytes is left alone and answered as `too_large`. */
  readonly maxBytes: number
}

async function storeNew(
  ports: StorePorts,
  incoming: Incoming,
  { unread, maxBytes }: StoreOptions,
): Promise<ReceivedMessage | 'too_large' | undefined> {
  const { accountId, id, blob, copyOf } = incoming
  if (copyOf !== undefined && !(await copy(ports, copyOf, blob, maxBytes))) return 'too_large'
  if (unread) {
    ports.log.error('a message is received unread, since reading it failed each time', { account: accountId, id })
    const counted = await countBlob(ports.blobs, blob)
    return counted === undefined ? missing() : storeRead(ports, incoming, counted)
  }
  const stored = await withReading(ports, blob, (read) => storeRead(ports, incoming, read), maxBytes)
  return stored === 'missing' ? missing() : stored
}

function missing(): never {
  throw new StoreError('Unavailable', 'the content of an accepted message is not there')
}

async function storeRead(
  ports: StorePorts,
  incoming: Incoming,
  { size, stored }: BlobReading,
): Promise<ReceivedMessage | undefined> {
  const { accountId, id, envelope, blob } = incoming
  const { reading } = stored
  const [thread, place] = await Promise.all([
    threadOfReceived(ports, accountId, id, reading),
    putReading(ports, accountId, id, stored),
    putDay(ports, accountId, 'in', id),
  ])
  const content = { form: 'raw', blob, reading: place } as const
  const rest = { direction: 'received', id, accountId, size, envelope, content, thread } as const
  const received = listed(rest, reading, rowsOf)
  const absent = [{ exists: false }] as const
  const isNew = await transactIf(
    ports.table,
    rowsOf(received).map((item) => ({ kind: 'put', item, if: absent }) as const),
  )
  return isNew ? received : storedBefore(ports, incoming)
}

/** The event's row, then the message's own. */
const rowsOf = (received: ReceivedMessage) => [
  eventItem(received.accountId, receivedEvent(received)),
  receivedItem(received),
]

/** Answers the row of an earlier attempt. If the message was deleted, deletes what this attempt may have written for it. */
async function storedBefore(
  ports: StorePorts,
  { accountId, id, envelope, blob }: Incoming,
): Promise<ReceivedMessage | undefined> {
  const stored = await readReceived(ports.table, accountId, id)
  if (stored !== undefined) return withEnvelope(ports.table, stored, envelope)
  await finishDeletion(ports, accountId, id)
  const isKept = (await ports.table.get(receivedMessageKey(accountId, id))) !== undefined
  if (!isKept) await deleteLeftovers(ports, accountId, id, blob)
  return undefined
}

/** Takes the transmitted envelope if it comes after the message was received with a reconstructed one. */
async function withEnvelope(table: Table, stored: ReceivedMessage, envelope: InboundEnvelope) {
  if (stored.envelope.reconstructed !== true || envelope.reconstructed === true) return stored
  const transmitted = { ...envelope, receivedAt: stored.envelope.receivedAt }
  await writeEnvelope(table, stored, transmitted)
  return { ...stored, envelope: transmitted }
}

/** Replaces the reading of a message, then what a list shows of it. Repeating it is no error. */
export async function readAgain(ports: StorePorts, accountId: string, id: string): Promise<void> {
  const received = await readReceived(ports.table, accountId, id)
  if (received === undefined || received.expiredAt !== undefined) return
  const read = await withReading(ports, received.content.blob, async ({ stored }) => {
    const { reading } = stored
    const place = await putReading(ports, accountId, id, stored)
    const { undecoded: _, truncated: __, ...rest } = received
    const content = { ...received.content, reading: place }
    const again = listed({ ...rest, content }, reading, (message) => [receivedItem(message)])
    if (!(await writeListed(ports.table, again))) await deleteReading(ports, accountId, id)
  })
  if (read === 'missing') throw new StoreError('Unavailable', 'the content of a received message is not there')
}

/** Copies another account's bytes under a key of this one; false above `maxBytes`. A copy that is there is a repetition. */
async function copy(ports: StorePorts, from: string, to: string, maxBytes: number): Promise<boolean> {
  const source = await ports.blobs.open(from)
  if (source === undefined) throw new StoreError('Unavailable', 'the blob of an accepted message is not there')
  if (source.size > maxBytes) return false
  await whileReading(ports, source.size, () => ports.blobs.put(to, source.body, { maxBytes: MAX_INBOUND_BYTES }))
  return true
}

/** `email.received` says what came and by which id to read it, never the content. */
function receivedEvent(received: ReceivedMessage): MailEvent {
  const { id, accountId, envelope, attachments } = received
  return {
    id: receivedEventId(accountId, id),
    type: 'email.received',
    messageId: id,
    recipient: '',
    createdAt: new Date(envelope.receivedAt),
    data: {
      email_id: id,
      created_at: new Date(envelope.receivedAt).toISOString(),
      from: received.from,
      to: received.to,
      cc: received.cc,
      bcc: received.bcc,
      received_for: envelope.recipients,
      message_id: received.messageId,
      subject: received.subject,
      ...(received.truncated && { truncated: received.truncated }),
      attachments: attachments.map((attachment) => ({
        id: attachment.id,
        filename: attachment.filename,
        content_type: attachment.contentType,
        content_disposition: attachment.disposition,
        content_id: attachment.contentId,
      })),
    },
  }
}
