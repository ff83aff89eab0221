import { indexBlob } from '@kabutar/core/messages/index-blob.ts'
import type { StorePorts } from '@kabutar/core/receiving/store-message.ts'
import { readAddresses } from '@kabutar/mail/mime/addresses.ts'
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
  const index = await indexBlob(blobs, key, inFlight)
  if (index === undefined) return undefined
  const { from, to, cc, bcc } = index.mime.envelope
  return {
    sesId: sesIdOf(key),
    key,
    returnPath: readAddresses(from)[0]?.address ?? '',
    recipients: [to, cc, bcc].flatMap((list) => readAddresses(list)).map(({ address }) => address),
    receivedAt: storedAt,
  }
}
