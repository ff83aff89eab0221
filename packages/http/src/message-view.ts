/**
 * A message as a page of its own, for a frame. Its policy is the wall: an opaque origin, no script, nothing that is asked
 * for but images, and those of other servers only if the link says so. The sanitiser is a second wall behind it.
 */

import { type Inspected, inspectReceived } from '@kabutar/core/messages/inspected.ts'
import { whileShowing, whileShowingReading } from '@kabutar/core/messages/memory.ts'
import { getReceived, getSent } from '@kabutar/core/messages/read.ts'
import type { ViewedMessage, ViewLinks } from '@kabutar/core/messages/view-links.ts'
import { type Compute, type ComputePorts, unlessTooHard } from '@kabutar/core/ports/compute.ts'
import { type Context, Hono } from 'hono'
import * as z from 'zod'
import { MAX_ANSWER_BYTES } from './answer.ts'
import { jsonBody } from './body.ts'
import { accountOf, type Env } from './env.ts'
import { HttpError } from './errors.ts'
import { withImages } from './inline-images.ts'
import type { Inspect } from './message-content.ts'
import { uuidOf } from './page.ts'
import type { ReceivingPorts } from './receiving.ts'
import { SANITIZE_MESSAGE } from './sanitize-message.ts'
import { SCAN_HTML } from './scan-html.ts'

export const ViewRequest = z.object({ images: z.boolean().default(false) }).meta({ id: 'ViewMessage' })

/** Characters of HTML that are shown: sanitising takes a second for some megabytes. */
const MAX_HTML = 1024 * 1024
/** Characters of text that are shown: `&amp;` takes five bytes of the answer. */
const MAX_TEXT = 768 * 1024

/** POST /:id/view, which answers a signed path. */
export function viewLinks(
  { compute }: ComputePorts,
  links: ViewLinks,
  direction: ViewedMessage['direction'],
  inspect: Inspect,
) {
  return new Hono<Env>().post('/:id/view', (c) =>
    inspect(c, async ({ id, reading: { html } }) => {
      const { images } = await jsonBody(c, ViewRequest)
      const accountId = accountOf(c)
      const scan = html === null ? undefined : await scanned(compute, html)
      const { query, expiresAt } = await links.sign({ accountId, direction, id, images })
      return c.json({
        object: 'view',
        path: `/view/${accountId}/${direction}/${id}?${query}`,
        images,
        remote_images: scan?.remoteImages ?? 0,
        truncated: html !== null && (scan?.shownLength ?? 0) < html.length,
        expires_at: expiresAt.toISOString(),
      })
    }),
  )
}

/** Undefined for HTML that is too hard to read: then the text of the message is shown. */
function scanned(compute: Compute, html: string) {
  const begin = html.slice(0, MAX_HTML)
  return unlessTooHard(compute.run(SCAN_HTML, begin, begin.length))
}

/** GET /view/:account/:direction/:id. The link is the permission, since a frame of an opaque origin sends no cookie. */
export function messageView(ports: ReceivingPorts, links: ViewLinks) {
  return new Hono<Env>().get('/:account/:direction/:id', async (c) => {
    const viewed = viewedOf(c)
    const [expires = '', signature = ''] = [c.req.query('expires'), c.req.query('signature')]
    if (viewed === undefined || !(await links.verify(viewed, expires, signature))) {
      throw new HttpError(403, 'invalid_access', 'The link is not valid or has expired.')
    }
    const message = await (viewed.direction === 'sent' ? getSent : getReceived)(
      ports.table,
      viewed.accountId,
      viewed.id,
    )
    const answer = async (inspected: Inspected) =>
      new Response(await documentOf(ports, inspected, { images: viewed.images, signal: c.req.raw.signal }), {
        headers: headersOf(viewed.images),
      })
    if (message.direction === 'sent')
      return whileShowing(ports, message.size, async () => {
        const { inspectSent } = await import('@kabutar/core/messages/inspect-sent.ts')
        return answer(await inspectSent(ports, message))
      })
    return whileShowingReading(ports, message.size, async () => answer(await inspectReceived(ports, message)))
  })
}

function viewedOf(c: Context): ViewedMessage | undefined {
  const { account: accountId = '', direction, id = '' } = c.req.param() as Record<string, string>
  if (direction !== 'sent' && direction !== 'received') return undefined
  return { accountId, direction, id: uuidOf(id), images: c.req.query('images') === '1' }
}

function headersOf(images: boolean): Record<string, string> {
  const policy = [
    'sandbox allow-popups allow-popups-to-escape-sandbox',
    "default-src 'none'",
    `img-src data:${images ? ' https: http:' : ''}`,
    "style-src 'unsafe-inline'",
    "form-action 'none'",
    "base-uri 'none'",
    "frame-ancestors 'self'",
  ]
  return {
    'Content-Type': 'text/html; charset=utf-8',
    'Content-Security-Policy': policy.join('; '),
    'X-Content-Type-Options': 'nosniff',
    'X-DNS-Prefetch-Control': 'off',
    'Referrer-Policy': 'no-referrer',
    'Cache-Control': 'private, no-store',
  }
}

const HEAD = '<!doctype html><html><head><meta charset="utf-8"><base target="_blank"></head>'
const FRAME_BYTES = HEAD.length + '</html>'.length

async function documentOf(
  { compute }: ComputePorts,
  { reading, attachments, range }: Inspected,
  { images, signal }: { readonly images: boolean; readonly signal: AbortSignal },
): Promise<string> {
  const { html, text } = reading
  const safe = html === null ? undefined : await sanitized(compute, html.slice(0, MAX_HTML), images)
  const room = MAX_ANSWER_BYTES - (safe === undefined ? 0 : Buffer.byteLength(safe)) - FRAME_BYTES
  // Quotes in attributes become entities, so that a megabyte of them is six: more than an answer holds.
  if (safe === undefined || room < 0) {
    return `${HEAD}<body><pre style="white-space:pre-wrap;overflow-wrap:anywhere">${escaped((text ?? '').slice(0, MAX_TEXT))}</pre></body></html>`
  }
  return `${HEAD}${await withImages(safe, attachments, range, { maxBytes: room, signal })}</html>`
}

/** Undefined for HTML that is too hard to sanitise: then the text of the message is shown. */
const sanitized = (compute: Compute, html: string, images: boolean) =>
  unlessTooHard(compute.run(SANITIZE_MESSAGE, { html, images }, html.length))

const ENTITIES: Readonly<Record<string, string>> = { '&': '&amp;', '<': '&lt;', '>': '&gt;' }
const escaped = (text: string) => text.replace(/[&<>]/g, (sign) => ENTITIES[sign] ?? sign)
