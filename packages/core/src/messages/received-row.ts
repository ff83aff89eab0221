/**
 * The row of a received message is also that of its event: `data` is what the webhook says, written once and frozen, and
 * what a list shows is read from there. So most messages have one row of at most 1 KB, which is one write unit.
 */

import type { Item, Json, Key, Table, Update } from '../ports/table.ts'
import { rawKey } from '../receiving/accept.ts'
import { RECEIVED_KIND } from '../receiving/delete-job.ts'
import type { InboundEnvelope } from '../receiving/entry.ts'
import { row } from '../store/codec.ts'
import { receivedMessageKey } from '../store/keys.ts'
import type { ListedAttachment, Received } from './received.ts'
import { type ReceivedData, receivedData } from './received-event.ts'
import type { Verdicts } from './verdicts.ts'

export function receivedKey(accountId: string, id: string): Key {
  return receivedMessageKey(accountId, id)
}

/** What follows from the rest is left out, since every byte is paid for. */
export function receivedItem(received: Received): Item {
  const { id, accountId, envelope, mailboxIds, attachments, replyTo, thread, blob } = received
  return row('received-message', receivedKey(accountId, id), {
    type: 'email.received',
    at: envelope.receivedAt,
    data: JSON.stringify(receivedData(received)),
    env: writtenEnvelope(envelope, envelope.recipients),
    size: received.size,
    mbx: mailboxIds,
    ...(replyTo.length > 0 && { replyTo }),
    ...(attachments.length > 0 && { sizes: attachments.map(({ size }) => size) }),
    ...(thread !== id && { thread }),
    ...(blob !== rawKey(accountId, id) && { blob }),
  })
}

/** Writes the envelope that came late; refused once the message is gone. The event stays what it was. */
export function completionOf(received: Received, earlier: readonly string[]): Update {
  const { accountId, id, envelope, mailboxIds } = received
  return {
    kind: 'update',
    key: receivedKey(accountId, id),
    set: { env: writtenEnvelope(envelope, earlier), mbx: mailboxIds },
    if: [{ exists: true }, { attr: 'kind', op: 'absent' }],
  }
}

/** Recipients are those that the event names, unless others are written. */
function writtenEnvelope(envelope: InboundEnvelope, named: readonly string[]): { readonly [name: string]: Json } {
  const { returnPath, recipients, remoteAddress, helo, tls, reconstructed, verdicts } = envelope
  return {
    from: returnPath,
    ...(JSON.stringify(recipients) !== JSON.stringify(named) && { to: recipients }),
    ...(remoteAddress !== '' && { ip: remoteAddress }),
    ...(helo !== '' && { helo }),
    ...(tls && { tls }),
    ...(reconstructed && { rc: true }),
    ...(verdicts && { vd: verdicts as Json }),
  }
}

type Written = {
  readonly from: string
  readonly to?: readonly string[]
  readonly ip?: string
  readonly helo?: string
  readonly tls?: boolean
  readonly rc?: boolean
  readonly vd?: Verdicts
}

export function receivedOf(item: Item): Received {
  const id = item.sk
  const accountId = item.pk.slice(0, item.pk.lastIndexOf('#in#'))
  const data = JSON.parse(item.data as string) as ReceivedData
  const list = (name: string) => (item[name] ?? []) as readonly string[]
  return {
    id,
    accountId,
    from: data.from,
    to: data.to,
    cc: data.cc,
    bcc: data.bcc,
    replyTo: list('replyTo'),
    subject: data.subject,
    messageId: data.message_id,
    attachments: listedOf(data, (item.sizes ?? []) as readonly number[]),
    envelope: envelopeOf(item.env as unknown as Written, data.received_for, item.at as number),
    size: item.size as number,
    thread: (item.thread as string | undefined) ?? id,
    mailboxIds: list('mbx'),
    blob: (item.blob as string | undefined) ?? rawKey(accountId, id),
  }
}

function listedOf({ attachments }: ReceivedData, sizes: readonly number[]): readonly ListedAttachment[] {
  return attachments.map(({ id, filename, content_type, content_disposition, content_id }, i) => ({
    id,
    filename,
    contentType: content_type,
    disposition: content_disposition,
    contentId: content_id,
    size: sizes[i] ?? 0,
  }))
}

function envelopeOf(written: Written, named: readonly string[], receivedAt: number): InboundEnvelope {
  const { from, to = named, ip = '', helo = '', tls = false, rc, vd } = written
  return {
    returnPath: from,
    recipients: to,
    remoteAddress: ip,
    helo,
    tls,
    receivedAt,
    ...(rc && { reconstructed: true }),
    ...(vd && { verdicts: vd }),
  }
}

/** True once its deletion was begun; only the removal reads it then. */
export const isRemoved = (item: Item): boolean => item.kind === RECEIVED_KIND

/** Undefined if it is not there, or its deletion was begun. */
export async function readReceived(table: Table, accountId: string, id: string): Promise<Received | undefined> {
  const item = await table.get(receivedKey(accountId, id))
  return item && !isRemoved(item) ? receivedOf(item) : undefined
}
