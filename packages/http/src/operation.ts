import * as z from 'zod'
import type { WireErrorName } from './errors.ts'

export const TAGS = {
  Emails: 'Sent emails, and uploads that they attach.',
  Receiving: 'Received emails and their attachments.',
  Domains: 'Domains that send and receive, and the records that prove them.',
  Webhooks: 'Endpoints that get events, and what was sent to them.',
  Suppressions: 'Addresses that are not sent to.',
  'API keys': 'Keys of the account.',
  Accounts: 'Accounts, for the operator of the server.',
  'Dead letters': 'Queue entries that were given up, for the operator of the server.',
  Console: 'What the page for people asks besides the rest.',
  Server: 'The server itself.',
} as const

/** One operation of the API with the schemas of its request and answer. */
export type Operation = {
  readonly method: 'get' | 'post' | 'put' | 'patch' | 'delete'
  /** The path in the router's form: `/emails/:id`. */
  readonly path: string
  /** Generated clients name their functions so. */
  readonly operationId: string
  readonly tag: keyof typeof TAGS
  readonly summary: string
  readonly request?: z.ZodType
  readonly status: 200 | 201
  readonly answer: z.ZodType
  /** `after` lists have no `before`. */
  readonly paged?: 'both' | 'after'
  readonly headers?: Readonly<Record<string, z.ZodType>>
  readonly query?: Readonly<Record<string, z.ZodType>>
  /** Parameters of the path; a UUID where nothing is said. */
  readonly params?: Readonly<Record<string, z.ZodType>>
  /** Errors besides those that every operation of its kind has. */
  readonly errors?: readonly WireErrorName[]
  /** Names what opens the operation. @default an API key */
  readonly opens?: 'nothing' | 'signed link' | 'operator token'
  /** The body of the request is a file of any type. */
  readonly file?: true
  /** The body of the request may be a message as it stands. */
  readonly message?: true
  /** The answer is a file of any type. */
  readonly binary?: true
  /** The answer is text of this type. */
  readonly text?: string
}

/** Schemas that the answers of all resources share. */
export const id = z.uuid()
export const time = z.iso.datetime()
export const addresses = z.array(z.string()).nullable()
/** A page of a list. */
export const list = (data: z.ZodType, name: string) =>
  z.object({ object: z.literal('list'), has_more: z.boolean(), data: z.array(data) }).meta({ id: name })
export const named = (object: string) => z.object({ object: z.literal(object), id })
export const deleted = (object: string) => named(object).extend({ deleted: z.literal(true) })
export const DeletedEmail = deleted('email').meta({ id: 'DeletedEmail' })
export const link = { download_url: z.url().describe('Needs no API key.'), expires_at: time }
/** Fields of a message whose content or events are gone because of their age. */
export const expiry = {
  content_expired_at: time.optional().describe('When the content was deleted because of its age.'),
  events_expired_at: time.optional().describe('Likewise the events.'),
}
/** Events have ids of their own form. */
export const eventId = z.string().regex(/^msg_[0-9a-f]{32}$/)
export const address = z
  .string()
  .min(1)
  .max(384)
  .describe('`local@domain`, or `Name <local@domain>` where it is shown.')
