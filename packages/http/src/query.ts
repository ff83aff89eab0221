/** Query parameters by route; the OpenAPI description has the same. */
import { createMiddleware } from 'hono/factory'
import { matchedRoutes } from 'hono/route'
import type { Env } from './env.ts'
import { refuseOtherCase } from './fields.ts'

const PAGE = ['limit', 'after', 'before'] as const
export const QUERY: Readonly<Record<string, readonly string[]>> = {
  'GET /activity': ['limit', 'after', 'direction', 'status', 'to', 'from', 'tag', 'q'],
  'GET /activity/changes': ['after', 'wait'],
  'GET /stream': ['after'],
  'GET /view/:account/:direction/:id': ['images', 'expires', 'signature'],
  'GET /emails': PAGE,
  'GET /emails/:id/attachments': PAGE,
  'GET /emails/receiving': PAGE,
  'GET /emails/receiving/:id': ['html_format'],
  'GET /emails/receiving/:id/attachments': PAGE,
  'POST /emails/receiving/inject': ['to', 'from'],
  'GET /api-keys': PAGE,
  'GET /domains': PAGE,
  'GET /suppressions': [...PAGE, 'origin'],
  'GET /webhooks': PAGE,
  'GET /webhooks/:id/events': ['limit', 'after'],
  'GET /webhooks/:id/events/:eid/attempts': ['limit', 'after'],
}

/** Names the query parameters that a route does not know; refuses those that it knows in the other case. */
export const checkQuery = createMiddleware<Env>(async (c, next) => {
  const route = matchedRoutes(c).findLast(({ method }) => method !== 'ALL')
  const known = (route && QUERY[`${route.method} ${route.path}`]) ?? []
  for (const name of Object.keys(c.req.query())) {
    if (known.includes(name)) continue
    refuseOtherCase(name, known, `parameter \`${name}\``)
    c.get('ignored').push(name)
  }
  await next()
})

const MAX_NAMED = 20

/** Answers `kabutar-ignored`: the fields of the body and the query that were not looked at. */
export const nameIgnored = createMiddleware<Env>(async (c, next) => {
  const ignored: string[] = []
  c.set('ignored', ignored)
  await next()
  if (ignored.length === 0) return
  const names = ignored.slice(0, MAX_NAMED).map((name) => encodeURIComponent(name.toWellFormed()).slice(0, 100))
  c.header('kabutar-ignored', names.join(', '))
})
