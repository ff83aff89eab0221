import type { KeyPorts } from '@kabutar/core/accounts/keys.ts'
import type { DomainsPorts } from '@kabutar/core/domains/change.ts'
import { type Changes, polledChanges } from '@kabutar/core/messages/activity.ts'
import { ViewLinks } from '@kabutar/core/messages/view-links.ts'
import type { DeadLetters } from '@kabutar/core/ports/dead-letters.ts'
import type { SubmitPorts } from '@kabutar/core/sending/submit.ts'
import { lazy } from '@kabutar/core/store/lazy.ts'
import { type Context, Hono } from 'hono'
import { createMiddleware } from 'hono/factory'
import { getPath } from 'hono/utils/url'
import { accounts } from './accounts.ts'
import { activity } from './activity.ts'
import { activityStream } from './activity-stream.ts'
import { apiKeys } from './api-keys.ts'
import { type AddressOf, keyRequired } from './auth.ts'
import { roomForBody } from './body.ts'
import { deadLetters } from './dead-letters.ts'
import { domains } from './domains.ts'
import { downloads } from './downloads.ts'
import { emails } from './emails.ts'
import type { Env } from './env.ts'
import { HttpError, wireErrorOf } from './errors.ts'
import { answerHealth, type Health } from './health.ts'
import { inspectingReceived, inspectingSent, messageContent, sentAttachments } from './message-content.ts'
import { receivedHistory, sentHistory } from './message-history.ts'
import { messageView, viewLinks } from './message-view.ts'
import { ownHostRequired } from './own-hosts.ts'
import { checkQuery, nameIgnored } from './query.ts'
import { injection, type ReceivingPorts, receiving } from './receiving.ts'
import { openSession, type ServerFacts, session } from './session.ts'
import { type Loopback, Sessions } from './sessions.ts'
import { suppressions } from './suppressions.ts'
import { type UploadRoutePorts, uploadLinks, uploads } from './uploads.ts'
import { type WebhookPorts, webhooks } from './webhooks.ts'

type AppPorts = SubmitPorts & KeyPorts & ReceivingPorts & WebhookPorts & UploadRoutePorts & DomainsPorts
type AppOptions = {
  /** Opens the routes of the operator; without it they do not exist. */
  readonly operatorToken?: string
  /** What the operator sees of the queues; without it the routes do not exist. */
  readonly deadLetters?: DeadLetters
  /** Host fields that are answered; any other is refused. @default all */
  readonly hosts?: readonly string[]
  /** Lets the console in without a key. @default nobody */
  readonly loopback?: Loopback
  /** Tells what changes in the list of messages. @default the newest rows are compared, and GET /stream does not exist */
  readonly changes?: Changes
  /** Aborts when the process ends, so that nobody waits longer. @default never */
  readonly ending?: AbortSignal
  /** Closes the connection of a request. @default never */
  cut?(c: Context): void
  /** What GET /session tells. @default a server that captures mail */
  readonly facts?: ServerFacts
  /** The files of the console, which need no key. @default none */
  readonly site?: Hono<Env>
  /** The address of the client, where one process sees them all: wrong keys are slowed by it. */
  readonly addressOf?: AddressOf
  /** Opens POST /emails/receiving/inject, for development. */
  readonly inject?: boolean
  /** @default always ok */
  readonly health?: () => Promise<Health>
}
/** Composes the HTTP API. Every answer is JSON, except downloads, and every error has the form of errors.ts. */
export function createApp(ports: AppPorts, options: AppOptions = {}): Hono<Env> {
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
  if (options.hosts) app.use(ownHostRequired(options.hosts))
  app.get('/health', (c) => answerHealth(c, options.health?.()))
  // Few ask for it, so its schemas are loaded and described when the first does.
  const described = lazy(async () => (await import('./openapi.ts')).openApi())
  app.get('/openapi.json', async (c) => {
    return c.json({ ...(await described()), servers: [{ url: new URL(c.req.url).origin }] })
  })
  const { operatorToken: token, facts = CAPTURING } = options
  const sessions = new Sessions(ports, options.loopback)
  const looking = lookingPorts(ports, options)
  app.route('/session', openSession(looking, sessions, facts))
  const operator = token === undefined ? undefined : { token, sessions }
  if (operator) app.route('/accounts', accounts(ports, operator))
  if (operator && options.deadLetters) app.route('/dead-letters', deadLetters(options.deadLetters, operator))
  app.route('/downloads', downloads(ports))
  const links = new ViewLinks(ports)
  app.route('/view', messageView(ports, links))
  app.route('/uploads', uploadLinks(ports))
  if (options.site) app.route('/', options.site)
  app.use(keyRequired(ports, sessions, options.addressOf), checkQuery, roomForBody(ports))
  app.route('/session', session(looking, sessions, facts))
  app.route('/activity', activity(looking))
  if (looking.changes.wait) app.route('/stream', activityStream(looking, looking.changes.wait))
  routeEmails(app, ports, links, options.inject)
  app.route('/uploads', uploads(ports))
  app.route('/api-keys', apiKeys(ports))
  app.route('/domains', domains(ports))
  app.route('/suppressions', suppressions(ports))
  app.route('/webhooks', webhooks(ports))
  refuseOtherMethods(app)
  return app
}

