import { queueHandler } from '@kabutar/aws/lambda/queue-handler.ts'
import { keepWaiting } from '@kabutar/aws/sqs/waiting-entries.ts'
import { guardedClient } from '@kabutar/core/net/guarded.ts'
import { dispatchBatch } from '@kabutar/core/webhooks/dispatch.ts'
import { dispatchState } from '@kabutar/core/webhooks/dispatch-ports.ts'
import { systemResolver } from '@kabutar/local/dns.ts'
import { allowPrivate, basicPorts, queuePorts, webhookPorts } from './wiring.ts'

const basic = basicPorts()
const client = guardedClient({ clock: basic.clock, resolver: systemResolver, allowPrivate: allowPrivate() })
const ports = {
  ...basic,
  ...queuePorts('webhookQueue'),
  ...webhookPorts(),
  client,
  ...dispatchState(client, basic),
  userAgent: 'Kabutar/0.1',
}

/** Webhook queue to endpoints: sign, post, record. */
export const handler = queueHandler(
  ports.webhookQueue,
  keepWaiting(ports, 'webhooks', (batch, signal) => dispatchBatch(ports, batch, signal)),
)
