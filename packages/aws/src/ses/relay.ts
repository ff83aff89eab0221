import { type SESv2Client, SendEmailCommand } from '@aws-sdk/client-sesv2'
import {
  type Relay,
  type RelayEnvelope,
  RelayError,
  type RelayOptions,
  type RelayResult,
} from '@kabutar/core/ports/relay.ts'
import { checkRelay } from '@kabutar/core/ports/relay-rules.ts'
import { sesError } from './relay-errors.ts'
import { sesPace } from './relay-pace.ts'
import type { RatePorts } from './send-rate.ts'

/** SES v2's limits: 40 MB a message, counted as it is transmitted; 50 recipients. */
const LIMITS = { maxRawBytes: 40 * 1024 * 1024, maxRecipients: 50 } as const

type SesRelayOptions = RatePorts & {
  /** Becomes part of the Message-ID that SES writes. */
  readonly region: string
  /** Has the event destinations. Its suppression is off, because core decides who is suppressed. */
  readonly configurationSet: string
  /** What the names of the accounts' tenants begin with; undefined where mail is sent without tenants. */
  readonly tenantOwner?: string | undefined
  /** Number of workers that send at the same time, this one included: each takes its share of the account's rate. */
  readonly concurrency: number
}

/**
 * The Relay port on SES v2, with raw messages. SES accepts all recipients or none, replaces Message-ID and Date, and uses
 * the identity's MAIL FROM domain for the return path. Bounces come as events of the configuration set, which carry the
 * message's tags.
 */
export function sesRelay(client: SESv2Client, options: SesRelayOptions): Relay {
  const pace = sesPace(client, options)
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
  { configurationSet, region, tenantOwner }: SesRelayOptions,
  { recipients }: RelayEnvelope,
  raw: Uint8Array,
  { accountId, tags = {}, signal }: RelayOptions,
): Promise<RelayResult> {
  // Nothing is written yet, so an abort here is transient and not ambiguous.
  if (signal?.aborted) throw new RelayError('transient', 'the worker is stopping')
  const command = new SendEmailCommand({
    ConfigurationSetName: configurationSet,
    ...(tenantOwner !== undefined && accountId !== undefined && { TenantName: tenantName(tenantOwner, accountId) }),
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

/** SES takes letters, digits, hyphens and underscores. The name of a stage has no underscore. */
export const tenantName = (owner: string, accountId: string): string => `${owner}_${accountId}`

/** The Message-ID that SES puts in place of ours; replies refer to it. */
export function sesMessageId(relayId: string, region: string): string {
  return `<${relayId}@${region === 'us-east-1' ? 'email' : region}.amazonses.com>`
}
