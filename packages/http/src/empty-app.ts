import type { Clock } from '@kabutar/core/ports/clock.ts'
import type { Compute } from '@kabutar/core/ports/compute.ts'
import type { Log } from '@kabutar/core/ports/log.ts'
import { type Context, Hono } from 'hono'
import { createMiddleware } from 'hono/factory'
import { getPath } from 'hono/utils/url'
import type { Env } from './env.ts'
import { HttpError, wireErrorOf } from './errors.ts'
import { nameIgnored } from './query.ts'

type EmptyAppPorts = { readonly log: Log; readonly clock: Clock; readonly compute: Compute }

/** Composes what every app has: the form of errors, the log of requests, the header of caches. Routes come on top. */
export function emptyApp(ports: EmptyAppPorts): Hono<Env> {
  const app = new Hono<Env>({ getPath: pathOf })
  app.onError((error, c) => answerError(ports, error, c))
  app.notFound(() => {
    throw new HttpError(404, 'not_found', 'The requested endpoint does not exist.')
  })
  app.use(async (c, next) => {
    c.set('clock', ports.clock)
    c.set('compute', ports.compute)
    await next()
    // Answers are about one account, and some hold its secrets.
    if (!c.res.headers.has('Cache-Control')) c.header('Cache-Control', 'no-store')
  })
  app.use(requestLogged(ports), nameIgnored)
  return app
}

/** Logs each request at debug. The query is left out, because those of links are secret. */
function requestLogged({ log, clock }: EmptyAppPorts) {
  return createMiddleware<Env>(async (c, next) => {
    const from = clock.now()
    await next()
    log.debug('request', { method: c.req.method, path: c.req.path, status: c.res.status, ms: clock.now() - from })
  })
}

/**
 * Joins repeated slashes and drops one at the end: the SDK requests `//emails` if its base URL ends in a slash. `/api` in
 * front is dropped: the console asks there, which has one origin with the API.
 */
function pathOf(request: Request): string {
  const path = getPath(request).replace(/^\/api(?=\/)/, '')
  return path.includes('//') || path.endsWith('/') ? path.replace(/\/{2,}/g, '/').replace(/(?<=.)\/$/, '') : path
}

/** Answers 405 to other methods of the paths that are routed so far. */
export function refuseOtherMethods(app: Hono<Env>): void {
  const byPath = Map.groupBy(
    app.routes.filter(({ method }) => method !== 'ALL'),
    ({ path }) => path,
  )
  for (const [path, routes] of byPath) {
    const methods = routes.map(({ method }) => method)
    const Allow = [...new Set(methods.includes('GET') ? [...methods, 'HEAD'] : methods)].join(', ')
    app.all(path, (c) => {
      const message = `The method ${c.req.method} is not allowed for this endpoint.`
      throw new HttpError(405, 'method_not_allowed', message, { Allow })
    })
  }
}

function answerError(ports: Pick<EmptyAppPorts, 'log'>, error: Error, c: Context): Response {
  const wire = wireErrorOf(error)
  if (wire.statusCode >= 500) {
    const fields = { method: c.req.method, path: c.req.path, status: wire.statusCode, error }
    // A client that goes away in the middle of its body is no fault of the server.
    if (c.req.raw.signal.aborted) ports.log.debug('a client closed its request', fields)
    else ports.log.error('a request failed', fields)
  }
  return c.json(wire, wire.statusCode, error instanceof HttpError ? error.headers : {})
}