/** Received emails come first: `/emails/:id` would take `receiving` for an id, and `/emails/receiving/:id` takes `inject` for one. */
function routeEmails(app: Hono<Env>, ports: AppPorts, links: ViewLinks, inject = false): void {
  if (inject) app.route('/emails/receiving/inject', injection(ports))
  refuseOtherMethods(app)
  app.route('/emails/receiving', receiving(ports))
  app.route('/emails/receiving', receivedHistory(ports))
  app.route('/emails/receiving', messageContent(inspectingReceived(ports)))
  app.route('/emails/receiving', viewLinks(links, 'received', inspectingReceived(ports)))
  refuseOtherMethods(app)
  app.route('/emails', emails(ports))
  app.route('/emails', sentAttachments(ports))
  app.route('/emails', sentHistory(ports))
  app.route('/emails', messageContent(inspectingSent(ports)))
  app.route('/emails', viewLinks(links, 'sent', inspectingSent(ports)))
}

/** The ports of whoever looks at the list of messages. */
function lookingPorts(ports: AppPorts, { changes, ending, cut }: AppOptions) {
  return {
    ...ports,
    changes: changes ?? polledChanges(ports),
    ending: ending ?? new AbortController().signal,
    cut: cut ?? (() => {}),
  }
}

/** Logs each request at debug. The query is left out, because those of links are secret. */
function requestLogged({ log, clock }: AppPorts) {
  return createMiddleware<Env>(async (c, next) => {
    const from = clock.now()
    await next()
    log.debug('request', { method: c.req.method, path: c.req.path, status: c.res.status, ms: clock.now() - from })
  })
}

const CAPTURING: ServerFacts = { platform: 'embedded', relay: 'capture' }

/**
 * Joins repeated slashes and drops one at the end: the SDK requests `//emails` if its base URL ends in a slash. `/api` in
 * front is dropped: the console asks there, which has one origin with the API.
 */
function pathOf(request: Request): string {
  const path = getPath(request).replace(/^\/api(?=\/)/, '')
  return path.includes('//') || path.endsWith('/') ? path.replace(/\/{2,}/g, '/').replace(/(?<=.)\/$/, '') : path
}

/** Answers 405 to other methods of the paths that are routed so far. */
function refuseOtherMethods(app: Hono<Env>): void {
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

function answerError(ports: AppPorts, error: Error, c: Context): Response {
  const wire = wireErrorOf(error)
  if (wire.statusCode >= 500) {
    const fields = { method: c.req.method, path: c.req.path, status: wire.statusCode, error }
    // A client that goes away in the middle of its body is no fault of the server.
    if (c.req.raw.signal.aborted) ports.log.debug('a client closed its request', fields)
    else ports.log.error('a request failed', fields)
  }
  return c.json(wire, wire.statusCode, error instanceof HttpError ? error.headers : {})
}
