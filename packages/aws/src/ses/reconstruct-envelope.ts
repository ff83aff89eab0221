import { readBlob } from '@kabutar/core/messages/read-blob.ts'
import type { StorePorts } from '@kabutar/core/receiving/store-message.ts'
import type { Receipt, StoredObject } from './notification.ts'
import { sesIdOf } from './received-ids.ts'

/**
 * Makes the receipt of a message without a notification from its header fields: recipients are those of To, Cc and Bcc,
 * so a recipient that no field names is lost. Undefined if the object was deleted.
 */
export async function reconstructReceipt(
  { blobs, inFlight }: Pick<StorePorts, 'blobs' | 'inFlight'>,
  { key, storedAt }: StoredObject,
): Promise<Receipt | undefined> {
  const read = await readBlob(blobs, key, inFlight)
  if (read === undefined) return undefined
  const { from, to, cc, bcc } = read.stored.reading
  return {
    sesId: sesIdOf(key),
    key,
    returnPath: from[0]?.address ?? '',
    recipients: [...to, ...cc, ...bcc].map(({ address }) => address),
    receivedAt: storedAt,
  }
}
