/**
 * The reading of a received message: what its octets say, read once. It lies in the message's own row if it is small, else
 * in a row of its own or in a blob, and changes only when the message is read again.
 */
import type { MessageIndex } from '@kabutar/mail/mime/part.ts'
import type { Reading } from '@kabutar/mail/read/message.ts'
import { MailError } from '../errors.ts'
import type { Blobs } from '../ports/blobs.ts'
import type { Compute, ComputePorts } from '../ports/compute.ts'
import { StoreError, type Table } from '../ports/table.ts'
import { readRow, row } from '../store/codec.ts'
import { receivedReadingKey } from '../store/keys.ts'
import { readingBlobKey } from './blob-keys.ts'
import type { ReadingPlace, ReceivedMessage } from './message.ts'
import {
  blobStart,
  decodeBlob,
  decodeJson,
  type EncodedJson,
  encodeJson,
  isSmall,
  type StoredJson,
  storedJson,
} from './stored-json.ts'

export type StoredReading = {
  /** The places of the parts; null for a message that is stored unread. */
  readonly mime: MessageIndex | null
  /** The content that people and programs are shown. */
  readonly reading: Reading
}
export type ReadingPorts = ComputePorts & { readonly table: Table; readonly blobs: Blobs }

/**
 * Writes what does not fit the message's row, and answers where the reading lies and what is left of it. A repetition
 * writes the same.
 */
export async function putReading(
  ports: ReadingPorts,
  accountId: string,
  id: string,
  whole: StoredReading,
): Promise<{ readonly place: ReadingPlace; readonly reading: Reading }> {
  const { reading, encoded } = await encodedCut(ports.compute, whole)
  return { place: await put(ports, accountId, id, encoded), reading }
}

async function put({ table, blobs }: ReadingPorts, accountId: string, id: string, encoded: EncodedJson) {
  const stored = storedJson(encoded)
  if (stored === undefined) {
    const blob = blobStart(encoded)
    await blobs.put(readingBlobKey(accountId, id), blob, { maxBytes: blob.byteLength })
    return { place: 'blob' } as const
  }
  if (isSmall(stored)) return { place: 'message', stored } as const
  await table.write({ kind: 'put', item: row('received-reading', receivedReadingKey(accountId, id), { stored }) })
  return { place: 'row' } as const
}

/** Names what a reading leaves out, step by step, until its JSON can be stored. The raw message has it all. */
const CUTS: readonly ((whole: StoredReading) => StoredReading)[] = [
  (whole) => whole,
  ({ reading }) => ({ mime: null, reading: cut(reading, 'parts') }),
  ({ reading }) => ({ mime: null, reading: { ...cut(reading, 'parts', 'headers'), headers: [], attachments: [] } }),
]
const cut = (reading: Reading, ...names: readonly string[]): Reading => ({
  ...reading,
  truncated: [...new Set([...reading.truncated, ...names])],
})

async function encodedCut(
  compute: Compute,
  whole: StoredReading,
): Promise<{ readonly reading: Reading; readonly encoded: EncodedJson }> {
  for (const cutBy of CUTS) {
    const stored = cutBy(whole)
    try {
      return { reading: stored.reading, encoded: await encodeJson(compute, stored, lengthOf(stored)) }
    } catch (error) {
      if (!(error instanceof StoreError && error.code === 'TooLarge')) throw error
    }
  }
  return { reading: UNREAD.reading, encoded: await encodeJson(compute, UNREAD, 0) }
}

/** Characters of a reading that are likely to be many; the index and the header have bounds of their own. */
const lengthOf = ({ reading: { text, html } }: StoredReading) => (text?.length ?? 0) + (html?.length ?? 0)

/** @throws {MailError} `unavailable` */
export async function getReading(
  { table, blobs, compute }: ReadingPorts,
  { accountId, id, content: { reading } }: ReceivedMessage,
): Promise<StoredReading> {
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
