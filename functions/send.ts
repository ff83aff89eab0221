import { queueHandler } from '@kabutar/aws/lambda/queue-handler.ts'
import { keepWaiting } from '@kabutar/aws/sqs/waiting-entries.ts'
import { sendBatch } from '@kabutar/core/sending/send.ts'
import { basicPorts, blobPorts, queuePorts, relayPorts, webhookPorts } from './wiring.ts'

const basic = basicPorts()
const ports = {
  ...basic,
  ...blobPorts(() => import('@kabutar/aws/s3/blobs.ts')),
  ...queuePorts('sendQueue', 'webhookQueue'),
  ...webhookPorts(),
  ...relayPorts(basic),
}

/** Send queue to relay. Only crashes and unknown errors go back to the queue; known waits end inside `sendBatch`. */
export const handler = queueHandler(
  ports.sendQueue,
  keepWaiting(ports, 'send', (batch, signal) => sendBatch(ports, batch, signal)),
)
