/**
 * The index of a received message: what reading its octets once tells. It lies in the message's own row if it is small,
 * else in a row of its own or in a blob, and never changes.
 */
import type { MessageIndex } from '@kabutar/mail/mime/part.ts'
import { MailError } from '../errors.ts'
import type { Blobs } from '../ports/blobs.ts'
import type { Table } from '../ports/table.ts'
import { readRow, row } from '../store/codec.ts'
import { receivedIndexKey } from '../store/keys.ts'
import { indexBlobKey } from './blob-keys.ts'
import type { IndexPlace, ReceivedMessage } from './message.ts'
import { blobStart, decodeBlob, decodeJson, encodeJson, isSmall, type StoredJson, storedJson } from './stored-json.ts'

export type StoredIndex = {
  /** The tree of MIME parts with their positions, and the header fields that threads and envelopes need. */
  readonly mime: MessageIndex
  /** The first words of the text. */
  readonly preview: string
  /** Decoded bytes of each attachment, by the section number of its part. */
  readonly attachmentSizes: Readonly<Record<string, number>>
}
export type IndexPorts = { readonly table: Table; readonly blobs: Blobs }

const MAX_BLOB_BYTES = 256 * 1024 * 1024

/** Writes what does not fit the message's row. A repetition writes the same. */
export async function putIndex(
  { table, blobs }: IndexPorts,
  accountId: string,
  id: string,
  index: StoredIndex,
): Promise<IndexPlace> {
  const encoded = await encodeJson(index)
  const stored = storedJson(encoded)
  if (stored === undefined) {
    await blobs.put(indexBlobKey(accountId, id), blobStart(encoded), { maxBytes: MAX_BLOB_BYTES })
    return { place: 'blob' }
  }
  if (isSmall(stored)) return { place: 'message', stored }
  await table.write({ kind: 'put', item: row('received-index', receivedIndexKey(accountId, id), { stored }) })
  return { place: 'row' }
}

/** @throws {MailError} `unavailable` */
export async function getIndex(
  { table, blobs }: IndexPorts,
  { accountId, id, content: { index } }: ReceivedMessage,
): Promise<StoredIndex> {
  if (index.place === 'message') return (await decodeJson(index.stored)) as StoredIndex
  if (index.place === 'row') {
    const item = readRow('received-index', await table.get(receivedIndexKey(accountId, id)))
    if (item === undefined) throw unreadable()
    return (await decodeJson(item.stored as StoredJson)) as StoredIndex
  }
  const blob = await blobs.get(indexBlobKey(accountId, id))
  if (blob === undefined) throw unreadable()
  return (await decodeBlob(blob)).value as StoredIndex
}

/** Deletes the index wherever it may lie outside of the message's row. Repeating it is no error. */
export async function deleteIndex({ table, blobs }: IndexPorts, accountId: string, id: string): Promise<void> {
  await blobs.delete([indexBlobKey(accountId, id)])
  await table.write({ kind: 'delete', key: receivedIndexKey(accountId, id) })
}

export const unreadable = () => new MailError('unavailable', 'The content of the message cannot be read now.')
