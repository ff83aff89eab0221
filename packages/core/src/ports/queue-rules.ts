import { type Outgoing, QUEUE_RULES } from './queue.ts'
import { StoreError } from './table.ts'

/** @throws {StoreError} `Invalid` for a delay below 0 or past 15 minutes, `TooLarge` for a body past 256 KB */
export function checkOutgoing(messages: readonly Outgoing[]): void {
  for (const { body, delayMs = 0 } of messages) {
    if (!(delayMs >= 0 && delayMs <= QUEUE_RULES.maxDelayMs)) {
      throw new StoreError('Invalid', `a delay of ${delayMs} ms is not within 0 and ${QUEUE_RULES.maxDelayMs}`)
    }
    if (Buffer.byteLength(body) > QUEUE_RULES.maxBodyBytes) {
      throw new StoreError('TooLarge', `a queue entry is over ${QUEUE_RULES.maxBodyBytes} bytes`)
    }
  }
}
