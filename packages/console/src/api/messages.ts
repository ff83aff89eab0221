/** Types of the API's answers about messages. */

export type SentStatus =
  | 'queued'
  | 'sent'
  | 'delivery_delayed'
  | 'delivered'
  | 'opened'
  | 'clicked'
  | 'failed'
  | 'bounced'
  | 'suppressed'
  | 'complained'

/** A message as lists have it. Lists are cut: `to`, `cc`, `bcc` and `recipients` have ten entries at most. */
export type Summary = {
  readonly id: string
  readonly direction: 'sent' | 'received'
  /** The relay kept it and it left nowhere. */
  readonly captured: boolean
  readonly from: string
  readonly to: readonly string[]
  readonly cc: readonly string[] | null
  readonly bcc: readonly string[] | null
  readonly subject: string
  /** The first words of the text. */
  readonly preview: string
  /** At most ten; none of a received message. */
  readonly tags: readonly Tag[]
  readonly created_at: string
  /** Null for a received message. */
  readonly last_event: SentStatus | null
  readonly size: number | null
  readonly attachments: number
  readonly recipients: readonly { readonly address: string; readonly last_event: SentStatus | null }[]
  readonly recipients_count: number
  readonly next_attempt_at: string | null
}

/** Names a message, as its path does. */
export type Named = Pick<Summary, 'direction' | 'id'>
export type Tag = { readonly name: string; readonly value: string }

/** One page of `GET /activity`. `next` is where the following page begins, `cursor` where changes begin. */
export type ActivityPage = {
  readonly data: readonly Summary[]
  readonly has_more: boolean
  readonly next: string | null
  readonly cursor?: string
}

/** `reset`: too much has changed to tell, so the list must be read anew. */
export type Changes = {
  readonly data: readonly Summary[]
  readonly deleted: readonly string[]
  readonly cursor: string
  readonly reset: boolean
  /** The time after which to ask again, where the server does not wait for changes (AWS). */
  readonly retry_ms?: number
}

export type Attachment = {
  readonly id: string
  readonly filename: string | null
  readonly content_type: string
  readonly content_disposition: 'inline' | 'attachment'
  readonly content_id: string | null
  readonly size: number
}

export type Part = {
  readonly part: string
  readonly content_type: string
  readonly charset?: string | null
  readonly encoding?: string | null
  readonly disposition?: string | null
  readonly filename?: string | null
  readonly size: number
  readonly parts?: readonly Part[]
}

export type Content = {
  readonly headers: readonly { readonly name: string; readonly value: string }[]
  readonly text: string | null
  /** True if there is HTML to see. */
  readonly html: boolean
  /** Names those of `text` and `html` that are longer than what is shown. */
  readonly truncated: readonly string[]
  readonly structure: Part | null
  readonly attachments: readonly Attachment[]
}

/** The beginning of the message, one character for each octet. */
export type Source = {
  readonly source: string
  readonly size: number
  readonly truncated: boolean
  readonly download_url: string
}

/** `remote_images`: how many images of other servers the message asks for; null if unknown. */
export type View = { readonly path: string; readonly images: boolean; readonly remote_images: number | null }

export type WebhookAttempt = {
  readonly number: number
  readonly http_status_code: number
  readonly response: string
  readonly sent_at: string
  readonly duration_ms?: number
  /** Made after somebody had asked for the event again. */
  readonly replayed: boolean
}

export type WebhookDelivery = {
  readonly endpoint_id: string
  readonly endpoint: string
  readonly status: 'success' | 'pending' | 'attempting' | 'failed'
  readonly next_attempt_at: string | null
  readonly attempts: readonly WebhookAttempt[]
}

/** `id` is null for what is no event: that the message was accepted, and what it waits for now. */
export type TimelineEvent = {
  readonly id: string | null
  readonly type: string
  readonly created_at: string
  readonly recipients: readonly string[]
  readonly attempt?: number
  readonly host?: string
  readonly reply_code?: number
  readonly status?: string
  readonly response?: string
  readonly next_attempt_at?: string | null
  readonly reason?: string
  readonly webhooks?: readonly WebhookDelivery[]
}

/** The path of a message in the API. */
export const pathOf = ({ direction, id }: Named) => (direction === 'sent' ? `/emails/${id}` : `/emails/receiving/${id}`)
