import type { KeyPorts } from '@kabutar/core/accounts/keys.ts'
import type { DomainsPorts } from '@kabutar/core/domains/change.ts'
import { type Changes, polledChanges } from '@kabutar/core/messages/activity.ts'
import { ViewLinks } from '@kabutar/core/messages/view-links.ts'
import type { DeadLetters } from '@kabutar/core/ports/dead-letters.ts'
import type { SubmitPorts } from '@kabutar/core/sending/submit.ts'
import { lazy } from '@kabutar/core/store/lazy.ts'
import type { Context, Hono } from 'hono'
import { accounts } from './accounts.ts'
import { activity } from './activity.ts'
import { activityStream } from './activity-stream.ts'
import { apiKeys } from './api-keys.ts'
import { type AddressOf, isSignedIn, keyRequired } from './auth.ts'
import { roomForBody } from './body.ts'
import { deadLetters } from './dead-letters.ts'
import { domains } from './domains.ts'
import { downloads } from './downloads.ts'
import { emails } from './emails.ts'
import { emptyApp, refuseOtherMethods } from './empty-app.ts'
import type { Env } from './env.ts'
import { HttpError } from './errors.ts'
import { answerHealth, type Health } from './health.ts'
import { inspectingReceived, inspectingSent, messageContent, sentAttachments } from './message-content.ts'
import { receivedHistory, sentHistory } from './message-history.ts'
import { messageView, viewLinks } from './message-view.ts'
import { endsSignedOut, OpenStreams } from './open-streams.ts'
import { ownHostRequired } from './own-hosts.ts'
import { checkQuery } from './query.ts'
import { injection, type ReceivingPorts, receiving } from './receiving.ts'
import { openSession, type ServerFacts, session } from './session.ts'
import { type HttpVersionOf, type Loopback, Sessions } from './sessions.ts'
import { suppressions } from './suppressions.ts'
import { type UploadRoutePorts, uploadLinks, uploads } from './uploads.ts'
import { type WebhookPorts, webhooks } from './webhooks.ts'

type AppPorts = SubmitPorts &
  KeyPorts &
  ReceivingPorts &
  WebhookPorts &
  UploadRoutePorts &
  Omit<DomainsPorts, 'identities'> &
  /** Without them another app has the routes of domains (domains-app.ts). */
  Partial<Pick<DomainsPorts, 'identities'>>
type AppOptions = {
  /** Opens the routes of the operator; without it they do not exist. */
  readonly operatorToken?: string
  /** Shows the operator the dead letters; without it the routes do not exist. */
  readonly deadLetters?: DeadLetters
  /** Host fields that are answered; any other is refused. @default all */
  readonly hosts?: readonly string[]
  /** Lets the console in without a key. @default nobody */
  readonly loopback?: Loopback
  /** The version of HTTP that a request came in: who asks in HTTP/1.0 is no browser. */
  readonly httpVersionOf?: HttpVersionOf
  /** Tells what changes in the list of messages. @default the newest rows are compared, and GET /stream does not exist */
  readonly changes?: Changes
  /** Aborts when the process ends, so that nobody waits longer. @default never */
  readonly ending?: AbortSignal
  /** Closes the connection of a request. @default never */
  cut?(c: Context): void
  /** Tells GET /session about the server. @default a server that captures mail */
  readonly facts?: ServerFacts
  /** The files of the console, which need no key. @default none */
  readonly site?: Hono<Env>
  /** The address of the client, by which wrong keys are slowed. Not on AWS: a waiting function keeps other requests out. */
  readonly addressOf?: AddressOf
  /** Opens POST /emails/receiving/inject, for development. */
  readonly inject?: boolean
  /** @default always ok */
  readonly health?: () => Promise<Health>
}
/** Composes the HTTP API. Every answer is JSON, except downloads, and every error has the form of errors.ts. */
export function createApp(ports: AppPorts, options: AppOptions = {}): Hono<Env> {
  const app = emptyApp(ports)
  if (options.hosts) app.use(ownHostRequired(options.hosts))
  app.get('/health', (c) => answerHealth(c, options.health?.()))
  // Few ask for it, so its schemas are loaded and described when the first does.
  const described = lazy(async () => (await import('./openapi.ts')).openApi())
  app.get('/openapi.json', async (c) => {
    return c.json({ ...(await described()), servers: [{ url: new URL(c.req.url).origin }] })
  })
  const { operatorToken: token, facts = CAPTURING } = options
  const sessions = new Sessions(ports, options)
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
  const streams = new OpenStreams()
  for (const path of ['/session', '/api-keys/:id']) app.use(path, endsSignedOut(streams))
  app.route('/session', session(looking, sessions, facts))
  app.route('/activity', activity(looking))
  if (looking.changes.wait)
    app.route(
      '/stream',
      activityStream({ ...looking, streams, isSignedIn: (c) => isSignedIn(ports, sessions, c) }, looking.changes.wait),
    )
  routeEmails(app, ports, links, options.inject)
  app.route('/uploads', uploads(ports))
  app.route('/api-keys', apiKeys(ports))
  const { identities } = ports
  if (identities) app.route('/domains', domains({ ...ports, identities }))
  else redirectToDomainsApp(app)
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
  app.route('/emails/receiving', messageContent(ports, inspectingReceived(ports)))
  app.route('/emails/receiving', viewLinks(ports, links, 'received', inspectingReceived(ports)))
  refuseOtherMethods(app)
  app.route('/emails', emails(ports))
  app.route('/emails', sentAttachments(ports))
  app.route('/emails', sentHistory(ports))
  app.route('/emails', messageContent(ports, inspectingSent(ports)))
  app.route('/emails', viewLinks(ports, links, 'sent', inspectingSent(ports)))
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

/**
 * Redirects `//domains` and `/domains/`, which the gateway does not lead to the app of domains, to the path that it does.
 * 308 keeps method and body (RFC 9110 section 15.4.9).
 */
function redirectToDomainsApp(app: Hono<Env>): void {
  app.all('/domains/*', (c) => {
    const { pathname, search } = new URL(c.req.url)
    const path = `${pathname.startsWith('/api/') ? '/api' : ''}${c.req.path}`
    if (pathname === path) throw new HttpError(404, 'not_found', 'The requested endpoint does not exist.')
    return c.redirect(`${path}${search}`, 308)
  })
}

const CAPTURING: ServerFacts = { platform: 'embedded', relay: 'capture' }
