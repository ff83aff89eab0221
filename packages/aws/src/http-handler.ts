import { Agent as HttpAgent } from 'node:http'
import { Agent as HttpsAgent } from 'node:https'
import { NodeHttpHandler } from '@smithy/node-http-handler'

const CONNECT_TIMEOUT_MS = 1_500

type Timeouts = { readonly answerWithinMs: number; readonly idleMs?: number }

/** Keep-alive, and a bound on each wait. */
export function http(wanted: Timeouts): NodeHttpHandler {
  return new NodeHttpHandler({ ...timeouts(wanted), ...agents() })
}

/** Without `throwOnRequestTimeout` the handler only warns and waits on. */
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
