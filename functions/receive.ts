import { queueHandler } from '@kabutar/aws/lambda/queue-handler.ts'
import { receiveFromSes } from '@kabutar/aws/ses/inbound.ts'
import { keepWaiting } from '@kabutar/aws/sqs/waiting-entries.ts'
import { basicPorts, blobPorts, queuePorts, retentionPorts, webhookPorts } from './wiring.ts'

const ports = {
  ...basicPorts(),
  ...blobPorts(() => import('@kabutar/aws/s3/blobs.ts')),
  ...queuePorts('receiveQueue', 'webhookQueue'),
  ...webhookPorts(),
  ...retentionPorts(),
}

/** Receive queue to received messages: notifications of SES and S3, and entries of ours. */
export const handler = queueHandler(
  ports.receiveQueue,
  keepWaiting(ports, 'receive', (batch, signal) => receiveFromSes(ports, batch, signal)),
)
