/** Options that the clients of all AWS services share. A function makes one client per service, at module level. */
import { Agent as HttpAgent } from 'node:http'
import { Agent as HttpsAgent } from 'node:https'
import { NodeHttpHandler } from '@smithy/node-http-handler'

/** Options of tests. On AWS the environment has the region, the credentials and the endpoints. */
export type ClientOptions = {
  readonly region?: string
  readonly endpoint?: string
  readonly credentials?: { readonly accessKeyId: string; readonly secretAccessKey: string }
}

const CONNECT_TIMEOUT_MS = 1_500

type Timeouts = { readonly answerWithinMs: number; readonly idleMs?: number }

/** An HTTP handler that keeps connections alive and bounds every wait. */
export function httpHandler(wanted: Timeouts): NodeHttpHandler {
  return new NodeHttpHandler({ ...timeouts(wanted), ...agents() })
}

/** Without `throwOnRequestTimeout` the handler only warns and keeps waiting. */
export function timeouts({ answerWithinMs, idleMs }: Timeouts) {
  return {
    connectionTimeout: CONNECT_TIMEOUT_MS,
    requestTimeout: answerWithinMs,
    throwOnRequestTimeout: true,
    ...(idleMs !== undefined && { socketTimeout: idleMs }),
  }
}

export type Agents = { readonly httpsAgent: HttpsAgent; readonly httpAgent: HttpAgent }

export function agents(): Agents {
  const options = { keepAlive: true, maxSockets: 50 }
  return { httpsAgent: new HttpsAgent(options), httpAgent: new HttpAgent(options) }
}
