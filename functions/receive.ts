import { toLambda } from '@kabutar/aws/lambda/queue-handler.ts'
import { receiveFromSes } from '@kabutar/aws/ses/inbound.ts'
import { blobPorts } from './blob-ports.ts'
import { basicPorts, queuePorts, webhookPorts } from './ports.ts'

const ports = { ...basicPorts(), ...blobPorts(), ...queuePorts('receiveQueue', 'webhookQueue'), ...webhookPorts() }

/** Receive queue to mailboxes: what SES announces, and what is accepted already. */
export const handler = toLambda(ports.receiveQueue, (batch, signal) => receiveFromSes(ports, batch, signal))
