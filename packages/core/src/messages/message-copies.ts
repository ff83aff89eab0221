/**
 * Stores copies of what a message says for links, which lead to whole blobs. The names of the copies follow from the
 * message's row, so that its deletion finds all of them. A request may copy while another deletes the message, so whoever
 * copies reads the row afterwards.
 */
import { decodeChunks } from '@kabutar/mail/mime/decode.ts'
import type { Blobs } from '../ports/blobs.ts'
import type { Table } from '../ports/table.ts'
import { attachmentCopyKey, type BodyName, blobKey, bodyCopyKey, contentBlobKey, rawCopyKey } from './blob-keys.ts'
import type { Inspected } from './inspected.ts'
import type { Message, ReceivedAttachment } from './message.ts'
import { readReceived, readSent } from './rows.ts'
import { contentGone } from './stored-reading.ts'

export type CopyPorts = { readonly table: Table; readonly blobs: Blobs }
type Owner = Pick<Message, 'direction' | 'accountId' | 'id'>

const MAX_COPY_BYTES = 80 * 1024 * 1024

/** Stores a sent message as it is composed. Answers the key of the copy. @throws {MailError} `not_found` as `keepCopies` */
export async function copyRaw(ports: CopyPorts, accountId: string, { id, size, range }: Inspected): Promise<string> {
  const key = rawCopyKey(blobKey(accountId, id))
  if (!(await isThere(ports.blobs, key))) await ports.blobs.put(key, range(0, size), { maxBytes: MAX_COPY_BYTES })
  await keepCopies(ports, { direction: 'sent', accountId, id }, [key])
  return key
}

/** Stores a decoded attachment of a sent message. Answers the key of the copy. @throws {MailError} `not_found` as `keepCopies` */
export async function copyAttachment(
  ports: CopyPorts,
  accountId: string,
  { id, attachments, range }: Inspected,
  part: ReceivedAttachment,
): Promise<string> {
  const key = attachmentCopyKey(blobKey(accountId, id), attachments.indexOf(part))
  if (!(await isThere(ports.blobs, key))) {
    await ports.blobs.put(key, decodeChunks(range(part.from, part.to), part.encoding), { maxBytes: MAX_COPY_BYTES })
  }
  await keepCopies(ports, { direction: 'sent', accountId, id }, [key])
  return key
}

/** Stores a body in UTF-8. Answers the key of the copy. @throws {MailError} `not_found` as `keepCopies` */
export async function copyBody(ports: CopyPorts, message: Message, name: BodyName, body: string): Promise<string> {
  const key = bodyCopyKey(contentBlobKey(message), name)
  const bytes = Buffer.from(body)
  await ports.blobs.put(key, bytes, { maxBytes: bytes.byteLength })
  await keepCopies(ports, message, [key])
  return key
}

/**
 * Deletes copies that were just made if their content was deleted meanwhile: its deletion may have looked for them before
 * they were there. @throws {MailError} `not_found` in that case
 */
export async function keepCopies({ table, blobs }: CopyPorts, owner: Owner, keys: readonly string[]): Promise<void> {
  const message = await readAgain(table, owner)
  const isKept = message !== undefined && message.expiredAt === undefined
  if (isKept && !(message.direction === 'sent' && message.content.place === 'deleted')) return
  await blobs.delete(keys)
  throw contentGone(message?.expiredAt)
}

const readAgain = (table: Table, { direction, accountId, id }: Owner): Promise<Message | undefined> =>
  direction === 'sent' ? readSent(table, accountId, id) : readReceived(table, accountId, id)

const isThere = async (blobs: Blobs, key: string) => (await blobs.open(key, { from: 0, to: 0 })) !== undefined
