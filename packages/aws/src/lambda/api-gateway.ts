import type { Env, Hono, Schema } from 'hono'
import { handle, type LambdaEvent } from 'hono/aws-lambda'

/** Payload format 2.0. */
export type HttpApiEvent = Extract<LambdaEvent, { rawPath: string }>

/**
 * Runs a Hono app as the function behind an HTTP API of API Gateway. `hono/aws-lambda` translates the event and the
 * answer; `withUsablePath` and `withoutIdleBody` do what it leaves out.
 */
export function apiGatewayHandler<E extends Env, S extends Schema, P extends string>(app: Hono<E, S, P>) {
  const invoke = handle(app)
  return (event: HttpApiEvent) => invoke(withUsablePath(withoutIdleBody(event)))
}

/** Encodes `?` and `#` again, which the gateway decodes in paths: `/suppressions/a%3Fb@x.test` has no query. */
function withUsablePath(event: HttpApiEvent): HttpApiEvent {
  return { ...event, rawPath: event.rawPath.replaceAll('?', '%3F').replaceAll('#', '%23') }
}

/** Drops the body of a GET or HEAD. It has no meaning (RFC 9110 section 9.3.1), and `Request` refuses it. */
function withoutIdleBody(event: HttpApiEvent): HttpApiEvent {
  const { method } = event.requestContext.http
  return method === 'GET' || method === 'HEAD' ? { ...event, body: null } : event
}
