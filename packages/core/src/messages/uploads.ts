/**
 * Files that are uploaded before their message, to a link of their own, since a request has less room than a message (6 MB
 * on AWS). For a day an upload can be attached to any number of messages, each of which copies it; then it is deleted, used
 * or not.
 */
import { refuseIfFull, type StoragePorts } from '../accounts/storage.ts'
import { MailError } from '../errors.ts'
import type { Blobs } from '../ports/blobs.ts'
import type { Clock } from '../ports/clock.ts'
import type { Ids } from '../ports/ids.ts'
import { StoreError, type Table } from '../ports/table.ts'
import { readRow, row } from '../store/codec.ts'
import { addCounted, oneLess } from '../store/counts.ts'
import { countKey, uploadKey } from '../store/keys.ts'
import { transactIf } from '../store/once.ts'
import { dueAt } from '../store/outbox.ts'
import { blobKey } from './blob-keys.ts'

export type UploadPorts = StoragePorts & {
  readonly table: Table
  readonly blobs: Blobs
  readonly clock: Clock
  readonly ids: Ids
  /** Uploads that an account may have at once. @default 100 */
  readonly maxUploads?: number
}
export type Upload = { readonly id: string; readonly url: URL; readonly expiresAt: Date }
/** Bytes of uploads, by their id. */
export type UploadSizes = ReadonlyMap<string, number>

/** In base64 it fits a message of 40 MB. */
export const MAX_UPLOAD_BYTES = 30 * 1024 * 1024
export const MAX_UPLOADS = 100
const LINK_SECONDS = 3600
export const UPLOAD_KEPT_MS = 24 * 3_600_000

/**
 * A link that takes a file of exactly `size` bytes for an hour.
 * @throws {MailError} `message_too_large`, `storage_full`, `conflict` past 100
 */
export async function createUpload(ports: UploadPorts, accountId: string, size: number): Promise<Upload> {
  if (size > MAX_UPLOAD_BYTES) throw new MailError('message_too_large', 'An upload is at most 30 MB.')
  await refuseIfFull(ports, accountId)
  const id = ports.ids.next()
  const now = ports.clock.now()
  const url = await ports.blobs.uploadLink(blobKey(accountId, id), { bytes: size, expiresInSeconds: LINK_SECONDS })
  const item = row('upload', uploadKey(accountId, id), {
    size,
    ...dueAt('upload', accountId, id, now + UPLOAD_KEPT_MS),
  })
  const put = { kind: 'put', item, if: [{ exists: false }] } as const
  const { maxUploads = MAX_UPLOADS } = ports
  if (!(await addCounted(ports.table, countKey(accountId, 'uploads'), maxUploads, [put]))) {
    throw new MailError('conflict', `An account has at most ${maxUploads} uploads; each is kept for 24 hours.`)
  }
  return { id, url, expiresAt: new Date(now + LINK_SECONDS * 1000) }
}

/** The size of each upload. @throws {MailError} `invalid_attachment` for one that is not there */
export async function uploadSizes(
  { table, blobs }: Pick<UploadPorts, 'table' | 'blobs'>,
  accountId: string,
  ids: readonly string[],
): Promise<UploadSizes> {
  if (ids.length === 0) return new Map()
  const rows = await table.getMany(ids.map((id) => uploadKey(accountId, id)))
  const sizes = await Promise.all(
    ids.map(async (id, i) => {
      const open = readRow('upload', rows[i]) && (await blobs.open(blobKey(accountId, id)))
      if (open === undefined) throw new MailError('invalid_attachment', `There is no upload ${id}, or it has expired.`)
      return [id, open.size] as const
    }),
  )
  return new Map(sizes)
}

/** @throws {StoreError} `Unavailable` if its size is not that any more */
export async function* uploadedBytes(blobs: Blobs, accountId: string, id: string, size: number) {
  const open = await blobs.open(blobKey(accountId, id))
  if (open?.size !== size) throw new StoreError('Unavailable', 'an upload is not there as it was')
  yield* open.body
}

/** Repeating it is no error. */
export async function deleteUpload(
  { table, blobs }: Pick<UploadPorts, 'table' | 'blobs'>,
  accountId: string,
  id: string,
): Promise<void> {
  await blobs.delete([blobKey(accountId, id)])
  const removal = { kind: 'delete', key: uploadKey(accountId, id), if: [{ exists: true }] } as const
  await transactIf(table, [removal, oneLess(countKey(accountId, 'uploads'))])
}
