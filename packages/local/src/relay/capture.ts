import { type Relay, type RelayEnvelope, RelayError } from '@kabutar/core/ports/relay.ts'
import { checkRelay } from '@kabutar/core/ports/relay-rules.ts'

export type Deliver = (envelope: RelayEnvelope, raw: Uint8Array) => void | Promise<void>

const LIMITS = { maxRawBytes: 40 * 1024 * 1024, maxRecipients: 1000 }

/**
 * The relay of development: takes every message, sends none, and keeps none itself. `deliver` is told of each, so that
 * mail to our own domains can be delivered; if that fails, the message is tried again later.
 */
export function captureRelay(deliver?: Deliver): Relay {
  return {
    limits: LIMITS,
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
