/** Keeps answers below 4.5 MB. Lambda's limit is 6 MB, and the answer is a string inside other JSON there. */
import type { BodyName } from '@kabutar/core/messages/blob-keys.ts'
import type { Message } from '@kabutar/core/messages/message.ts'
import { type CopyPorts, copyBody } from '@kabutar/core/messages/message-copies.ts'
import type { Clock } from '@kabutar/core/ports/clock.ts'

/** Leaves room for headers and the gateway's own envelope. */
export const MAX_ANSWER_BYTES = 4_400_000
export const LINK_SECONDS = 3600

export type SignedLink = { readonly download_url: string; readonly expires_at: string }
export type LinkPorts = CopyPorts & { readonly clock: Clock }
type Bodies = { readonly html: string | null; readonly text: string | null }

/** The wire has null where a list of addresses is empty. */
export const orNull = (list: readonly string[]) => (list.length > 0 ? list : null)

export const bytesOf = (value: unknown): number => Buffer.byteLength(JSON.stringify(value))
export const expiryOf = ({ clock }: Pick<LinkPorts, 'clock'>): string =>
  new Date(clock.now() + LINK_SECONDS * 1000).toISOString()

/** Returns as many of the first values as fit together. */
export function within<T>(values: readonly T[], maxBytes: number): readonly T[] {
  let left = maxBytes
  const end = values.findIndex((value) => {
    left -= bytesOf(value) + 1
    return left < 0
  })
  return end < 0 ? values : values.slice(0, end)
}

/** When content and events expired, where they have. */
export const expiryFields = ({ expiredAt, eventsExpiredAt }: Pick<Message, 'expiredAt' | 'eventsExpiredAt'>) => ({
  ...(expiredAt !== undefined && { content_expired_at: new Date(expiredAt).toISOString() }),
  ...(eventsExpiredAt !== undefined && { events_expired_at: new Date(eventsExpiredAt).toISOString() }),
})

type FittingBodies = Bodies & { readonly html_link?: SignedLink; readonly text_link?: SignedLink }

/**
 * Returns the bodies that fit, the text first. Another is null and behind a link to its copy.
 * @throws {MailError} `not_found` if the message was deleted while a body was copied
 */
export async function fitBodies(
  ports: LinkPorts,
  message: Message,
  { html, text }: Bodies,
  maxBytes: number,
): Promise<FittingBodies> {
  const textFits = fits(text, maxBytes)
  const htmlFits = fits(html, maxBytes - (textFits ? bytesOf(text) : 0))
  return {
    html: htmlFits ? html : null,
    text: textFits ? text : null,
    ...(!htmlFits && html !== null && { html_link: await linkBody(ports, message, 'html', html) }),
    ...(!textFits && text !== null && { text_link: await linkBody(ports, message, 'text', text) }),
  }
}

const fits = (body: string | null, maxBytes: number) =>
  body === null || (body.length <= maxBytes && bytesOf(body) <= maxBytes)

const TYPES = { html: ['text/html; charset=utf-8', 'html'], text: ['text/plain; charset=utf-8', 'txt'] } as const

async function linkBody(ports: LinkPorts, message: Message, name: BodyName, body: string): Promise<SignedLink> {
  const key = await copyBody(ports, message, name, body)
  const [contentType, extension] = TYPES[name]
  const filename = `${message.id}.${extension}`
  const url = await ports.blobs.link(key, { expiresInSeconds: LINK_SECONDS, filename, contentType })
  return { download_url: url.href, expires_at: expiryOf(ports) }
}
