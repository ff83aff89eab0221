import { inspect } from '@kabutar/core/receiving/inspect.ts'
import type { KeepPorts } from '@kabutar/core/receiving/store-message.ts'
import { readAddresses } from '@kabutar/mail/read-addresses.ts'
import type { Receipt, StoredObject } from './notification.ts'

/**
 * Makes the receipt of a message without a notification from its header fields: recipients are those of To, Cc and Bcc,
 * so a recipient that no field names is lost. Undefined if the object was deleted.
 */
export async function reconstructReceipt(
  { blobs, inFlight }: Pick<KeepPorts, 'blobs' | 'inFlight'>,
  { key, storedAt }: StoredObject,
): Promise<Receipt | undefined> {
  const detail = await inspect(blobs, key, inFlight)
  if (detail === undefined) return undefined
  const { from, to, cc, bcc } = detail.index.envelope
  return {
    sesId: key.slice(key.lastIndexOf('/') + 1),
    key,
    returnPath: readAddresses(from)[0]?.address ?? '',
    recipients: [to, cc, bcc].flatMap((list) => readAddresses(list)).map(({ address }) => address),
    receivedAt: storedAt,
  }
}
