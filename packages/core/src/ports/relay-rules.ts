import { type Relay, type RelayEnvelope, RelayError } from './relay.ts'

/**
 * What every relay refuses before it says a word to the next hop.
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
    throw new RelayError('transient', 'given up before the next hop was asked', { cause: signal.reason })
  if (recipients.length === 0) throw new RelayError('permanent', 'a message for no recipient')
  if (new Set(recipients).size !== recipients.length)
    throw new RelayError('permanent', 'a message for a recipient twice')
  if (recipients.length > limits.maxRecipients) {
    throw new RelayError('permanent', `${recipients.length} recipients, over the limit of ${limits.maxRecipients}`)
  }
  if (raw.length > limits.maxRawBytes) {
    const text = `a message of ${raw.length} bytes, over the limit of ${limits.maxRawBytes}`
    throw new RelayError('permanent', text, { replyCode: 552, status: '5.3.4' })
  }
}
