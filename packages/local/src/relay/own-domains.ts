import { MailError } from '@kabutar/core/errors.ts'
import { derivedUuid, type Ids, isUuid, timeOf } from '@kabutar/core/ports/ids.ts'
import type { RelayEnvelope } from '@kabutar/core/ports/relay.ts'
import { type AcceptPorts, accept, recipientOwner } from '@kabutar/core/receiving/accept.ts'

/**
 * Accepts a copy of a captured outgoing message for those of its recipients whose domain is ours. A message that is sent
 * again after a crash is accepted once: the copy's id is derived from the sent message's id in the return path.
 * @throws {StoreError}
 */
export async function acceptForOwnDomains(ports: AcceptPorts, envelope: RelayEnvelope, raw: Uint8Array): Promise<void> {
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

/** Makes ids that follow from the sent message's id, the recipients and the number of ids made before. */
function copyIds({ ids }: AcceptPorts, returnPath: string, recipients: readonly string[]): Ids {
  const sent = /^bounces\+([0-9a-f-]{36})@/.exec(returnPath)?.[1] ?? ''
  if (!isUuid(sent)) return ids
  let made = 0
  return { ...ids, next: () => derivedUuid(timeOf(sent), sent, String(made++), ...recipients) }
}
