import { type Relay, type RelayEnvelope, RelayError } from './relay.ts'

/**
 * Refuses what no relay may pass to the next hop.
 * @throws {RelayError} `permanent` for no recipient, one twice, too many, or a message that is too large; `transient`
 * if the signal is aborted already
 */
export function checkRelay(
  limits: Relay['limits'],
  { recipients }: RelayEnvelope,
  raw: Uint8Array,
  signal: AbortSignal | undefined,
): void {
  if (signal?.aborted)
    throw new RelayError('transient', 'the attempt was cut short before it began', { cause: signal.reason })
  if (recipients.length === 0) throw new RelayError('permanent', 'the message has no recipient')
  if (new Set(recipients).size !== recipients.length)
    throw new RelayError('permanent', 'the message has a recipient twice')
  if (recipients.length > limits.maxRecipients) {
    throw new RelayError(
      'permanent',
      `the message has ${recipients.length} recipients, over the limit of ${limits.maxRecipients}`,
    )
  }
  if (raw.length > limits.maxRawBytes) {
    const text = `the message has ${raw.length} bytes, over the limit of ${limits.maxRawBytes}`
    throw new RelayError('permanent', text, { replyCode: 552, status: '5.3.4' })
  }
}
