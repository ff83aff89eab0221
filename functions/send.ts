import { toLambda } from '@kabutar/aws/lambda/queue-handler.ts'
import { sendBatch } from '@kabutar/core/sending/send.ts'
import { blobPorts } from './blob-ports.ts'
import { basicPorts, queuePorts, webhookPorts } from './ports.ts'
import { relayPorts } from './relay-ports.ts'

const ports = {
  ...basicPorts(),
  ...blobPorts(),
  ...queuePorts('sendQueue', 'webhookQueue'),
  ...webhookPorts(),
  ...relayPorts(),
}

/** Send queue to relay. Only crashes and unknown errors go back to the queue; known waits end inside `sendBatch`. */
export const handler = toLambda(ports.sendQueue, (batch, signal) => sendBatch(ports, batch, signal))
