import { enqueue, manyRows, readBlobs, rows, writeBlobs } from './access.ts'
import { domains } from './domains.ts'
import type { Receiving } from './receiving.ts'
import type { Sending } from './sending.ts'
import type { Settled } from './settings.ts'
import type { Storage } from './storage.ts'
import type { Webhooks } from './webhooks.ts'

/**
 * Declares the only public endpoint. The gateway has no authorizer, so that errors have the wire's form. Its throttle is far
 * above any usual load: a request that it refuses costs nothing, one that reaches the function costs a read to find out
 * that its key does not exist. API Gateway gives up after 30 s.
 */
export function api(settings: Settled, stored: Storage, notifying: Webhooks, sent: Sending, received: Receiving) {
  const gateway = gatewayOf(settings)
  gateway.route('$default', {
    handler: 'functions/api.handler',
    timeout: '29 seconds',
    memory: settings.memory.api,
    environment: {
      ...stored.environment,
      ...notifying.environment,
      KABUTAR_SEND_QUEUE: sent.queue.url,
      KABUTAR_RECEIVE_QUEUE: received.queue.url,
    },
    permissions: [
      ...rows(stored.table),
      ...manyRows(stored.table),
      ...readBlobs(stored.blobs),
      ...writeBlobs(stored.blobs),
      ...enqueue(sent.queue, notifying.queue),
    ],
  })
  const { arn } = domains(settings, stored, notifying, sent, received)
  // The console, which has one origin with the API, asks under /api.
  for (const path of ['/domains', '/api/domains']) {
    gateway.route(`ANY ${path}`, arn)
    gateway.route(`ANY ${path}/{path+}`, arn)
  }
  return { url: gateway.url, apiId: gateway.nodes.api.id }
}
export type Api = ReturnType<typeof api>

function gatewayOf({ domain, throttle, logRetention }: Settled) {
  return new sst.aws.ApiGatewayV2('Api', {
    cors: false,
    accessLog: { retention: logRetention },
    ...(domain !== undefined && { domain: typeof domain === 'string' ? domain : { ...domain, dns: false as const } }),
    transform: {
      stage: (args) => {
        args.defaultRouteSettings = { throttlingRateLimit: throttle.perSecond, throttlingBurstLimit: throttle.burst }
        args.accessLogSettings = $output(args.accessLogSettings).apply((log) => ({
          destinationArn: log?.destinationArn ?? '',
          format: ACCESS_LOG,
        }))
      },
    },
  })
}

/**
 * SST's access log without the path, the client's address and its user agent: a path may end in an e-mail address
 * (`/suppressions/:email`).
 */
const ACCESS_LOG = JSON.stringify({
  requestTime: '$context.requestTime',
  requestId: '$context.requestId',
  httpMethod: '$context.httpMethod',
  routeKey: '$context.routeKey',
  status: '$context.status',
  responseLatency: '$context.responseLatency',
  responseLength: '$context.responseLength',
  integrationStatus: '$context.integration.integrationStatus',
  integrationLatency: '$context.integration.latency',
  gatewayError: '$context.error.responseType',
})
