import { type ReadBlobPorts, withReading } from '@kabutar/core/messages/read-blob.ts'
import type { Receipt, StoredObject } from './notification.ts'
import { sesIdOf } from './received-ids.ts'

/**
 * Makes the receipt of a message without a notification from its header fields: recipients are those of To, Cc and Bcc,
 * so a recipient that no field names is lost. Undefined if the object was deleted.
 */
export async function reconstructReceipt(
  ports: ReadBlobPorts,
  { key, storedAt }: StoredObject,
): Promise<Receipt | undefined> {
  const read = await withReading(ports, key, async ({ stored }) => stored.reading)
  if (read === 'missing' || read === 'too_large') return undefined
  const { from, to, cc, bcc } = read
  return {
    sesId: sesIdOf(key),
    key,
    returnPath: from[0]?.address ?? '',
    recipients: [...to, ...cc, ...bcc].map(({ address }) => address),
    receivedAt: storedAt,
  }
}
