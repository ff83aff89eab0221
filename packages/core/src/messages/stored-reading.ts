/**
 * The reading of a received message: what its octets say, read once. It lies in the message's own row if it is small, else
 * in a row of its own or in a blob, and changes only when the message is read again.
 */
import type { MessageIndex } from '@kabutar/mail/mime/part.ts'
import type { Reading } from '@kabutar/mail/read/message.ts'
import { MailError } from '../errors.ts'
import type { Blobs } from '../ports/blobs.ts'
import type { ComputePorts } from '../ports/compute.ts'
import type { Table } from '../ports/table.ts'
import { readRow, row } from '../store/codec.ts'
import { receivedReadingKey } from '../store/keys.ts'
import { readingBlobKey } from './blob-keys.ts'
import { listedPreview, type ReadingPlace, type ReceivedMessage } from './message.ts'
import { blobStart, decodeBlob, decodeJson, encodeJson, isSmall, type StoredJson, storedJson } from './stored-json.ts'

export type StoredReading = {
  /** The places of the parts; null for a message that is stored unread. */
  readonly mime: MessageIndex | null
  /** The content that people and programs are shown. */
  readonly reading: Reading
}
/** A message whose octets are stored as they came. */
export type StoredRaw = Pick<ReceivedMessage, 'accountId' | 'id' | 'content' | 'expiredAt'>
export type ReadingPorts = ComputePorts & { readonly table: Table; readonly blobs: Blobs }

/** Writes what does not fit the message's row, and answers where the reading lies. A repetition writes the same. */
export async function putReading(
  ports: ReadingPorts,
  accountId: string,
  id: string,
  whole: StoredReading,
): Promise<ReadingPlace> {
  const { table, blobs, compute } = ports
  const encoded = await encodeJson(compute, whole, lengthOf(whole))
  const stored = storedJson(encoded)
  if (stored === undefined) {
    const blob = blobStart(encoded)
    await blobs.put(readingBlobKey(accountId, id), blob, { maxBytes: blob.byteLength })
    return { place: 'blob' }
  }
  if (isSmall(stored, listedPreview(whole.reading.preview))) return { place: 'message', stored }
  await table.write({ kind: 'put', item: row('received-reading', receivedReadingKey(accountId, id), { stored }) })
  return { place: 'row' }
}

/** Characters of a reading that are likely to be many; the index and the header have bounds of their own. */
const lengthOf = ({ reading: { text, html } }: StoredReading) => (text?.length ?? 0) + (html?.length ?? 0)

/** @throws {MailError} `unavailable`; `not_found` once the content has expired */
export async function getReading(
  { table, blobs, compute }: ReadingPorts,
  { accountId, id, content: { reading }, expiredAt }: StoredRaw,
): Promise<StoredReading> {
  if (reading.place === 'deleted' || expiredAt !== undefined) throw contentGone(expiredAt)
  if (reading.place === 'message') return (await decodeJson(reading.stored)) as StoredReading
  if (reading.place === 'row') {
    const item = readRow('received-reading', await table.get(receivedReadingKey(accountId, id)))
    if (item === undefined) throw unreadable()
    return (await decodeJson(item.stored as StoredJson)) as StoredReading
  }
  const blob = await blobs.get(readingBlobKey(accountId, id))
  if (blob === undefined) throw unreadable()
  return (await decodeBlob(compute, blob)).value as StoredReading
}

/** Deletes the reading wherever it may lie outside of the message's row. Repeating it is no error. */
export async function deleteReading(
  { table, blobs }: Omit<ReadingPorts, 'compute'>,
  accountId: string,
  id: string,
): Promise<void> {
  await blobs.delete([readingBlobKey(accountId, id)])
  await table.write({ kind: 'delete', key: receivedReadingKey(accountId, id) })
}

export const unreadable = () => new MailError('unavailable', 'The content of the message cannot be read now.')

/** Says of a message that is still listed why it has no content. */
export const contentGone = (expiredAt: number | undefined) =>
  new MailError('not_found', `The content of the email ${expiredAt === undefined ? 'was deleted' : 'has expired'}.`)

/** The reading of a message that kills its reader: nothing of it is known but its bytes. */
export const UNREAD: StoredReading = {
  mime: null,
  reading: {
    subject: '',
    from: [],
    to: [],
    cc: [],
    bcc: [],
    replyTo: [],
    headers: [],
    messageId: null,
    inReplyTo: [],
    references: [],
    date: null,
    text: null,
    html: null,
    preview: '',
    attachments: [],
    truncated: [],
    undecoded: ['whole'],
  },
}
