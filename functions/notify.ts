import { toLambda } from '@kabutar/aws/lambda/queue-handler.ts'
import { dispatchBatch } from '@kabutar/core/webhooks/dispatch.ts'
import { dispatchPorts } from './dispatch-ports.ts'
import { basicPorts, queuePorts, webhookPorts } from './ports.ts'

const ports = { ...basicPorts(), ...queuePorts('webhookQueue'), ...webhookPorts(), ...dispatchPorts() }

/** Webhook queue to endpoints: sign, post, record. */
export const handler = toLambda(ports.webhookQueue, (batch, signal) => dispatchBatch(ports, batch, signal))
