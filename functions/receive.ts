import { toLambda } from '@kabutar/aws/lambda.ts'
import { receiveFromSes } from '@kabutar/core/receiving/from-ses.ts'
import { basicPorts, blobPorts, queuePorts, webhookPorts } from './ports.ts'

const ports = { ...basicPorts(), ...blobPorts(), ...queuePorts('receiveQueue', 'webhookQueue'), ...webhookPorts() }

/** Receive queue to mailboxes: what SES announces, and what is accepted already. */
export const handler = toLambda(ports.receiveQueue, (batch, signal) => receiveFromSes(ports, batch, signal))

/** The queue of S3's own events, 15 minutes late. Nothing there is in a hurry: a failure waits for its visibility. */
const unhurried = { settle: async () => [] }
export const recover = toLambda(unhurried, (batch, signal) => receiveFromSes(ports, batch, signal))
