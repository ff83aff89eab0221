/** Types of the API's answers about everything but messages, with the fields that the page uses. */

export type Domain = {
  readonly id: string
  readonly name: string
  readonly status: 'not_started' | 'pending' | 'verified' | 'failed' | 'partially_failed'
  readonly created_at: string
  readonly capabilities: { readonly [C in Capability]: OnOff }
}
export type Capability = 'sending' | 'receiving'
export type OnOff = 'enabled' | 'disabled'

export type DomainRecord = {
  readonly record: 'DKIM' | 'SPF' | 'Receiving' | 'DMARC'
  readonly name: string
  readonly type: 'CNAME' | 'TXT' | 'MX'
  readonly value: string
  readonly priority?: number
  /** Absent for a record that is only recommended: nobody looks for it. */
  readonly status?: 'not_started' | 'pending' | 'verified' | 'failed' | 'temporary_failure'
}
export type DomainWithRecords = Domain & {
  /** None for a domain that the operator vouches for. */
  readonly records: readonly DomainRecord[]
  readonly recommended_records: readonly DomainRecord[]
}

export type ApiKey = {
  readonly id: string
  readonly name: string
  readonly created_at: string
  readonly last_used_at: string | null
  readonly permission: 'full_access' | 'sending_access'
  /** The only domain that a key may send from; null for all. */
  readonly domain_id: string | null
}

export type Webhook = {
  readonly id: string
  readonly endpoint: string
  readonly status: OnOff
  readonly created_at: string
  readonly events: readonly string[] | null
}
export type WebhookWithSecret = Webhook & {
  readonly signing_secret: string
  /** The secret before the last rotation signs too until then. */
  readonly previous_secret_until: string | null
  /** The time at which the first delivery since the last success was given up. */
  readonly failing_since: string | null
  /** Nothing is sent before: its last requests hung. */
  readonly paused_until: string | null
}

export type WebhookEvent = {
  readonly id: string
  readonly type: string
  readonly created_at: string
  readonly status: 'success' | 'pending' | 'attempting' | 'failed'
}
export type WebhookEventWithPayload = WebhookEvent & {
  readonly next_attempt_at: string | null
  /** `test`: the event is about an invented message. */
  readonly payload: { readonly data: { readonly email_id?: string; readonly test?: boolean } }
}
export type WebhookAttempt = {
  readonly id: string
  /** 0 if there was no answer; `response` then says why. */
  readonly http_status_code: number
  readonly response: string
  readonly sent_at: string
  readonly duration_ms?: number | null
  /** Made after somebody had asked for the event again. */
  readonly replayed: boolean
}

export const ORIGINS = ['bounce', 'complaint', 'manual'] as const
export type Suppression = {
  readonly id: string
  readonly email: string
  readonly origin: (typeof ORIGINS)[number]
  /** The message that bounced or was complained about. */
  readonly source_id: string | null
  readonly created_at: string
}

export const QUEUES = ['send', 'receive', 'webhooks'] as const
export type DeadLetter = {
  readonly id: string
  readonly queue: string
  readonly queued_at: string
  readonly reason: string | null
}

export type Health = {
  readonly status: 'ok' | 'degraded' | 'unavailable'
  readonly reasons?: readonly (
    | 'relay_failing'
    | 'dead_letters'
    | 'storage_full'
    | 'storage_read_only'
    | 'storage_failing'
  )[]
}

export type List<T> = { readonly has_more: boolean; readonly data: readonly T[] }
