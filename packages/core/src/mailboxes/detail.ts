/**
 * What is known of a message from reading it once: IMAP's ENVELOPE and BODYSTRUCTURE, and an attachment's place in the
 * raw message, come from here, so that no list reads a blob. A small one lies in the guard of each mailbox and is written
 * with it; a larger one has a row or a blob of its own, written before. It is never changed.
 */
import { promisify } from 'node:util'
import { deflateRaw, deflateRawSync, inflateRaw } from 'node:zlib'
import type { Blobs } from '../ports/blobs.ts'
import type { Attrs, Item, Key, Table } from '../ports/table.ts'
import { type Detail, detailOf, textOf } from './detail-text.ts'
import { expiryOf, guardKey, type Placement, partitionOf } from './rows.ts'

export type DetailPorts = { readonly table: Table; readonly blobs: Blobs }
/** Which message: its guards are known by its raw bytes. */
export type Detailed = Pick<Placement, 'id' | 'blob'>

/** Within the 1 KB of a guard. */
const MAX_GUARD_BYTES = 830
/** A text of more does not get as small as that. */
const MAX_PACKED_LENGTH = 4 * MAX_GUARD_BYTES
const MAX_ROW_LENGTH = 48 * 1024
const MAX_BYTES = 256 * 1024 * 1024

const pack = promisify(deflateRaw)
const unpack = promisify(inflateRaw)
const detailKey = (accountId: string, mailboxId: string, id: string): Key => ({
  pk: `${partitionOf(accountId, mailboxId)}#d`,
  sk: id,
})
export const detailBlobKey = (accountId: string, id: string) => `${accountId}/${id}/detail`

/** Answers what the guards are to hold; a detail too large for them is written for each mailbox that will have the message. */
export async function storeDetail(
  ports: DetailPorts,
  accountId: string,
  mailboxIds: readonly string[],
  id: string,
  detail: Detail,
): Promise<Attrs> {
  const text = textOf(detail)
  if (fits(text)) return { text }
  const data = text.length <= MAX_PACKED_LENGTH ? deflateRawSync(text).toString('base64') : ''
  if (data !== '' && fits(data)) return { data }
  const attrs = await attrsOf(ports.blobs, detailBlobKey(accountId, id), text)
  await Promise.all(
    mailboxIds.map((mailboxId) =>
      ports.table.write({ kind: 'put', item: { ...detailKey(accountId, mailboxId, id), ...attrs } }),
    ),
  )
  return {}
}

const fits = (text: string) => text.length <= MAX_GUARD_BYTES && Buffer.byteLength(text) <= MAX_GUARD_BYTES

async function attrsOf(blobs: Blobs, blob: string, text: string): Promise<Attrs> {
  const packed = (await pack(text)) as Buffer
  const data = packed.toString('base64')
  if (data.length <= MAX_ROW_LENGTH) return { data }
  await blobs.put(blob, packed, { maxBytes: MAX_BYTES })
  return { blob }
}

/** Undefined if the mailbox has no such message. */
export async function getDetail(
  ports: DetailPorts,
  accountId: string,
  mailboxId: string,
  { id, blob }: Detailed,
): Promise<Detail | undefined> {
  const guard = await ports.table.get(guardKey(blob, mailboxId))
  if (guard?.text !== undefined || guard?.data !== undefined) return readDetail(ports.blobs, guard)
  const row = await ports.table.get(detailKey(accountId, mailboxId, id))
  return row && readDetail(ports.blobs, row)
}

async function readDetail(blobs: Blobs, row: Item): Promise<Detail | undefined> {
  if (typeof row.text === 'string') return detailOf(row.text)
  const packed = typeof row.data === 'string' ? Buffer.from(row.data, 'base64') : await blobs.get(row.blob as string)
  if (packed === undefined) return undefined
  return detailOf(((await unpack(packed, { maxOutputLength: MAX_BYTES })) as Buffer).toString())
}

/** Of a message that was expunged: its guards stay, with nothing in them, for as long as an entry of it may come again. */
export async function deleteDetail(
  table: Table,
  accountId: string,
  mailboxIds: readonly string[],
  { id, blob }: Detailed,
  nowMs: number,
): Promise<void> {
  await Promise.all(
    mailboxIds.flatMap((mailboxId) => [
      table.write({
        kind: 'update',
        key: guardKey(blob, mailboxId),
        set: { ttl: expiryOf(nowMs) },
        remove: ['text', 'data'],
      }),
      table.write({ kind: 'delete', key: detailKey(accountId, mailboxId, id) }),
    ]),
  )
}
