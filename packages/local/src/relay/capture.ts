import { type Relay, type RelayEnvelope, RelayError } from '@kabutar/core/ports/relay.ts'
import { checkRelay } from '@kabutar/core/ports/relay-rules.ts'

type Deliver = (envelope: RelayEnvelope, raw: Uint8Array) => void | Promise<void>

const LIMITS = { maxRawBytes: 40 * 1024 * 1024, maxRecipients: 1000 }

/**
 * The relay for development: accepts every message and sends none. It gives each to `deliver`, which can deliver mail to
 * our own domains; if that fails, the message is tried again later.
 */
export function captureRelay(deliver?: Deliver): Relay {
  return {
    limits: LIMITS,
    captures: true,
    async send(envelope, raw, { signal }) {
      checkRelay(LIMITS, envelope, raw, signal)
      try {
        await deliver?.(envelope, raw)
      } catch (cause) {
        throw new RelayError('transient', 'the captured message could not be delivered', { cause })
      }
      return { relayId: '', outcome: 'delivered', rejected: [] }
    },
  }
}
