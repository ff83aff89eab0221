import { createHash } from 'node:crypto'
import { MailError } from '@kabutar/core/errors.ts'
import { isUuid } from '@kabutar/core/ports/ids.ts'
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

/** UUIDv7 of the sent message's time, the rest of them a hash of message, recipients and how many were made before. */
function copyIds({ ids }: AcceptPorts, returnPath: string, recipients: readonly string[]) {
  const sent = /^bounces\+([0-9a-f-]{36})@/.exec(returnPath)?.[1] ?? ''
  if (!isUuid(sent)) return ids
  let made = 0
  return {
    next(): string {
      const hash = createHash('sha256')
        .update(JSON.stringify([sent, recipients, made++]))
        .digest('hex')
      const variant = '89ab'[Number.parseInt(hash[3] ?? '0', 16) % 4]
      return `${sent.slice(0, 13)}-7${hash.slice(0, 3)}-${variant}${hash.slice(4, 7)}-${hash.slice(7, 19)}`
    },
  }
}
