import { MailError } from '@kabutar/core/errors.ts'
import { derivedUuid, type Ids, isUuid, timeOf } from '@kabutar/core/ports/ids.ts'
import type { RelayEnvelope } from '@kabutar/core/ports/relay.ts'
import { type AcceptPorts, accept, recipientOwner } from '@kabutar/core/receiving/accept.ts'

/**
 * Takes a copy of a message that goes out for those of its recipients who are ours; the others' is not our concern. A
 * message that is sent again after a crash is the same message: its id is made of the one that the return path carries.
 * @throws {StoreError}
 */
export async function acceptCaptured(ports: AcceptPorts, envelope: RelayEnvelope, raw: Uint8Array): Promise<void> {
  const { returnPath } = envelope
  const ours = await Promise.all(envelope.recipients.map((recipient) => isOurs(ports, recipient)))
  const recipients = envelope.recipients.filter((_, i) => ours[i])
  if (recipients.length === 0) return
  const peer = { remoteAddress: '', helo: '', tls: false }
  const ids = copyIds(ports, returnPath, recipients)
  await accept({ ...ports, ids }, { id: ids.next(), returnPath, recipients, ...peer }, raw)
}

async function isOurs({ table }: AcceptPorts, recipient: string): Promise<boolean> {
  try {
    await recipientOwner(table, recipient)
    return true
  } catch (error) {
    if (error instanceof MailError) return false
    throw error
  }
}

/** Ids that follow from the sent message, its recipients, and how many of these were made before. */
function copyIds({ ids }: AcceptPorts, returnPath: string, recipients: readonly string[]): Ids {
  const sent = /^bounces\+([0-9a-f-]{36})@/.exec(returnPath)?.[1] ?? ''
  if (!isUuid(sent)) return ids
  let made = 0
  return { ...ids, next: () => derivedUuid(timeOf(sent), sent, String(made++), ...recipients) }
}
