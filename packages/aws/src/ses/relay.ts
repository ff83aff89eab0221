import { type SESv2Client, SendEmailCommand } from '@aws-sdk/client-sesv2'
import type { Clock } from '@kabutar/core/ports/clock.ts'
import {
  type Relay,
  type RelayEnvelope,
  RelayError,
  type RelayOptions,
  type RelayResult,
} from '@kabutar/core/ports/relay.ts'
import { checkRelay } from '@kabutar/core/ports/relay-rules.ts'
import { sesMessageId } from './message-id.ts'
import { sesError } from './relay-errors.ts'
import { sesPace } from './relay-pace.ts'

/** SES v2's own limits: 40 MB of message, counted as it is on the wire; 50 recipients. */
const LIMITS = { maxRawBytes: 40 * 1024 * 1024, maxRecipients: 50 } as const

export type SesRelayOptions = {
  /** Part of the Message-ID that SES writes. */
  readonly region: string
  /** Carries the event destinations. Its suppression is off: core decides who is suppressed. */
  readonly configurationSet: string
  /** How many workers send at the same time, this one included: each takes its share of the account's rate. */
  readonly concurrency: number
  readonly clock: Clock
}

/**
 * SES v2, raw. SES accepts for all recipients or for none, replaces Message-ID and Date, and takes its own MAIL FROM
 * domain for the return path; bounces come as events of the configuration set, matched by the message's tags.
 */
export function sesRelay(client: SESv2Client, options: SesRelayOptions): Relay {
  const { clock } = options
  const pace = sesPace(client, { concurrency: options.concurrency, clock })
  return {
    limits: LIMITS,
    async send(envelope, raw, sendOptions) {
      checkRelay(LIMITS, envelope, raw, sendOptions.signal)
      await pace(envelope.recipients.length, sendOptions.signal)
      return sendOnce(client, options, envelope, raw, sendOptions)
    },
  }
}

async function sendOnce(
  client: SESv2Client,
  { configurationSet, region }: SesRelayOptions,
  { recipients }: RelayEnvelope,
  raw: Uint8Array,
  { tags = {}, signal }: RelayOptions,
): Promise<RelayResult> {
  // Nothing has been written yet, so an abort here is not ambiguous.
  if (signal?.aborted) throw new RelayError('transient', 'the worker is stopping')
  const command = new SendEmailCommand({
    ConfigurationSetName: configurationSet,
    Destination: { ToAddresses: [...recipients] },
    Content: { Raw: { Data: raw } },
    EmailTags: Object.entries(tags).map(([Name, Value]) => ({ Name, Value })),
  })
  try {
    const { MessageId } = await client.send(command)
    if (!MessageId) throw new RelayError('ambiguous', 'SES answered without a message id')
    return { relayId: MessageId, messageId: sesMessageId(MessageId, region), outcome: 'sent', rejected: [] }
  } catch (error) {
    throw error instanceof RelayError ? error : sesError(error)
  }
}
