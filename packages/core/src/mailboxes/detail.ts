/**
 * What is known of a message from reading it once: IMAP's ENVELOPE and BODYSTRUCTURE, and an attachment's place in the
 * raw message, come from here, so that no list reads a blob. Written before the message is placed, never changed.
 */
import { promisify } from 'node:util'
import { deflateRaw, inflateRaw } from 'node:zlib'
import type { MessageIndex } from '@kabutar/mail/mime/part.ts'
import type { Blobs } from '../ports/blobs.ts'
import type { Attrs, Item, Key, Table } from '../ports/table.ts'
import { partitionOf } from './rows.ts'

export type Detail = {
  readonly index: MessageIndex
  readonly preview: string
  /** Decoded bytes of attachments, by the number of their part. */
  readonly sizes: Readonly<Record<string, number>>
}
export type DetailPorts = { readonly table: Table; readonly blobs: Blobs }

/** Below this a row costs one write unit anyway. */
const PLAIN_LENGTH = 800
const MAX_ROW_LENGTH = 48 * 1024
const MAX_BYTES = 256 * 1024 * 1024

const pack = promisify(deflateRaw)
const unpack = promisify(inflateRaw)
const detailKey = (accountId: string, mailboxId: string, id: string): Key => ({
  pk: `${partitionOf(accountId, mailboxId)}#d`,
  sk: id,
})
export const detailBlobKey = (accountId: string, id: string) => `${accountId}/${id}/detail`

/** Writes the detail of a message for each mailbox that will hold it. */
export async function putDetail(
  ports: DetailPorts,
  accountId: string,
  mailboxIds: readonly string[],
  id: string,
  detail: Detail,
): Promise<void> {
  const attrs = await attrsOf(ports.blobs, detailBlobKey(accountId, id), detail)
  await Promise.all(
    mailboxIds.map((mailboxId) =>
      ports.table.write({ kind: 'put', item: { ...detailKey(accountId, mailboxId, id), ...attrs } }),
    ),
  )
}

async function attrsOf(blobs: Blobs, blob: string, detail: Detail): Promise<Attrs> {
  const json = JSON.stringify(detail)
  if (json.length <= PLAIN_LENGTH) return { json }
  const packed = (await pack(json)) as Buffer
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
  id: string,
): Promise<Detail | undefined> {
  const row = await ports.table.get(detailKey(accountId, mailboxId, id))
  return row && detailOf(ports.blobs, row)
}

async function detailOf(blobs: Blobs, row: Item): Promise<Detail | undefined> {
  if (typeof row.json === 'string') return JSON.parse(row.json) as Detail
  const packed = typeof row.data === 'string' ? Buffer.from(row.data, 'base64') : await blobs.get(row.blob as string)
  if (packed === undefined) return undefined
  const json = (await unpack(packed, { maxOutputLength: MAX_BYTES })) as Buffer
  return JSON.parse(json.toString()) as Detail
}

export async function deleteDetail(
  table: Table,
  accountId: string,
  mailboxIds: readonly string[],
  id: string,
): Promise<void> {
  await Promise.all(
    mailboxIds.map((mailboxId) => table.write({ kind: 'delete', key: detailKey(accountId, mailboxId, id) })),
  )
}
