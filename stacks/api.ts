import { enqueue, readBlobs, rows, sesArn, writeBlobs } from './access.ts'
import type { Receiving } from './receiving.ts'
import type { Sending } from './sending.ts'
import type { Storage } from './storage.ts'
import type { Webhooks } from './webhooks.ts'

/**
 * Declares the only public endpoint. One function answers every route, and the gateway has no authorizer or throttle of
 * its own, so that errors have the wire's form. API Gateway gives up after 30 s.
 */
export function api(stored: Storage, notifying: Webhooks, sent: Sending, received: Receiving) {
  const gateway = new sst.aws.ApiGatewayV2('Api', { cors: false, accessLog: { retention: '1 month' } })
  gateway.route('$default', {
    handler: 'functions/api.handler',
    timeout: '29 seconds',
    memory: '512 MB',
    environment: {
      ...stored.environment,
      ...notifying.environment,
      ...received.environment,
      KABUTAR_SEND_QUEUE: sent.queue.url,
      KABUTAR_RECEIVE_QUEUE: received.queue.url,
    },
    permissions: [
      ...rows(stored.table),
      ...readBlobs(stored.blobs),
      ...writeBlobs(stored.blobs),
      ...enqueue(sent.queue, notifying.queue),
      ...domains(),
    ],
  })
  return { url: gateway.url, apiId: gateway.nodes.api.id }
}
export type Api = ReturnType<typeof api>

/** Lets the API manage the SES identities and receipt rules of domains that users add. */
function domains() {
  return [
    {
      actions: [
        'ses:CreateEmailIdentity',
        'ses:GetEmailIdentity',
        'ses:DeleteEmailIdentity',
        'ses:PutEmailIdentityMailFromAttributes',
        // Identities carry a tag of this stage; identities without it are never changed.
        'ses:TagResource',
      ],
      resources: [sesArn('identity/*')],
    },
    // SES has no ARNs for receipt rules, so a policy cannot name them.
    {
      actions: [
        'ses:DescribeActiveReceiptRuleSet',
        'ses:CreateReceiptRule',
        'ses:UpdateReceiptRule',
        'ses:DeleteReceiptRule',
      ],
      resources: ['*'],
    },
  ]
}
