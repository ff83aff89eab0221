/**
 * Removes what the account no longer has: received messages that were deleted, and uploads whose time is over. A deletion
 * is accepted by one write, which hides the row and makes it due; what then fails or crashes is finished by the sweep.
 */
import { attachmentsOf } from '@kabutar/mail/mime/readable.ts'
import { MailError } from '../errors.ts'
import type { ChangePorts } from '../mailboxes/change.ts'
import { deleteDetail, detailBlobKey, getDetail } from '../mailboxes/detail.ts'
import { expunge } from '../mailboxes/expunge.ts'
import { bodyCopyKeys, partCopyKey } from '../messages/derived-blobs.ts'
import type { Received } from '../messages/received.ts'
import { isRemoved, receivedKey, receivedOf } from '../messages/received-row.ts'
import { removeUpload } from '../messages/uploads.ts'
import type { Blobs } from '../ports/blobs.ts'
import { isConditionFailed } from '../ports/table.ts'
import { dueAt } from '../store/outbox.ts'
import { movedEvent } from '../webhooks/event.ts'
import { RECEIVED_KIND, type Removal } from './delete-job.ts'

export type RemovePorts = ChangePorts & { readonly blobs: Blobs }

const FIRST_DUE_MS = 120_000
/** As long as the rows of webhook deliveries, which may still need it: deleting a message takes no webhook back. */
const EVENT_KEPT_SECONDS = 30 * 24 * 3600

/**
 * Deletes a message: from here on nobody reads it, and when this resolves it is out of its mailboxes and its bytes are
 * gone. After a throw they go later, or when the call is repeated.
 * @throws {MailError} `not_found`
 */
export async function deleteReceived(ports: RemovePorts, accountId: string, id: string): Promise<void> {
  try {
    await ports.table.write({
      kind: 'update',
      key: receivedKey(accountId, id),
      set: {
        kind: RECEIVED_KIND,
        sweeps: 0,
        ...dueAt('received-message', accountId, id, ports.clock.now() + FIRST_DUE_MS),
      },
      if: [{ exists: true }],
    })
  } catch (error) {
    if (!isConditionFailed(error)) throw error
    throw new MailError('not_found', 'Email not found', { cause: error })
  }
  await removeReceived(ports, accountId, id)
}

/** Does what an entry asks for; repeating it is no error. */
export async function remove(ports: RemovePorts, { kind, accountId, id }: Removal): Promise<void> {
  if (kind === 'upload') await removeUpload(ports, accountId, id)
  else await removeReceived(ports, accountId, id)
}

/** The row goes last: it knows what there is to remove. */
async function removeReceived(ports: RemovePorts, accountId: string, id: string): Promise<void> {
  const row = await ports.table.get(receivedKey(accountId, id))
  if (row === undefined || !isRemoved(row)) return
  const received = receivedOf(row)
  const { blob, mailboxIds } = received
  for (const mailboxId of mailboxIds) await expunge(ports, accountId, mailboxId, received)
  const copies = [...bodyCopyKeys(blob), ...(await partCopies(ports, received))]
  await ports.blobs.delete([blob, detailBlobKey(accountId, id), ...copies])
  const now = ports.clock.now()
  await deleteDetail(ports.table, accountId, mailboxIds, received, now)
  const told = movedEvent(accountId, row, Math.floor(now / 1000) + EVENT_KEPT_SECONDS)
  await ports.table.write({ kind: 'put', item: told })
  await ports.table.write({ kind: 'delete', key: receivedKey(accountId, id) })
}

/** Details outlive the bytes, so that a second call finds every copy. */
async function partCopies(ports: RemovePorts, received: Received): Promise<readonly string[]> {
  const { accountId, blob, mailboxIds } = received
  for (const mailboxId of mailboxIds) {
    const detail = await getDetail(ports, accountId, mailboxId, received)
    if (detail !== undefined) return attachmentsOf(detail.index).map((part) => partCopyKey(blob, part))
  }
  return []
}
